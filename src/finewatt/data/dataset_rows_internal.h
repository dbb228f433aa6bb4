// Rows of a data file before they become examples: one reader for each file format, all with the
// same cells.
//
// Main type: DataRow. The readers' errors name the row, not the file; rows are counted from 1, a
// header line included. Not for CoNLL columns nor SQuAD documents, which are no tables.
#pragma once

#include "finewatt/base/result.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace finewatt {

/// A value of a row; nothing for a null or for a column that this row does not have. Tables of text
/// (.tsv, .csv) hold strings only.
using DataCell = std::variant<std::monostate, std::string, std::int64_t, std::vector<std::string>,
                              std::vector<std::int64_t>>;

/// The chosen columns of one row.
struct DataRow {
    std::size_t number = 0;  ///< the line in .tsv and .jsonl, the record in .csv, the item in .json
    std::vector<DataCell> cells{};
};

/// Gets the names of a file's columns (of its first row's keys, in .json and .jsonl) and returns
/// those to read, in the order of DataRow::cells. It may return only names that it got, or an
/// error. A column `a` that holds objects is offered as `a.b` for each of their keys, too.
using ColumnChooser =
    std::function<Result<std::vector<std::string>>(const std::vector<std::string>&)>;

/// Tab-separated lines, without quoting.
Result<std::vector<DataRow>> read_tsv_rows(std::string_view text, const ColumnChooser& choose);
/// Comma-separated values with quoting (RFC 4180).
Result<std::vector<DataRow>> read_csv_rows(std::string_view text, const ColumnChooser& choose);
/// One JSON array of objects.
Result<std::vector<DataRow>> read_json_rows(std::string_view text, const ColumnChooser& choose);
/// One JSON object a line.
Result<std::vector<DataRow>> read_jsonl_rows(std::string_view text, const ColumnChooser& choose);

/// Read a file by the format that its name says: .tsv, .csv, .json or .jsonl, each also with .gz,
/// or .parquet. Errors: those of read_text_file, read_parquet_rows and of the readers; invalid
/// argument for another name; corrupt when there are no rows.
Result<std::vector<DataRow>> read_data_rows(const std::filesystem::path& file,
                                            const ColumnChooser& choose);

/// Return a file name's ending without ".gz", e.g. ".tsv".
std::string data_extension(const std::filesystem::path& file);

// What a cell must hold. `name` is its column's, for the message; all errors are corrupt or invalid
// argument and name row and column.

/// A string that is not blank.
Result<std::string> text_of(const DataRow& row, std::size_t cell, std::string_view name);
/// A label: a string or a whole number, not empty.
Result<std::string> label_of(const DataRow& row, std::size_t cell, std::string_view name);
/// A list of strings; an empty list holds nothing of any type.
Result<std::vector<std::string>> texts_of(const DataRow& row, std::size_t cell,
                                          std::string_view name);
/// A list of whole numbers; an empty list holds nothing of any type.
Result<std::vector<std::int64_t>> integers_of(const DataRow& row, std::size_t cell,
                                              std::string_view name);

}  // namespace finewatt
