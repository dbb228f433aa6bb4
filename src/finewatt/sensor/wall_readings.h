// WallReadings: what a wall meter showed, written down by hand or by another program, as a table of
// time, outlet and watts (or energy). The way of "Energy and Carbon Considerations of Fine-Tuning
// BERT", where meters at the outlets are the reference for the software's figures.
//
// Main types: WallReadings, OutletReadings, WallEnergy. Not for a meter that is read while a run
// goes on: wall_meter.h. docs/formats/wall-readings.md has the columns.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/result.h"
#include "finewatt/units/quantity.h"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// What the numbers of an outlet are: power at the time, or energy counted since some moment.
enum class WallQuantity { kPower, kEnergy };

/// One number that a meter showed: watts or joules, as the outlet's quantity says. A plain number,
/// because one series holds either.
struct WallReading {
    WallTime time{};
    double value = 0;
};

/// The readings of one outlet, in time order, each later than the one before.
struct OutletReadings {
    std::string outlet;
    WallQuantity quantity = WallQuantity::kPower;
    /// The smallest step that the numbers show, in watts or joules: one unit of the last decimal
    /// that any line of this outlet uses.
    double step = 0;
    std::vector<WallReading> readings;
};

/// A whole file. Outlets are in the order of their first line; at least one, each with at least one
/// reading.
struct WallReadings {
    std::vector<OutletReadings> outlets;

    /// Time of the earliest and of the latest line.
    WallTime first_time() const;
    WallTime last_time() const;
};

/// How to read a file.
struct WallReadingsOptions {
    /// What second 0 is where the times are small numbers of seconds, such as those of a stopwatch.
    /// Without it such times are refused. Times of 10^9 and more are Unix seconds.
    std::optional<WallTime> second_zero;
};

/// Parse a table. `name` is the file's name for messages. Columns, in any order, others ignored:
/// `time`; optionally `outlet`; and one of `power_w` (or `watts`), `energy_j` (`joules`),
/// `energy_wh` (`wh`) or `energy_kwh` (`kwh`).
///
/// Errors, all corrupt and all naming FILE:LINE: a ragged row, a time or number that cannot be
/// read, a negative number, a time that is not later than the line before of that outlet, energy
/// that decreases, no rows. Columns that are missing or that contradict each other name line 1.
Result<WallReadings> parse_wall_readings(std::string_view text, std::string_view name,
                                         const WallReadingsOptions& options = {});

/// Read and parse a file. Errors: those of read_file and of parse_wall_readings.
Result<WallReadings> read_wall_readings(const std::filesystem::path& path,
                                        const WallReadingsOptions& options = {});

/// Energy over a window, with its range.
struct WallEnergy {
    std::optional<Joules> energy;
    std::optional<Joules> energy_low;
    std::optional<Joules> energy_high;
    double coverage = 0;       ///< share of the window between first and last reading, 0 to 1
    std::size_t readings = 0;  ///< readings inside the window
    std::optional<std::string> reason;  ///< why the energy is unknown
    std::vector<std::string> notes;     ///< caveats on a known energy, e.g. gaps
};

/// Energy of one outlet in [begin, end). Power is integrated by straight lines between readings,
/// energy is the difference, interpolated at the edges. Nothing is added before the first or after
/// the last reading; coverage says how much was seen.
///
/// The range, all terms added. Power: half a step over the time; at each edge one usual spacing
/// times the change of power there; where two readings are more than 5 usual spacings apart, power
/// may have been anything from 0 to the largest one seen. Energy: one step; at each edge the
/// readings on both sides of it. The error of the meter itself is not inside.
WallEnergy wall_energy_between(const OutletReadings& outlet, WallTime begin, WallTime end);

/// Sum over all outlets, which are those of one machine: low and high are added as they are, the
/// coverage is the smallest. Unknown as soon as one outlet is.
WallEnergy wall_energy_between(const WallReadings& readings, WallTime begin, WallTime end);

}  // namespace finewatt
