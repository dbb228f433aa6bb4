#include "finewatt/hub/cache.h"

#include "finewatt/base/file.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <system_error>
#include <unistd.h>

#include <algorithm>
#include <set>

namespace finewatt::hub {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfig = "config.json";
constexpr const char* kWeights = "model.safetensors";
constexpr const char* kWeightsIndex = "model.safetensors.index.json";

/// Return whether a path leads to a file; links are followed.
bool is_file(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
}

Error write_error(const fs::path& path, const std::error_code& failed) {
    return error_from_errno(failed.value(), fmt::format("cache: write {}", path.string()));
}

/// Return the parts that an index of weights names. Error: corrupt.
Result<std::set<std::string>> parts_of_index(const fs::path& index) {
    FINEWATT_ASSIGN(const std::string text, read_file(index));
    const nlohmann::json document = nlohmann::json::parse(text, nullptr, false);
    std::set<std::string> parts;
    if (document.is_object() && document.contains("weight_map")) {
        for (const auto& [tensor, part] : document["weight_map"].items()) {
            if (part.is_string()) {
                parts.insert(part.get<std::string>());
            }
        }
    }
    if (parts.empty()) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected a JSON object with weight_map, found none",
                              index.string());
    }
    return parts;
}

Error not_in_cache(const RepoCache& cache, const std::string& why) {
    const Repo& repo = cache.repo();
    return FINEWATT_ERROR(kNotFound, "{} {}: not in the cache: {}; get it with `finewatt fetch {}`",
                          repo_type_name(repo.type), repo.text(), why, repo.fetch_arguments());
}

}  // namespace

RepoCache::RepoCache(const HubSettings& settings, Repo repo)
    : repo_(std::move(repo)),
      folder_(settings.cache / repo_.folder_name()),
      locks_(settings.cache / ".locks" / repo_.folder_name()) {}

fs::path RepoCache::lock(std::string_view etag) const {
    return locks_ / (std::string(etag) + ".lock");
}

fs::path RepoCache::snapshot(std::string_view commit) const {
    return folder_ / "snapshots" / commit;
}

fs::path RepoCache::file(std::string_view commit, std::string_view file) const {
    return snapshot(commit) / file;
}

std::optional<std::string> RepoCache::commit() const {
    if (is_commit(repo_.revision)) {
        return repo_.revision;
    }
    Result<std::string> text = read_file(folder_ / "refs" / repo_.revision);
    if (!text) {
        return std::nullopt;
    }
    const std::string commit = text->substr(0, text->find_first_of("\r\n"));
    const bool is_name = is_safe_path(commit) && commit.find('/') == std::string::npos;
    return is_name ? std::optional(commit) : std::nullopt;
}

bool RepoCache::has_file(std::string_view commit, std::string_view name) const {
    return is_file(file(commit, name));
}

std::vector<std::string> RepoCache::files(std::string_view commit) const {
    const fs::path root = snapshot(commit);
    std::vector<std::string> names;
    std::error_code failed;
    fs::recursive_directory_iterator entry(root, failed);
    while (!failed && entry != fs::recursive_directory_iterator()) {
        if (is_file(entry->path())) {
            names.push_back(entry->path().lexically_relative(root).generic_string());
        }
        entry.increment(failed);
    }
    std::sort(names.begin(), names.end());
    return names;
}

Status RepoCache::set_commit(const std::string& commit) const {
    if (repo_.revision == commit || this->commit() == commit) {
        return {};
    }
    const fs::path ref = folder_ / "refs" / repo_.revision;
    std::error_code failed;
    fs::create_directories(ref.parent_path(), failed);
    if (failed) {
        return write_error(ref, failed);
    }
    return write_file_atomically(ref, commit);
}

Status RepoCache::link_file(std::string_view commit, std::string_view name,
                            std::string_view etag) const {
    const fs::path link = file(commit, name);
    const fs::path target = blob(etag);
    std::error_code failed;
    fs::create_directories(link.parent_path(), failed);
    if (failed) {
        return write_error(link, failed);
    }
    // Made beside and renamed, so that a reader never finds the file missing.
    const fs::path temporary = fmt::format("{}.{}.new", link.string(), ::getpid());
    fs::remove(temporary, failed);
    fs::create_symlink(target.lexically_relative(link.parent_path()), temporary, failed);
    if (failed == std::errc::operation_not_permitted || failed == std::errc::not_supported) {
        fs::copy_file(target, temporary, failed);
    }
    if (!failed) {
        fs::rename(temporary, link, failed);
    }
    return failed ? Status(write_error(link, failed)) : Status();
}

Result<fs::path> find_snapshot(const HubSettings& settings, const Repo& repo) {
    const RepoCache cache(settings, repo);
    std::error_code ignored;
    if (!fs::is_directory(cache.folder(), ignored)) {
        return not_in_cache(cache, fmt::format("there is no folder {}", cache.folder().string()));
    }
    const std::optional<std::string> commit = cache.commit();
    if (!commit) {
        return not_in_cache(cache, fmt::format("{} does not say which commit '{}' is",
                                               (cache.folder() / "refs").string(), repo.revision));
    }
    fs::path folder = cache.snapshot(*commit);
    if (!fs::is_directory(folder, ignored)) {
        return not_in_cache(cache, fmt::format("there is no folder {}", folder.string()));
    }
    return folder;
}

Result<fs::path> find_model(const HubSettings& settings, const Repo& repo) {
    FINEWATT_ASSIGN(fs::path folder, find_snapshot(settings, repo));
    const std::vector<std::string> missing = missing_model_files(folder);
    if (!missing.empty()) {
        return not_in_cache(RepoCache(settings, repo),
                            fmt::format("{} lacks {}", folder.string(), fmt::join(missing, ", ")));
    }
    return folder;
}

std::vector<std::string> missing_model_files(const fs::path& folder) {
    std::vector<std::string> missing;
    if (!is_file(folder / kConfig)) {
        missing.emplace_back(kConfig);
    }
    if (is_file(folder / kWeights)) {
        return missing;
    }
    const Result<std::set<std::string>> parts = parts_of_index(folder / kWeightsIndex);
    if (!parts) {
        missing.emplace_back(kWeights);
        return missing;
    }
    for (const std::string& part : *parts) {
        if (!is_file(folder / part)) {
            missing.push_back(part);
        }
    }
    return missing;
}

}  // namespace finewatt::hub
