// Text classification data: examples read from files, with label names. Readers for TSV, CSV,
// JSON and JSON lines, plain or gzip, and for folders of texts.
//
// Main types: Dataset, ColumnNames. Not for question answering or entity data (task_data.h reads
// every kind), and not for token ids (features.h). Source of the label order: transformers,
// run_glue.py.
#pragma once

#include "finewatt/base/result.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace finewatt {

/// The class of an example without one.
inline constexpr std::int32_t kNoLabel = -1;

/// One item: a text, perhaps a second one, and its class.
struct Example {
    std::string text;
    std::optional<std::string> pair{};
    std::int32_t label = 0;  ///< index into Dataset::label_names, or kNoLabel
};

/// A data set in memory, in file order.
struct Dataset {
    std::vector<Example> examples;
    std::vector<std::string> label_names;  ///< id -> name, the order of id2label
    bool has_labels = true;                ///< every example has its label
};

/// Which columns to read.
struct ColumnNames {
    std::string text = "text";
    std::optional<std::string> pair{};
    std::string label = "label";
};

/// Whether every example must have its label. kOptional is for data to predict.
enum class LabelRule { kRequired, kOptional };

/// How to read a classification data set.
struct DatasetOptions {
    /// Names that the columns may have; the first set whose columns are all there is read.
    std::vector<ColumnNames> columns{ColumnNames{}};
    /// Fixed classes (id -> name). Without them they are collected and sorted.
    std::optional<std::vector<std::string>> label_names{};
    LabelRule label_rule = LabelRule::kRequired;
};

/// Read a classification data set. The format follows the name: .tsv (no quoting, as GLUE has it),
/// .csv, .json (an array of objects), .jsonl, each also with .gz; a folder with one subfolder of
/// .txt files for each class (aclImdb/train), or the same inside a .tar, .tar.gz or .tgz file
/// (aclImdb_v1.tar.gz/train names a folder in it). Folders are read class by class in the order of
/// their names, texts by the number their name begins with; `unsup` is left out.
///
/// Labels are names, or, with fixed classes, also numbers from 0. Without fixed classes the names
/// are collected and sorted (numbers by value), as run_glue.py does. kOptional accepts a file
/// without the label column, and rows whose label is empty, null or -1.
///
/// Errors: not found; corrupt or invalid argument naming file and row, for a missing column (the
/// columns are listed), a ragged row, invalid UTF-8, an empty text, a label that is not known, or
/// a data set with fewer than two classes (when they are not fixed).
Result<Dataset> read_dataset(const std::filesystem::path& path, const DatasetOptions& options);

}  // namespace finewatt
