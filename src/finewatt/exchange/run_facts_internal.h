// What several formats want to know of a run: energy by part, hardware, place.
//
// Main functions: part_energy, hardware_text, place_of. Nothing is computed anew here: figures are
// sums over the record's own components.
#pragma once

#include "finewatt/record/run.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt::exchange {

/// Return the sum over the counted components of a name ("cpu", "dram", "gpu"), or nothing when
/// there is none or one of them is unknown.
std::optional<Joules> part_energy(const EnergySummary& energy, std::string_view component);

/// Return a setting as text; nothing when it is absent or unknown.
std::optional<std::string> setting_text(const SettingMap& settings, const std::string& key);

/// Return a setting that is a number.
std::optional<double> setting_number(const SettingMap& settings, const std::string& key);

/// GPUs of one model.
struct GpuGroup {
    std::string name;
    int count = 0;
};

/// Return the machine's GPUs by model, in the record's order.
std::vector<GpuGroup> gpus_of(const RunRecord& run);

/// Return "2 x NVIDIA A40"; models are joined by ", ". Empty without a known GPU.
std::string gpu_text(const RunRecord& run);

/// Return GPUs and processor as people say them; empty where nothing is known.
std::string hardware_text(const RunRecord& run);

/// Where a run was, as far as its carbon says.
struct RunPlace {
    std::string country;      ///< name; empty where unknown
    std::string country_iso;  ///< three capital letters; empty where unknown
    std::string region;       ///< grid zone within the country; empty where there is none
    std::string cloud_provider;
    std::string cloud_region;
};

RunPlace place_of(const RunRecord& run);

/// Return "finewatt 0.1.0", the version that measured the run; "finewatt" where it is unknown.
std::string tool_text(const RunRecord& run);

/// Return the run's name, or its id where it has none.
std::string run_label(const RunRecord& run);

/// Return the time of the run's end; its start where the duration is unknown.
WallTime end_of(const RunRecord& run);

/// Return "2026-11-23T04:28:00" (UTC, no zone), with `separator` between date and time.
std::string local_time_text(WallTime time, char separator);

}  // namespace finewatt::exchange
