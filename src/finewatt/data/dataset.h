// Text classification data: examples read from files, with label names. Readers for TSV, CSV,
// JSON and JSON lines, plain or gzip.
//
// Main type: Dataset. Not for question answering or entity data, and not for token ids
// (features.h). Source of the label order: transformers, run_glue.py.
#pragma once

#include "finewatt/base/result.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace finewatt {

/// One item: a text, perhaps a second one, and its class.
struct Example {
    std::string text;
    std::optional<std::string> pair{};
    std::int32_t label = 0;  ///< index into Dataset::label_names
};

/// A data set in memory, in file order.
struct Dataset {
    std::vector<Example> examples;
    std::vector<std::string> label_names;  ///< id -> name, the order of id2label
};

/// Which columns to read.
struct ColumnNames {
    std::string text = "text";
    std::optional<std::string> pair{};
    std::string label = "label";
};

/// Whether every row must have its label. kOptional is for data to predict.
enum class LabelRule { kRequired, kOptional };

/// Read a classification data set. The format follows the file name: .tsv (no quoting, as GLUE has
/// it), .csv, .json (an array of objects), .jsonl, each also with .gz. Without `label_names` they
/// are collected and sorted (numbers by value), as run_glue.py does; with them, another label is an
/// error.
///
/// Errors: not found; corrupt or invalid argument naming file and row, for a missing column (the
/// columns are listed), a ragged row, invalid UTF-8, an empty text, a label that is not known, or
/// a data set with fewer than two classes (when label_names are not given).
Result<Dataset> read_classification_data(
    const std::filesystem::path& file, const ColumnNames& columns,
    const std::optional<std::vector<std::string>>& label_names = std::nullopt);

}  // namespace finewatt
