#include "finewatt/hub/repo.h"

#include <algorithm>

namespace finewatt::hub {
namespace {

constexpr std::size_t kMaxPartLength = 96;
constexpr std::size_t kCommitDigits = 40;

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Return why a part of a name ("org" or "name") is none, or nothing.
std::string_view fault_of_part(std::string_view part) {
    if (part.empty() || part.size() > kMaxPartLength) {
        return "each part must have 1 to 96 characters";
    }
    const auto is_allowed = [](char c) { return is_word(c) || c == '-' || c == '.'; };
    if (!std::all_of(part.begin(), part.end(), is_allowed)) {
        return "only letters, digits, '-', '_' and '.' are allowed";
    }
    if (!is_word(part.front()) || !is_word(part.back())) {
        return "a part must begin and end with a letter, a digit or '_'";
    }
    return "";
}

/// Return why a text is no name, or nothing.
std::string_view fault_of_name(std::string_view name) {
    const std::size_t slash = name.find('/');
    std::string_view fault = fault_of_part(name.substr(0, slash));
    if (fault.empty() && slash != std::string_view::npos) {
        fault = fault_of_part(name.substr(slash + 1));
    }
    if (fault.empty() &&
        (name.find("--") != std::string_view::npos || name.find("..") != std::string_view::npos)) {
        fault = "'--' and '..' are not allowed";
    }
    if (fault.empty() && name.ends_with(".git")) {
        fault = "it must not end with '.git'";
    }
    return fault;
}

}  // namespace

std::string_view repo_type_name(RepoType type) {
    return type == RepoType::kModel ? "model" : "data set";
}

std::string Repo::text() const {
    return revision == "main" ? name : name + "@" + revision;
}

std::string Repo::folder_name() const {
    std::string folder = type == RepoType::kModel ? "models--" : "datasets--";
    const std::size_t slash = name.find('/');
    folder += name.substr(0, slash);
    if (slash != std::string::npos) {
        folder += "--" + name.substr(slash + 1);
    }
    return folder;
}

std::string Repo::fetch_arguments() const {
    return text() + (type == RepoType::kDataset ? " --dataset" : "");
}

Result<Repo> parse_repo(std::string_view text, RepoType type) {
    Repo repo;
    repo.type = type;
    const std::size_t at = text.find('@');
    repo.name = text.substr(0, at);
    if (at != std::string_view::npos) {
        repo.revision = text.substr(at + 1);
    }
    std::string_view fault = fault_of_name(repo.name);
    // A revision may have '/' in it, as in "refs/pr/1", and becomes a path below refs/.
    if (fault.empty() && !is_safe_path(repo.revision)) {
        fault = "after '@' a branch, tag or commit must follow";
    }
    if (!fault.empty()) {
        return FINEWATT_ERROR(
            kInvalidArgument, "'{}': expected the name of a {} on the hub, such as {}: {}", text,
            repo_type_name(type),
            type == RepoType::kModel ? "google-bert/bert-base-uncased" : "stanfordnlp/imdb", fault);
    }
    return repo;
}

bool is_hub_name(std::string_view text) {
    return parse_repo(text).has_value();
}

bool is_commit(std::string_view revision) {
    return revision.size() == kCommitDigits &&
           revision.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_safe_path(std::string_view path) {
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
    if (std::any_of(path.begin(), path.end(), is_control)) {
        return false;
    }
    while (true) {
        const std::size_t slash = path.find('/');
        const std::string_view part = path.substr(0, slash);
        if (part.empty() || part == "." || part == "..") {
            return false;
        }
        if (slash == std::string_view::npos) {
            return true;
        }
        path.remove_prefix(slash + 1);
    }
}

}  // namespace finewatt::hub
