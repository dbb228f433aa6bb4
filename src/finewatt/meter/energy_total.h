// The sum over channels: which of them may be added (no domain inside another one, one channel per
// domain and device), the range of the sum, and the record's EnergySummary.
//
// Main types: ChannelSelection, EnergyTotal. Not for the energy of a channel: channel_energy.h.
#pragma once

#include "finewatt/meter/channel_energy.h"
#include "finewatt/record/run.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// A channel that is not part of the total, and why.
struct ExcludedChannel {
    std::size_t index = 0;
    std::string reason;
};

/// Which channels a total contains. Indices are those of the list it was chosen from.
struct ChannelSelection {
    std::vector<std::size_t> counted;       ///< in list order
    std::vector<ExcludedChannel> excluded;  ///< in list order
};

/// Choose the channels of a total: package + dram + gpu; core only where its package is missing;
/// psys only when there is neither package nor dram; node only when nothing else is there; other
/// never. Per domain and device one channel: sensors before models, counters before gauges; a
/// sensor of a CPU or memory domain replaces every model of that domain. An empty device is a
/// device of its own.
ChannelSelection choose_channels(std::span<const ChannelSpec> channels);

/// The sum over the counted channels.
struct EnergyTotal {
    std::optional<Joules> energy;
    std::optional<Joules> energy_low;
    std::optional<Joules> energy_high;
    std::optional<Provenance> provenance;  ///< the weakest of the parts
    bool is_mixed = false;                 ///< whether the parts differ in provenance
    double coverage = 0;                   ///< the smallest of the parts
    std::uint64_t wraps = 0;
    std::uint64_t gaps = 0;
    std::optional<std::string> reason;  ///< names the unknown part, or "no channel"
    std::vector<std::string> domains;   ///< what the total contains, in the order of Domain
};

/// Add up the counted channels. `energies` has one entry per channel. Independent sensors combine
/// root-sum-square; gain errors of sensors of the same model (same source, domain and gain errors)
/// add linearly first. One unknown part makes the total unknown; certain bounds stay.
EnergyTotal total_energy(std::span<const ChannelSpec> channels,
                         std::span<const ChannelEnergy> energies,
                         const ChannelSelection& selection);

/// Return the record's summary: the total and one component per channel, counted or not. Its
/// provenance is "mixed" when the counted parts differ, and empty when the total is unknown.
EnergySummary summarize_energy(std::span<const ChannelSpec> channels,
                               std::span<const ChannelEnergy> energies);

/// Return the component a domain belongs to: cpu, dram, gpu, node or other.
std::string_view component_name(Domain domain);

}  // namespace finewatt
