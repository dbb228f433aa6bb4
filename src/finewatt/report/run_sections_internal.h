// All that a page says of one run, as HTML sections: the whole of it where the report is over one
// run, a part that can be unfolded where it is over several.
#pragma once

#include "finewatt/record/run.h"

#include <string>
#include <string_view>

namespace finewatt::report {

/// Makes a section out of its title and its content.
using SectionMaker = std::string (*)(std::string_view title, std::string_view html);

/// "fine-tuning, complete. Started 2026-11-23T04:28:00.000Z. Run 01K…".
std::string run_subtitle(const RunRecord& run);

/// Scores, energy, carbon, energy per work and time.
std::string key_figures_html(const RunRecord& run);

/// Components, phases, carbon, what stands beside the total, work, settings, machine, software,
/// files, metering, and how the figures came about.
std::string run_sections(const RunRecord& run, SectionMaker section);

}  // namespace finewatt::report
