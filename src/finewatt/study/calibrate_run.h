// Calibrating against a wall meter: loads the machine in known ways while both the software's
// channels and the meter are read, and fits one to the other.
//
// Main functions: record_loads, which takes real time, and calibration_of, which computes. Not for
// readings taken by hand: calibrate_fit.h.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/result.h"
#include "finewatt/meter/meter.h"
#include "finewatt/meter/wall_fit.h"
#include "finewatt/record/calibration.h"
#include "finewatt/study/calibrate_idle.h"
#include "finewatt/study/load_generator.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// What to drive, and for how long.
struct LoadPlan {
    std::vector<std::string> kinds{"idle", "cpu", "memory", "gpu"};
    std::size_t repeats = kLeastPairs;  ///< windows of each kind, taken in turns
    std::chrono::nanoseconds duration = std::chrono::seconds(120);  ///< of one window
    /// Time a load runs before its window and after it, so that the meter's lag does not mix loads.
    std::chrono::nanoseconds settle = std::chrono::seconds(10);
    std::chrono::nanoseconds interval = std::chrono::milliseconds(100);  ///< between samples
    SysRoot root;  ///< whose /proc tells whether the idle windows were at rest
    /// Called at the begin of each window; may be empty.
    std::function<void(std::string_view kind, std::size_t window, std::size_t windows)> on_window;
};

/// A wall meter that can be read.
struct WallMeter {
    std::unique_ptr<Source> source;
    /// How often it renews its figure, as the user said; nothing = as its channels say, which may
    /// be longer, because they allow for the time of a request.
    std::optional<double> update_s;
};

/// What was recorded. Windows are on the meter's clock, in seconds since its begin; the window
/// number i is the phase "load-i" of `metered`.
struct LoadRecording {
    std::vector<LoadWindow> windows;
    MeterResult metered;
    /// The wall meters' channels; `update_ms` is the time between two readings that are new.
    std::vector<ChannelSpec> wall;
    std::vector<std::string> notes;  ///< kinds that were skipped, and why
};

/// Drive the loads in turns while everything is sampled. A load that this machine cannot have, or
/// that ends by itself, is skipped with a note. Errors: invalid argument without a wall channel;
/// cancelled when the waiter says so; those of the meter.
Result<LoadRecording> record_loads(std::vector<std::unique_ptr<Source>> sources,
                                   std::vector<WallMeter> wall_meters, const LoadPlan& plan,
                                   const LoadFactory& loads, const Clock& clock,
                                   const Waiter& wait);

/// Power of the wall meters together: one channel per outlet (a counter before a gauge), added.
/// `spacing_s` is the longest time between two new readings of any of them.
struct WallPower {
    PowerCurve curve;
    double spacing_s = 0;
};

/// Error: invalid argument when no wall channel has a reading.
Result<WallPower> wall_power(const std::vector<ChannelSpec>& wall,
                             const std::vector<PowerSeries>& series);

/// Find the lag, make the pairs and fit. Identity, id and version are left to the caller. Errors:
/// those of fit_wall; invalid argument when the software counted nothing.
Result<WallCalibration> calibration_of(const LoadRecording& recording);

/// Put what a fit gave into a calibration: coefficients, pairs, slope, idle power, notes.
void put_fit(WallCalibration& calibration, WallFit fit);

}  // namespace finewatt
