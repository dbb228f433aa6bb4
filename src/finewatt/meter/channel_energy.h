// The energy of one channel over one window, as the rules of docs/measuring.md give it.
//
// Main type: ChannelEnergy. Made by channel_stream.h; sums over channels are energy_total.h. Every
// figure that cannot be known is empty and has a reason; a bound is kept where one is certain.
#pragma once

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
    /// Energy of the steps that are known: equals `energy` where that is known.
    Joules known_part{};
    double coverage = 0;              ///< share of the window really seen, 0..1
    std::uint64_t wraps = 0;          ///< accepted wraps of the counter
    std::uint64_t gaps = 0;           ///< runs of failed reads (and silences of a gauge)
    std::uint64_t unknown_steps = 0;  ///< steps that `reason` speaks of, e.g. resets
    Joules resolution{};              ///< what one raw step is worth over the window
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

/// Power of a channel for figures: mean power between samples. Unknown steps and bridged gaps of a
/// gauge leave holes.
struct PowerPoints {
    std::vector<double> t_s;      ///< end of each interval
    std::vector<double> power_w;  ///< mean power over the interval that ends there
};

}  // namespace finewatt
