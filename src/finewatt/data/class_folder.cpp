#include "finewatt/base/file.h"
#include "finewatt/data/archive_internal.h"
#include "finewatt/data/dataset_texts_internal.h"
#include "finewatt/data/label_index_internal.h"
#include "finewatt/data/text_file_internal.h"

#include <fmt/ranges.h>

#include <system_error>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

namespace finewatt {
namespace {

namespace fs = std::filesystem;

/// aclImdb's folder of reviews without a label (its README).
constexpr std::string_view kUnlabelledFolder = "unsup";

/// The texts of a file tree by path below its root, e.g. "pos/12_9.txt".
using TextFiles = std::map<std::string, std::string>;

bool is_archive(const fs::path& path) {
    const std::string name = path.filename().string();
    return name.ends_with(".tar") || name.ends_with(".tar.gz") || name.ends_with(".tgz");
}

/// Cut a path into an archive and a folder inside it; the archive is empty when there is none.
std::pair<fs::path, fs::path> split_at_archive(const fs::path& path) {
    fs::path before;
    for (auto part = path.begin(); part != path.end(); ++part) {
        before /= *part;
        std::error_code ignored;
        if (is_archive(before) && fs::is_regular_file(before, ignored)) {
            fs::path inside;
            for (++part; part != path.end(); ++part) {
                inside /= *part;
            }
            return {before, inside};
        }
    }
    return {};
}

/// What remains of an archive member's name below the folder that was asked for, which may stand
/// at any depth ("aclImdb/train/pos/1_7.txt" is "pos/1_7.txt" below "train"); empty: it is outside.
std::string below(const std::string& name, const std::string& folder) {
    if (folder.empty()) {
        return name;
    }
    const std::string inside = "/" + folder + "/";
    const std::string rooted = "/" + name;
    const std::size_t at = rooted.find(inside);
    return at == std::string::npos ? std::string() : rooted.substr(at + inside.size());
}

/// Return the folder above the class of a text, "aclImdb/train/" for "aclImdb/train/pos/1_7.txt",
/// or nothing for what is no labelled text.
std::optional<std::string> root_of(const std::string& name) {
    const std::size_t file_at = name.rfind('/');
    if (!name.ends_with(".txt") || file_at == std::string::npos || file_at == 0) {
        return std::nullopt;
    }
    const std::size_t slash = name.rfind('/', file_at - 1);
    const std::size_t class_at = slash == std::string::npos ? 0 : slash + 1;
    if (std::string_view(name).substr(class_at, file_at - class_at) == kUnlabelledFolder) {
        return std::nullopt;
    }
    return name.substr(0, class_at);
}

/// Return the one folder that holds the classes. Lists such as aclImdb/train/urls_pos.txt stand
/// higher than the texts, so the deepest folder counts.
Result<std::string> find_root(const TextFiles& files) {
    std::map<std::ptrdiff_t, std::set<std::string>> roots_by_depth;
    for (const auto& file : files) {
        if (const auto root = root_of(file.first)) {
            roots_by_depth[std::count(root->begin(), root->end(), '/')].insert(*root);
        }
    }
    if (roots_by_depth.empty()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "expected a subfolder of .txt files for each class (as in "
                              "aclImdb/train: pos and neg), found none; name that folder");
    }
    const std::set<std::string>& roots = roots_by_depth.rbegin()->second;
    if (roots.size() > 1) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "expected one folder with a subfolder for each class, found several: "
                              "{}; add the name of one to the path",
                              fmt::join(roots, ", "));
    }
    return *roots.begin();
}

/// Keep the texts below a root, with their names below it.
TextFiles select(TextFiles&& files, const std::string& root) {
    TextFiles selected;
    for (auto& [name, content] : files) {
        if (root_of(name) == root) {
            selected.emplace(name.substr(root.size()), std::move(content));
        }
    }
    return selected;
}

Result<TextFiles> read_archive_texts(const fs::path& archive, const fs::path& folder) {
    TextFiles files;
    FINEWATT_TRY(for_each_archive_file(archive, [&](const std::string& name, std::string content) {
        std::string relative = below(name, folder.generic_string());
        if (root_of(relative)) {
            files.emplace(std::move(relative), std::move(content));
        }
    }));
    FINEWATT_ASSIGN(const std::string root, find_root(files));
    return select(std::move(files), root);
}

Result<TextFiles> read_folder_files(const fs::path& folder) {
    TextFiles files;  // without contents, until it is known which ones count
    std::error_code error;
    for (fs::recursive_directory_iterator entry(folder, error), end; entry != end && !error;
         entry.increment(error)) {
        std::error_code ignored;
        if (entry->is_regular_file(ignored)) {
            files.emplace(entry->path().lexically_relative(folder).generic_string(), "");
        }
    }
    if (error) {
        return FINEWATT_ERROR(kIo, "reading the folder: {}", error.message());
    }
    FINEWATT_ASSIGN(const std::string root, find_root(files));
    TextFiles texts = select(std::move(files), root);
    for (auto& [name, content] : texts) {
        FINEWATT_ASSIGN(content, read_file(folder / root / name));
    }
    return texts;
}

/// Sorts by class, then by the number that a file's name begins with, then by name.
std::tuple<std::string, std::int64_t, std::string> sort_key(const std::string& relative) {
    const std::size_t slash = relative.find('/');
    const std::string name = relative.substr(slash + 1);
    const auto number = whole_number(name.substr(0, name.find_first_not_of("0123456789")));
    return {relative.substr(0, slash), number.value_or(0), name};
}

}  // namespace

bool is_class_folder(const fs::path& path) {
    std::error_code ignored;
    return fs::is_directory(path, ignored) || !split_at_archive(path).first.empty();
}

Result<std::vector<LabelledText>> read_folder_texts(const fs::path& path) {
    const auto [archive, inside] = split_at_archive(path);
    FINEWATT_ASSIGN(TextFiles files, archive.empty() ? read_folder_files(path)
                                                     : read_archive_texts(archive, inside));
    std::vector<LabelledText> texts;
    for (auto& [relative, content] : files) {
        FINEWATT_TRY_CONTEXT(check_text(content), "{}", relative);
        if (content.find_first_not_of(" \t\r\n") == std::string::npos) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "{}: expected a text, found an empty file; remove it", relative);
        }
        texts.push_back({.place = relative,
                         .text = std::move(content),
                         .label = relative.substr(0, relative.find('/'))});
    }
    std::sort(texts.begin(), texts.end(), [](const LabelledText& a, const LabelledText& b) {
        return sort_key(a.place) < sort_key(b.place);
    });
    return texts;
}

}  // namespace finewatt
