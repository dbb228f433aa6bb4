// Report tables (run_tables.h) as text: terminal, Markdown, LaTeX, CSV, JSON.
//
// Main functions: render_terminal, render_markdown, render_latex, render_csv, render_json. Each
// makes text from outside harmless in its own medium. The page is html_report.h.
#pragma once

#include "finewatt/report/run_tables.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace finewatt {

/// Return aligned columns for a terminal of `width` columns. A table that is too wide is continued
/// below, with its first column repeated. Tables without rows are left out.
std::string render_terminal(std::span<const ReportTable> tables, std::size_t width);

/// Return GitHub-flavoured Markdown tables under headings of level 2.
std::string render_markdown(std::span<const ReportTable> tables);

/// Return `table` environments for LaTeX; they need the package booktabs.
std::string render_latex(std::span<const ReportTable> tables);

/// Return one table as CSV (RFC 4180, lines end with '\n'): keys with units in the header, numbers
/// that read back as the same double, an empty field for unknown. A text that a spreadsheet would
/// take for a formula begins with an apostrophe.
std::string render_csv(const ReportTable& table);

/// Return one JSON object: a list of objects under the name of each table, keys as in CSV, null for
/// unknown; under "files" the paths of what was written. `indent` as in to_json (record/json.h).
std::string render_json(std::span<const ReportTable> tables, std::span<const std::string> files,
                        int indent = 0);

/// Return the text so that Markdown shows it as it is, in a table cell or a heading.
std::string escape_markdown(std::string_view text);

/// Return the text so that LaTeX typesets it as it is.
std::string escape_latex(std::string_view text);

}  // namespace finewatt
