// The summary that a person sees at the end of a run, as text for a terminal.
//
// Main function: render_summary. Programs read the record's JSON instead (record/json.h); the page
// with figures is html_report.h.
#pragma once

#include "finewatt/record/run.h"

#include <cstddef>
#include <string>

namespace finewatt {

struct SummaryOptions {
    std::size_t width = 100;  ///< columns of the terminal; below 60 is taken as 60
    bool use_colour = false;  ///< ANSI colours; only for a terminal, and not under NO_COLOR
};

/// Return the summary: status, scores, energy in J and kWh with its range, components and where
/// each figure comes from, phases, carbon, work, speed, wall time, files. Lines end with '\n'.
/// What is unknown says so with its reason. Text from outside is made safe to print.
std::string render_summary(const RunRecord& run, const SummaryOptions& options = {});

}  // namespace finewatt
