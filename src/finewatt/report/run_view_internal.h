// A run record turned into the texts that the summary and the page both show, so that the two
// never tell different stories. Texts from outside are passed on as they are: the renderers make
// them safe for their medium.
#pragma once

#include "finewatt/record/run.h"
#include "finewatt/report/beyond_lines.h"
#include "finewatt/report/format.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt::report {

/// One component as a row of a table. Cells of unknown figures read "unknown"; `remarks` says why.
struct ComponentView {
    std::string component;
    std::string device;
    std::string source;
    std::string energy;
    std::string range;
    std::string power_mean;
    std::string power_max;
    std::string provenance;
    std::string coverage;  ///< "" when the source does not state it
    bool is_counted = true;
    std::vector<std::string> remarks;
};

/// One phase as a row of a table.
struct PhaseView {
    std::string name;
    std::string begin;
    std::string duration;
    std::string energy;
    std::string range;
    std::string power_mean;
    std::string provenance;
    std::string remark;
};

/// Whether the energy is there and a finite number.
bool is_known(const std::optional<Joules>& energy);

/// The energy and its range as plain joules; the energy must be known.
Range joules_range(const EnergySummary& energy);

/// "12.3 kJ (6.1 to 18.5 kJ)", or why it is unknown and the bound that is certain, if any.
std::string energy_text(const EnergySummary& energy);
/// The same in kWh; "unknown" without the reason.
std::string kwh_text(const EnergySummary& energy);
/// "modelled; package, dram", with the coverage where it is below 0.99.
std::string energy_origin_text(const EnergySummary& energy);
/// Emissions with their range, or why they are unknown.
std::string carbon_text(const RunRecord& run);
/// Energy per 1,000 examples, with the digits that the range of the energy allows.
std::string energy_per_1k_examples_text(const RunRecord& run);
std::string wall_time_text(const RunRecord& run);
/// "complete", "failed (exit status 1): reason".
std::string status_text(const RunRecord& run);

std::vector<LabelledText> score_lines(const RunRecord& run);
std::vector<LabelledText> carbon_lines(const RunRecord& run);
/// Examples, steps, tokens and padding, energy per work, speed.
std::vector<LabelledText> work_lines(const RunRecord& run);
std::vector<LabelledText> meter_lines(const RunRecord& run);
std::vector<LabelledText> artifact_lines(const RunRecord& run);
/// What happened to the metering, one line a note.
std::vector<LabelledText> note_lines(const RunRecord& run);
/// A setting or a fact about the machine as text.
std::string setting_text(const SettingValue& value);
/// Energy at the wall, or why a calibration was refused; nothing without a calibration.
std::vector<LabelledText> calibration_lines(const RunRecord& run);
/// Energy at rest and net energy; nothing without a baseline.
std::vector<LabelledText> baseline_lines(const RunRecord& run);
/// The part of the run's own processes; nothing unless it was asked for.
std::vector<LabelledText> attribution_lines(const RunRecord& run);

std::vector<ComponentView> component_views(const EnergySummary& energy);
std::vector<PhaseView> phase_views(const RunRecord& run);

}  // namespace finewatt::report
