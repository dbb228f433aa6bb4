#include "finewatt/base/file.h"
#include "finewatt/data/archive_internal.h"
#include "finewatt/data/dataset_texts_internal.h"
#include "finewatt/data/label_index_internal.h"
#include "finewatt/data/text_file_internal.h"

#include <system_error>

#include <algorithm>
#include <map>
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

/// Whether a file counts: "CLASS/NAME.txt", and not of the unlabelled folder.
bool is_text_of_a_class(std::string_view relative) {
    const std::size_t slash = relative.find('/');
    return slash != std::string_view::npos && slash > 0 &&
           relative.find('/', slash + 1) == std::string_view::npos && relative.ends_with(".txt") &&
           relative.substr(0, slash) != kUnlabelledFolder;
}

Result<TextFiles> read_archive_texts(const fs::path& archive, const fs::path& folder) {
    TextFiles files;
    TextFiles deeper;  // of folders such as train/ and test/, when no folder was named
    FINEWATT_TRY(for_each_archive_file(archive, [&](std::string name, std::string content) {
        const std::string relative = below(name, folder.string());
        // Without a folder, the classes are looked for at any depth.
        const std::size_t file_at = name.rfind('/');
        const std::size_t class_at =
            file_at == std::string::npos || file_at == 0 ? file_at : name.rfind('/', file_at - 1);
        if (is_text_of_a_class(relative)) {
            files.emplace(relative, std::move(content));
        } else if (folder.empty() && class_at != std::string::npos &&
                   is_text_of_a_class(std::string_view(name).substr(class_at + 1))) {
            deeper.emplace(std::move(name), std::move(content));
        }
    }));
    if (!files.empty() || deeper.empty()) {
        return files;
    }
    std::map<std::string, std::size_t> roots;
    for (const auto& [name, content] : deeper) {
        ++roots[name.substr(0, name.rfind('/', name.rfind('/') - 1))];
    }
    if (roots.size() > 1) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "expected one folder of classes in the archive, found several; name "
                              "one, e.g. {}/{}",
                              archive.string(), roots.rbegin()->first);
    }
    const std::size_t prefix = roots.begin()->first.size() + 1;
    for (auto& [name, content] : deeper) {
        files.emplace(name.substr(prefix), std::move(content));
    }
    return files;
}

Result<TextFiles> read_folder_files(const fs::path& folder) {
    TextFiles files;
    std::error_code error;
    for (fs::recursive_directory_iterator entry(folder, error), end; entry != end && !error;
         entry.increment(error)) {
        const std::string relative = entry->path().lexically_relative(folder).generic_string();
        std::error_code ignored;
        if (!is_text_of_a_class(relative) || !entry->is_regular_file(ignored)) {
            continue;
        }
        FINEWATT_ASSIGN(std::string content, read_file(entry->path()));
        files.emplace(relative, std::move(content));
    }
    if (error) {
        return FINEWATT_ERROR(kIo, "reading the folder: {}", error.message());
    }
    return files;
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
    if (files.empty()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "expected a subfolder of .txt files for each class (as in "
                              "aclImdb/train: pos and neg), found none; name that folder");
    }
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
