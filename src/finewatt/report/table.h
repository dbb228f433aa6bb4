// A small text table for people: aligned columns, headings, cut to the width of a terminal.
//
//   TextTable table({{"phase"}, {"time", Align::kRight}});
//   table.add_row({"train", "1 min 52 s"});
//   std::cout << table.render({.indent = 2});
//
// Not for files: tables that programs read are CSV or JSON.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace finewatt {

enum class Align { kLeft, kRight };

/// One column. `can_shrink` marks those that give way when the table is too wide (the others keep
/// their width), e.g. a name or a sentence, but not a number.
struct TextColumn {
    std::string header;
    Align align = Align::kLeft;
    bool can_shrink = false;
};

struct TextTableOptions {
    std::size_t max_width = 100;  ///< columns of the terminal, indentation included
    std::size_t indent = 0;       ///< spaces before each line
    bool has_header = true;
};

/// Rows of text under headings. Value type; not thread-safe.
class TextTable {
  public:
    explicit TextTable(std::vector<TextColumn> columns);

    /// Add a row: as many cells as there are columns (a short row is filled with empty cells; more
    /// are a bug). Cells go through safe_text.
    void add_row(std::vector<std::string> cells);

    bool is_empty() const { return rows_.empty(); }

    /// Return the lines, each ended by '\n', columns two spaces apart, without trailing spaces.
    /// Shrinkable columns are cut with "…", but not below 6 columns.
    std::string render(const TextTableOptions& options = {}) const;

  private:
    std::vector<std::size_t> fitted_widths(const TextTableOptions& options) const;

    std::vector<TextColumn> columns_;
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace finewatt
