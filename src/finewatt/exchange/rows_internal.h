// Runs as rows: a Markdown table, a LaTeX table in booktabs style, and CSV for programs.
//
// Markdown and LaTeX are for people: kWh and kg, in the digits that the range allows. CSV holds the
// record's own names, units and full figures. Not for reports with figures (report/).
#pragma once

#include "finewatt/exchange/formats.h"

#include <span>
#include <string>
#include <string_view>

namespace finewatt::exchange {

/// Return a GitHub-flavoured Markdown table with a row for each run.
Result<std::string> write_markdown(std::span<const RunRecord> runs, const ExtraFacts& facts);

/// Return a LaTeX tabular with a row for each run; needs the package booktabs.
Result<std::string> write_latex(std::span<const RunRecord> runs, const ExtraFacts& facts);

/// Return a CSV document with a row for each run; unknown = empty.
Result<std::string> write_csv(std::span<const RunRecord> runs, const ExtraFacts& facts);

/// Return `existing` with a row for each run. An empty text gives a new document. Errors: corrupt
/// for another header or a broken file; invalid argument for a run that is there already.
Result<std::string> extend_csv(std::string_view existing, std::string_view file_name,
                               std::span<const RunRecord> runs);

}  // namespace finewatt::exchange
