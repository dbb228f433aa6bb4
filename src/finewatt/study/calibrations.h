// Calibrations: the files that `finewatt calibrate` leaves, whether one holds for a run, and what
// it says of the run: energy at rest, net energy, energy at the wall.
//
// Main functions: load_calibrations, apply_baseline, apply_wall_calibration. Not for measuring
// (calibrate_idle.h, calibrate_run.h) nor for fitting (meter/wall_fit.h). The file format is
// docs/formats/calibration.md.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/record/calibration.h"
#include "finewatt/record/run.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// A baseline or calibration older than this is refused, unless the user says otherwise. Fans,
/// dust, firmware and power supplies change within months; half a year is our choice.
inline constexpr double kCalibrationMaxAgeDays = 180;

/// Everything in a folder, newest first.
struct StoredCalibrations {
    std::vector<IdleBaseline> idle;
    std::vector<WallCalibration> wall;
    std::vector<std::string> warnings;  ///< files that could not be read, and why
};

/// Return the folder: $XDG_DATA_HOME/finewatt/calibrations, else the same under
/// $HOME/.local/share. Error: not found when neither variable is set.
Result<std::filesystem::path> default_calibration_folder(
    const std::function<const char*(const char* name)>& environment);

/// Read every `*.json` of the folder. A folder that is not there holds nothing. Error: permission
/// or io when it cannot be listed.
Result<StoredCalibrations> load_calibrations(const std::filesystem::path& folder);

/// Write `<folder>/<id>.json`, as a whole or not at all; the folder is made when it is not there.
/// Errors: permission, io.
Status save_calibration(const std::filesystem::path& folder, const IdleBaseline& baseline);
Status save_calibration(const std::filesystem::path& folder, const WallCalibration& calibration);

/// Return the full id that `key`, an id or its beginning (any case), means. Errors: not found;
/// invalid argument when several begin so.
Result<std::string> resolve_calibration(const StoredCalibrations& stored, std::string_view key);

/// Leave only the wall calibration that `key` means. Errors: those of resolve_calibration; invalid
/// argument when it is an idle baseline.
Status keep_wall_calibration(StoredCalibrations& stored, std::string_view key);

/// Return what identifies the machine of a run and what its total contains.
MachineIdentity identity_of(const RunRecord& run);

/// The same for a machine whose channels are known, though nothing was measured yet.
MachineIdentity identity_of(const SettingMap& machine, std::span<const ChannelSpec> channels);

/// Return why `stored` does not hold for `run`, or nothing: other hardware, or too old at the run's
/// start.
std::optional<std::string> reason_against(const IdleBaseline& stored, const RunRecord& run,
                                          double max_age_days);
std::optional<std::string> reason_against(const WallCalibration& stored, const RunRecord& run,
                                          double max_age_days);

/// Return the newest baseline that holds for the run, or null.
const IdleBaseline* find_baseline(std::span<const IdleBaseline> stored, const RunRecord& run,
                                  double max_age_days);

/// Fill `run.baseline` from the newest baseline that holds; where there are some and none holds,
/// say why in the run's notes. Call after energy, duration and machine are filled.
void apply_baseline(RunRecord& run, std::span<const IdleBaseline> stored, double max_age_days);

/// Fill `run.calibration` from the newest calibration that holds; where there are some and none
/// holds, say why in `run.calibration_reason`. The load kind is the one whose mean software power
/// is nearest to the run's: losses of power supply and fans follow power. The adjusted energy is
/// coefficient x total; its range goes from low x low to high x high.
void apply_wall_calibration(RunRecord& run, std::span<const WallCalibration> stored,
                            double max_age_days);

}  // namespace finewatt
