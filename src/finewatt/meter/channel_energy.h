// Energy of one channel over a window, from its readings: wrap, gap, edge, gauge, resolution and
// interval rules. The live meter and replay call the same functions.
//
// Main type: ChannelEnergy. Not for sums over channels: that is energy_total.h. Every figure that
// cannot be known is empty and has a reason; a bound is kept where one is certain.
#pragma once

#include "finewatt/meter/channel_trace.h"
#include "finewatt/record/channel.h"
#include "finewatt/units/quantity.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace finewatt {

/// Energy of one channel over one window.
struct ChannelEnergy {
    std::optional<Joules> energy;       ///< best estimate; nothing = unknown, see `reason`
    std::optional<Joules> energy_low;   ///< lower end of the range; may be known when energy is not
    std::optional<Joules> energy_high;  ///< upper end of the range; may be known when energy is not
    std::optional<Provenance> provenance;  ///< nothing when the energy is unknown
    double coverage = 0;                   ///< share of the window really seen, 0..1
    std::uint64_t wraps = 0;               ///< accepted wraps of the counter
    std::uint64_t gaps = 0;                ///< runs of failed reads (and silences of a gauge)
    Joules resolution{};                   ///< what one raw step is worth over the window
    /// Parts of the range that come from the known gain error; other sensors of the same model
    /// share them.
    Joules gain_below{};
    Joules gain_above{};
    std::optional<Watts> power_mean;  ///< energy over the time seen
    /// Largest mean power between two samples at least half a usual spacing and 5 sensor updates
    /// apart: closer pairs show the counter's step, not the load.
    std::optional<Watts> power_max;
    std::optional<std::string> reason;  ///< why the energy is unknown
    std::vector<std::string> notes;     ///< caveats on a known figure
};

/// Return the energy of the half-open window [begin, end), which must not end before it begins.
/// Nothing is extrapolated: before the first and after the last good reading there is no energy,
/// and coverage says so. Cost: the readings inside the window. Any thread.
ChannelEnergy energy_between(const ChannelTrace& trace, MonoTime begin, MonoTime end);

/// Return the energy over the trace's own span, from its first to its last line, both included.
ChannelEnergy energy_of(const ChannelTrace& trace);

/// Power of the channel for figures: mean power between samples, at most `max_points` points.
/// `t_s` counts from `origin`. Unknown steps and bridged gaps of a gauge leave holes.
struct PowerPoints {
    std::vector<double> t_s;      ///< end of each interval
    std::vector<double> power_w;  ///< mean power over the interval that ends there
};

PowerPoints power_points(const ChannelTrace& trace, MonoTime origin, std::size_t max_points);

}  // namespace finewatt
