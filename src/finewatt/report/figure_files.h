// The figures of a set of runs as files, drawn by gnuplot: power over time with phases, energy by
// phase and component, energy against tokens.
//
// Main function: draw_figure_files. The same figures that can be explored are in html_report.h.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/report/html_report.h"

#include <span>
#include <string>
#include <vector>

namespace finewatt {

/// One drawn figure: its file name ("energy-by-component.svg"), its bytes, and what it shows in
/// words.
struct FigureFile {
    std::string name;
    std::string bytes;
    std::string text_alternative;
};

/// Draw what the runs have data for: power-RUN_ID and energy-by-phase-RUN_ID for each run,
/// energy-by-component and energy-by-phase over several runs, energy-against-tokens.
///
/// Errors: those of draw_figure and of `read_power`; nothing is drawn by halves.
Result<std::vector<FigureFile>> draw_figure_files(std::span<const RunRecord> runs,
                                                  const PowerReader& read_power,
                                                  FigureFormat format,
                                                  const FigureOptions& options = {});

}  // namespace finewatt
