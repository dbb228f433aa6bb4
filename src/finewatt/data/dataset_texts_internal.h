// Texts of a classification data set while their labels are still names: from the rows of a table,
// or from a folder or archive with one subfolder per class.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/dataset.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace finewatt {

/// One text, and where it stands (for messages).
struct LabelledText {
    std::string place;  ///< e.g. "row 3" or "pos/12_9.txt"
    std::string text;
    std::optional<std::string> pair{};
    std::optional<std::string> label{};  ///< nothing: it has none
};

/// Read a table; see read_dataset.
Result<std::vector<LabelledText>> read_table_texts(const std::filesystem::path& file,
                                                   const DatasetOptions& options);

/// Whether a path names a folder of classes: a folder, an archive (.tar, .tar.gz, .tgz) or a
/// folder inside one.
bool is_class_folder(const std::filesystem::path& path);

/// Read a folder of classes; see read_dataset.
Result<std::vector<LabelledText>> read_folder_texts(const std::filesystem::path& path);

}  // namespace finewatt
