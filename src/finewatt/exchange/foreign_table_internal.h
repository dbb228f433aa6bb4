// A CSV file of another tool, read by the names of its columns and checked row by row.
//
// Main type: ForeignTable. Rows with more or fewer fields than the header are refused: their values
// may stand in wrong columns, and nobody can say which. Not for our own data sets (data/).
#pragma once

#include "finewatt/base/csv.h"
#include "finewatt/base/result.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace finewatt::exchange {

/// What a kind of file must hold, and how its errors are explained.
struct ForeignLayout {
    std::string_view tool;                       ///< "CodeCarbon"
    std::span<const std::string_view> required;  ///< columns without which nothing can be read
    std::string_view ragged_hint;                ///< why rows of that tool may have shifted
};

/// The table of one file. `row` counts from 0 after the header in all functions.
class ForeignTable {
  public:
    /// Parse a whole file; `name` is its name for messages. A byte-order mark, CRLF and quotes are
    /// understood. Errors: corrupt for an empty file, missing or repeated columns, ragged rows.
    static Result<ForeignTable> parse(std::string_view text, std::string name,
                                      const ForeignLayout& layout);

    const std::vector<std::string>& header() const { return table_.header; }

    std::size_t row_count() const { return table_.rows.size(); }

    /// The row's number as messages and ImportedRun::row name it: the header is row 1.
    static std::size_t row_number(std::size_t row) { return row + 2; }

    bool has_column(std::string_view column) const;

    /// Return a field; nothing when the column is not there or the field is empty.
    std::optional<std::string> text(std::size_t row, std::string_view column) const;

    /// Return a field as a number that is not negative. "nan" counts as empty, as pandas writes it.
    /// Error: corrupt for anything else.
    Result<std::optional<double>> amount(std::size_t row, std::string_view column) const;

    /// The same, where the row is worthless without it. Error: corrupt also for an empty field.
    Result<double> needed_amount(std::size_t row, std::string_view column) const;

    /// An error about a row: "NAME: row N: MESSAGE".
    Error error_in(std::size_t row, std::string_view message) const;

  private:
    ForeignTable(CsvTable table, std::string name)
        : table_(std::move(table)),
          name_(std::move(name)) {}

    CsvTable table_;
    std::string name_;
};

}  // namespace finewatt::exchange
