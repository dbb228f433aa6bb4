// Comma-separated values: reading through libcsv, writing with RFC 4180 quoting.
#pragma once

#include "finewatt/base/result.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// A parsed table with a header line. Every row has as many fields as the header.
struct CsvTable {
    std::vector<std::string> header;
    std::vector<std::vector<std::string>> rows;

    /// Return the index of a column. Error: not found, listing the columns there are.
    Result<std::size_t> column(std::string_view name) const;
};

/// Parse text whose first line is the header. A byte-order mark is skipped; lines that are empty
/// are skipped. Errors: corrupt, naming the row, for a ragged row or a broken quote.
/// `name` is the file's name for messages.
Result<CsvTable> parse_csv(std::string_view text, std::string_view name);

/// Call `on_row(row_number, fields)` for each row as it is read, the first row being number 1.
/// Stops at the first error that on_row returns. Quoted fields may hold line ends.
Status for_each_csv_row(
    std::string_view text, std::string_view name,
    const std::function<Status(std::size_t row_number, std::vector<std::string>&& fields)>& on_row);

/// Append one row, quoting fields that hold a comma, a quote or a line end.
void append_csv_row(std::string& out, const std::vector<std::string>& fields);

}  // namespace finewatt
