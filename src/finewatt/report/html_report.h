// The report of one run as one HTML page that needs nothing else: no script, no other file, no
// request. Readable in light and dark, by keyboard and screen reader, and on paper.
//
// Main functions: render_html_report, write_html_report. Reports over many runs are not made here.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/record/run.h"
#include "finewatt/report/gnuplot.h"

#include <filesystem>
#include <string>
#include <vector>

namespace finewatt {

/// Return the page. Without gnuplot, or when it fails, the page has its tables and a note in the
/// figure's place; without samples it says that there are none. Text from outside is escaped.
/// `power` holds the channels to draw; values that are not finite are gaps.
///
/// Errors: invalid argument when a series has not as many times as powers.
Result<std::string> render_html_report(const RunRecord& run, const std::vector<PowerSeries>& power,
                                       const FigureOptions& options = {});

/// Render the page and write it whole or not at all. Errors: as above, and those of
/// write_file_atomically.
Status write_html_report(const std::filesystem::path& path, const RunRecord& run,
                         const std::vector<PowerSeries>& power, const FigureOptions& options = {});

}  // namespace finewatt
