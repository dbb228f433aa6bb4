#include "finewatt/meter/energy_total.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>
#include <utility>

namespace finewatt {
namespace {

// A counter of a whole node that is renewed more rarely yields to the power of the same device.
constexpr double kSlowCounterMs = 10'000;

/// Order of preference among channels of one device and domain; smaller wins.
std::pair<int, int> rank_of(const ChannelSpec& channel) {
    int by_provenance = 0;
    if (channel.provenance == Provenance::kModelled) {
        by_provenance = 1;
    } else if (channel.provenance == Provenance::kAssumed) {
        by_provenance = 2;
    }
    // A plug or controller renews its energy seconds or minutes apart: its power tells more.
    const bool is_slow_counter = channel.kind == ChannelKind::kCounter &&
                                 channel.domain == Domain::kNode &&
                                 channel.update_ms.value_or(0) >= kSlowCounterMs;
    int by_kind = channel.kind == ChannelKind::kCounter ? 0 : 1;
    if (is_slow_counter) {
        by_kind = 2;
    }
    return {by_provenance, by_kind};
}

std::string rank_reason(const ChannelSpec& winner, const ChannelSpec& loser) {
    const auto [winner_provenance, winner_kind] = rank_of(winner);
    const auto [loser_provenance, loser_kind] = rank_of(loser);
    std::string_view why = "one channel per device and domain";
    if (winner_provenance != loser_provenance) {
        why = "measured beats modelled";
    } else if (winner_kind != loser_kind) {
        why = winner.kind == ChannelKind::kCounter ? "a counter beats a gauge"
                                                   : "its power is renewed more often";
    }
    return fmt::format("{} covers the same device and domain: {}", winner.id, why);
}

/// Whether two channels of one domain cover the same hardware. Models of CPU and memory stand for
/// the whole machine, so a sensor of their domain covers them, whatever their device is called. A
/// GPU's model stands for its device, or for all when it names none.
bool is_same_hardware(const ChannelSpec& a, const ChannelSpec& b) {
    if (a.domain != b.domain) {
        return false;
    }
    if (!a.device.empty() && a.device == b.device) {
        return true;
    }
    const bool is_sensor_and_model = rank_of(a).first != rank_of(b).first;
    const bool is_whole_machine = a.domain != Domain::kGpu || a.device.empty() || b.device.empty();
    return is_sensor_and_model && is_whole_machine;
}

/// The channels, and for each the reason why it is left out (empty while it is counted).
class Chooser {
  public:
    explicit Chooser(std::span<const ChannelSpec> channels)
        : channels_(channels),
          reasons_(channels.size()) {}

    ChannelSelection choose() {
        drop_twins();
        drop_inner_domains();
        drop_outer_domains();
        ChannelSelection selection;
        for (std::size_t i = 0; i < channels_.size(); ++i) {
            if (reasons_[i].empty()) {
                selection.counted.push_back(i);
            } else {
                selection.excluded.push_back({i, reasons_[i]});
            }
        }
        return selection;
    }

  private:
    bool is_counted(std::size_t i, Domain domain) const {
        return reasons_[i].empty() && channels_[i].domain == domain;
    }

    /// The first counted channel of a domain, of one device or of any.
    const ChannelSpec* find(Domain domain, const std::string* device = nullptr) const {
        for (std::size_t i = 0; i < channels_.size(); ++i) {
            if (is_counted(i, domain) && (device == nullptr || channels_[i].device == *device)) {
                return &channels_[i];
            }
        }
        return nullptr;
    }

    void drop_twins() {
        for (std::size_t i = 0; i < channels_.size(); ++i) {
            for (std::size_t j = 0; j < channels_.size(); ++j) {
                const bool j_wins = std::make_pair(rank_of(channels_[j]), j) <
                                    std::make_pair(rank_of(channels_[i]), i);
                if (j_wins && is_same_hardware(channels_[i], channels_[j])) {
                    reasons_[i] = rank_reason(channels_[j], channels_[i]);
                    break;
                }
            }
        }
    }

    void drop_inner_domains() {
        const ChannelSpec* package = find(Domain::kPackage);
        const ChannelSpec* measured = package != nullptr ? package : find(Domain::kDram);
        const ChannelSpec* psys = find(Domain::kPsys);
        for (std::size_t i = 0; i < channels_.size(); ++i) {
            const ChannelSpec& channel = channels_[i];
            if (is_counted(i, Domain::kOther)) {
                reasons_[i] = "domain 'other' lies inside a domain that is counted already";
            } else if (is_counted(i, Domain::kPsys) && measured != nullptr) {
                reasons_[i] =
                    fmt::format("psys contains package and dram; {} is counted", measured->id);
            } else if (is_counted(i, Domain::kCore)) {
                const ChannelSpec* own = find(Domain::kPackage, &channel.device);
                if (own != nullptr && !channel.device.empty()) {
                    reasons_[i] = fmt::format("core lies inside package {}", own->id);
                } else if (package != nullptr && package->provenance != Provenance::kMeasured &&
                           package->provenance != Provenance::kDerived) {
                    reasons_[i] = fmt::format("core lies inside {}, which stands for all packages",
                                              package->id);
                } else if (package != nullptr && channel.device.empty()) {
                    reasons_[i] =
                        fmt::format("core names no device; it may lie inside {}", package->id);
                } else if (psys != nullptr && measured == nullptr) {
                    reasons_[i] = fmt::format("core lies inside {}", psys->id);
                }
            }
        }
    }

    void drop_outer_domains() {
        const bool has_part = find(Domain::kPackage) != nullptr || find(Domain::kDram) != nullptr ||
                              find(Domain::kCore) != nullptr || find(Domain::kPsys) != nullptr ||
                              find(Domain::kGpu) != nullptr;
        for (std::size_t i = 0; has_part && i < channels_.size(); ++i) {
            if (is_counted(i, Domain::kNode)) {
                reasons_[i] = "a node meter contains its parts; it is kept beside the total";
            }
        }
    }

    std::span<const ChannelSpec> channels_;
    std::vector<std::string> reasons_;
};

/// Distances of one group of sensors from their best estimates, in joules.
struct GroupSpread {
    std::tuple<std::string, Domain, double, double> key;
    double below_squared = 0;
    double above_squared = 0;
    double gain_below = 0;
    double gain_above = 0;
};

void add_spread(std::vector<GroupSpread>& groups, const ChannelSpec& channel,
                const ChannelEnergy& energy) {
    GroupSpread one;
    one.key = {channel.source, channel.domain, channel.gain_error_low.value_or(0),
               channel.gain_error_high.value_or(0)};
    one.gain_below = energy.gain_below.as_joules();
    one.gain_above = energy.gain_above.as_joules();
    const double below = (*energy.energy - *energy.energy_low).as_joules() - one.gain_below;
    const double above = (*energy.energy_high - *energy.energy).as_joules() - one.gain_above;
    one.below_squared = std::max(0.0, below) * std::max(0.0, below);
    one.above_squared = std::max(0.0, above) * std::max(0.0, above);
    const bool has_gain = channel.gain_error_low || channel.gain_error_high;
    for (GroupSpread& group : groups) {
        if (has_gain && group.key == one.key) {
            group.below_squared += one.below_squared;
            group.above_squared += one.above_squared;
            group.gain_below += one.gain_below;
            group.gain_above += one.gain_above;
            return;
        }
    }
    if (!has_gain) {
        // A sensor without a known gain error shares nothing: a key that no other has.
        std::get<0>(one.key) = fmt::format("{}#{}", channel.id, groups.size());
    }
    groups.push_back(std::move(one));
}

/// Range of a sum whose parts are all known.
void fill_known_range(EnergyTotal& total, double best, const std::vector<GroupSpread>& groups) {
    double below = 0;
    double above = 0;
    for (const GroupSpread& group : groups) {
        const double group_below = std::sqrt(group.below_squared) + group.gain_below;
        const double group_above = std::sqrt(group.above_squared) + group.gain_above;
        below += group_below * group_below;
        above += group_above * group_above;
    }
    total.energy = joules(best);
    total.energy_low = joules(std::max(0.0, best - std::sqrt(below)));
    total.energy_high = joules(best + std::sqrt(above));
}

/// What is certain of a sum with an unknown part: the sums of the bounds, as far as all have one.
void fill_certain_bounds(EnergyTotal& total, std::span<const ChannelEnergy> energies,
                         const std::vector<std::size_t>& counted) {
    Joules low{};
    Joules high{};
    bool has_low = false;
    bool has_high = true;
    for (const std::size_t i : counted) {
        // Energy is never negative, so a part without a lower bound adds nothing to it.
        low += energies[i].energy_low.value_or(Joules{});
        has_low = has_low || energies[i].energy_low.has_value();
        high += energies[i].energy_high.value_or(Joules{});
        has_high = has_high && energies[i].energy_high.has_value();
    }
    if (has_low) {
        total.energy_low = low;
    }
    if (has_high) {
        total.energy_high = high;
    }
}

std::vector<std::string> domains_of(std::span<const ChannelSpec> channels,
                                    const std::vector<std::size_t>& counted) {
    constexpr std::array<Domain, 7> kOrder{Domain::kPackage, Domain::kDram, Domain::kCore,
                                           Domain::kPsys,    Domain::kGpu,  Domain::kNode,
                                           Domain::kOther};
    std::vector<std::string> names;
    for (const Domain domain : kOrder) {
        const bool is_in = std::any_of(counted.begin(), counted.end(),
                                       [&](std::size_t i) { return channels[i].domain == domain; });
        if (is_in) {
            names.emplace_back(domain_name(domain));
        }
    }
    return names;
}

ComponentEnergy component_of(const ChannelSpec& channel, const ChannelEnergy& energy) {
    ComponentEnergy component;
    component.component = std::string(component_name(channel.domain));
    component.device = channel.device;
    component.domain = std::string(domain_name(channel.domain));
    component.source = channel.id;
    component.energy = energy.energy;
    component.energy_low = energy.energy_low;
    component.energy_high = energy.energy_high;
    component.power_mean = energy.power_mean;
    component.power_max = energy.power_max;
    component.coverage = energy.coverage;
    component.resolution = energy.resolution;
    component.reason = energy.reason;
    component.notes = energy.notes;
    if (energy.provenance) {
        component.provenance = std::string(provenance_name(*energy.provenance));
    }
    const bool is_model = channel.provenance >= Provenance::kModelled;
    if (!component.reason && is_model && !channel.reason.empty()) {
        component.reason = channel.reason;
    }
    if (energy.energy && !channel.gain_error_low && !channel.gain_error_high) {
        component.notes.emplace_back("gain error of the sensor unknown, not in the range");
    }
    return component;
}

}  // namespace

std::string_view component_name(Domain domain) {
    switch (domain) {
        case Domain::kPackage:
            return "cpu";
        case Domain::kDram:
            return "dram";
        case Domain::kGpu:
            return "gpu";
        case Domain::kNode:
            return "node";
        case Domain::kCore:
        case Domain::kPsys:
        case Domain::kOther:
            return "other";
    }
    return "other";
}

ChannelSelection choose_channels(std::span<const ChannelSpec> channels) {
    return Chooser(channels).choose();
}

EnergyTotal total_energy(std::span<const ChannelSpec> channels,
                         std::span<const ChannelEnergy> energies,
                         const ChannelSelection& selection) {
    EnergyTotal total;
    total.domains = domains_of(channels, selection.counted);
    if (selection.counted.empty()) {
        total.reason = "no channel";
        return total;
    }
    double best = 0;
    std::vector<GroupSpread> groups;
    std::optional<Provenance> weakest;
    total.coverage = 1;
    for (const std::size_t i : selection.counted) {
        const ChannelEnergy& energy = energies[i];
        total.coverage = std::min(total.coverage, energy.coverage);
        total.wraps += energy.wraps;
        total.gaps += energy.gaps;
        if (!energy.energy) {
            const std::string why = energy.reason.value_or("energy unknown");
            total.reason = total.reason
                               ? fmt::format("{}; {}: {}", *total.reason, channels[i].id, why)
                               : fmt::format("{}: {}", channels[i].id, why);
            continue;
        }
        best += energy.energy->as_joules();
        add_spread(groups, channels[i], energy);
        total.is_mixed = total.is_mixed || (weakest && *weakest != *energy.provenance);
        weakest = weakest ? std::max(*weakest, *energy.provenance) : energy.provenance;
    }
    if (total.reason) {
        total.is_mixed = false;
        fill_certain_bounds(total, energies, selection.counted);
        return total;
    }
    total.provenance = weakest;
    fill_known_range(total, best, groups);
    return total;
}

EnergySummary summarize_energy(std::span<const ChannelSpec> channels,
                               std::span<const ChannelEnergy> energies) {
    const ChannelSelection selection = choose_channels(channels);
    const EnergyTotal total = total_energy(channels, energies, selection);
    EnergySummary summary;
    summary.energy = total.energy;
    summary.energy_low = total.energy_low;
    summary.energy_high = total.energy_high;
    summary.coverage = total.coverage;
    summary.domains = total.domains;
    summary.reason = total.reason;
    if (total.provenance) {
        summary.provenance =
            std::string(provenance_name(total.is_mixed ? Provenance::kMixed : *total.provenance));
    }
    for (std::size_t i = 0; i < channels.size(); ++i) {
        summary.components.push_back(component_of(channels[i], energies[i]));
    }
    for (const ExcludedChannel& excluded : selection.excluded) {
        ComponentEnergy& component = summary.components[excluded.index];
        component.counted = false;
        if (component.reason) {
            component.notes.push_back(*component.reason);
        }
        component.reason = excluded.reason;
    }
    return summary;
}

}  // namespace finewatt
