// Fitting a wall calibration from files: pairs written down by hand; stored runs beside the
// readings of a meter, one pair a run, as in Table 7 of arXiv 2311.10267; recorded traces, one pair
// a phase.
//
// Main functions: read_pairs, fit_runs, fit_traces. Not for driving loads: calibrate_run.h.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/meter/wall_fit.h"
#include "finewatt/record/calibration.h"
#include "finewatt/record/run.h"
#include "finewatt/sensor/wall_readings.h"

#include <filesystem>
#include <string_view>
#include <vector>

namespace finewatt {

/// Parse a table of pairs. Columns, in any order, others ignored: software_j, wall_j, duration_s,
/// updates (readings of the meter), and kind ("load" where there is none). Errors: corrupt, naming
/// FILE:ROW, the column, what was expected and what was found.
Result<std::vector<CalibrationPair>> parse_pairs(std::string_view text, std::string_view name);

/// Read and parse a file. Errors: those of read_file and parse_pairs.
Result<std::vector<CalibrationPair>> read_pairs(const std::filesystem::path& path);

/// A stored run with its power over time.
struct MeasuredRun {
    RunRecord record;
    std::vector<PowerSeries> series;
};

/// Readings of a wall meter on the wall clock: one curve per outlet, in Unix seconds.
struct WallCurves {
    std::vector<PowerCurve> outlets;
    double spacing_s = 0;  ///< usual time between two readings, of the slowest outlet
};

/// Turn a table of readings into curves. Error: invalid argument when an outlet has fewer than two
/// readings.
Result<WallCurves> wall_curves_of(const WallReadings& readings);

/// Make one pair of each run: its total, and the wall's energy over its time, moved by the lag that
/// fits all runs best. The kind is the run's. Machine identity is that of the runs. Errors: invalid
/// argument when the runs are of different machines or count different channels; those of fit_wall.
Result<WallCalibration> fit_runs(const std::vector<MeasuredRun>& runs, const WallCurves& wall);

/// Make one pair of each phase of recorded traces (docs/formats/trace.md); the kind is the phase's
/// name. The lag is found from the powers of the phases, so they should differ. Machine identity is
/// left to the caller. Errors: those of replay_file; invalid argument when a trace has no phases,
/// or when traces count different channels; those of fit_wall.
Result<WallCalibration> fit_traces(const std::vector<std::filesystem::path>& traces,
                                   const WallCurves& wall);

}  // namespace finewatt
