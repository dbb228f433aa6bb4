// The report over a set of runs as one HTML page that needs nothing else: no other file, no
// request. One run is a set of one. Readable in light and dark, by keyboard and screen reader, and
// on paper.
//
// Main functions: render_html_report, write_html_report. The figures can be explored in the
// browser; a build without scripts (FINEWATT_WITH_WEB=OFF) has them drawn by gnuplot.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/record/run.h"
#include "finewatt/report/gnuplot.h"

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace finewatt {

/// Gives the power of a run, one series for each channel; values that are not finite are gaps.
/// Called once for each run, so that the series of one run at a time are in memory.
using PowerReader = std::function<Result<std::vector<PowerSeries>>(const RunRecord& run)>;

/// What the page is called, and how its figures are made.
struct HtmlReportOptions {
    std::string title;           ///< empty: the name of the only run, else "N runs"
    bool is_interactive = true;  ///< has no effect in a build without scripts
    FigureOptions figures;       ///< for figures drawn by gnuplot
};

/// Return the page for runs in the order given (see in_report_order). Text from outside is escaped.
/// A figure that has no data, or that gnuplot cannot draw, is replaced by a note.
///
/// Errors: those of `read_power`; invalid argument when a series has not as many times as powers.
Result<std::string> render_html_report(std::span<const RunRecord> runs,
                                       const PowerReader& read_power,
                                       const HtmlReportOptions& options = {});

/// Render the page and write it whole or not at all. Errors: as above, and those of
/// write_file_atomically.
Status write_html_report(const std::filesystem::path& path, std::span<const RunRecord> runs,
                         const PowerReader& read_power, const HtmlReportOptions& options = {});

}  // namespace finewatt
