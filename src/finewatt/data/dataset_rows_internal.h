// Rows of a data file before labels become numbers: one reader for each file format.
//
// Each reader takes the whole text of a file (no byte-order mark) and returns the chosen columns.
// Their errors name the row, not the file; rows are counted from 1, a header line included.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/dataset.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// The chosen columns of one row.
struct DataRow {
    std::size_t number = 0;  ///< the line in .tsv and .jsonl, the record in .csv, the item in .json
    std::string text;
    std::optional<std::string> pair;
    std::string label;
};

/// Tab-separated lines, without quoting.
Result<std::vector<DataRow>> read_tsv_rows(std::string_view text, const ColumnNames& columns);
/// Comma-separated values with quoting (RFC 4180).
Result<std::vector<DataRow>> read_csv_rows(std::string_view text, const ColumnNames& columns);
/// One JSON array of objects.
Result<std::vector<DataRow>> read_json_rows(std::string_view text, const ColumnNames& columns);
/// One JSON object a line.
Result<std::vector<DataRow>> read_jsonl_rows(std::string_view text, const ColumnNames& columns);

}  // namespace finewatt
