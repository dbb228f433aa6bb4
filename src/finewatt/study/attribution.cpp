#include "finewatt/study/attribution.h"

#include <fmt/format.h>

#include <algorithm>

namespace finewatt {
namespace {

/// Energy of one component that goes to the run, and its energy at rest.
struct Part {
    Joules best{};
    Joules low{};
    Joules high{};
    std::optional<Joules> idle;
};

ShareRange whole_device() {
    return {1, 0, 1};
}

const ChannelIdle* find_idle(const IdleBaseline* baseline, const std::string& source) {
    if (baseline == nullptr) {
        return nullptr;
    }
    for (const ChannelIdle& channel : baseline->channels) {
        if (channel.source == source) {
            return &channel;
        }
    }
    return nullptr;
}

Joules not_negative(Joules energy) {
    return std::max(energy, joules(0));
}

Part split_with_baseline(const ComponentEnergy& component, double duration_s,
                         const ShareRange& share, const ChannelIdle& idle) {
    const Joules best = *component.energy;
    const Joules low = component.energy_low.value_or(best);
    const Joules high = component.energy_high.value_or(best);
    const Joules rest = joules(idle.power.as_watts() * duration_s);
    const Joules rest_low = joules(idle.power_low.as_watts() * duration_s);
    const Joules rest_high = joules(idle.power_high.as_watts() * duration_s);
    return {.best = not_negative(best - rest) * share.best,
            .low = not_negative(low - rest_high) * share.low,
            .high = not_negative(high - rest_low) * share.high,
            .idle = std::min(rest, best)};
}

Part split_without_baseline(const ComponentEnergy& component, double duration_s,
                            const ShareRange& share, std::span<const PowerSeries> series) {
    const Joules best = *component.energy;
    const Joules low = component.energy_low.value_or(best);
    Joules most_rest = best;
    for (const PowerSeries& one : series) {
        const auto lowest_w = one.channel == component.source ? lowest_power_w(one) : std::nullopt;
        if (lowest_w) {
            most_rest = std::min(best, joules(*lowest_w * duration_s));
        }
    }
    return {.best = best * share.best,
            .low = not_negative(low - most_rest) * share.low,
            .high = component.energy_high.value_or(best) * share.high,
            .idle = std::nullopt};
}

std::optional<std::string> why_unknown(const EnergySummary& energy, const MeasuredShares& shares,
                                       bool has_cpu_share) {
    if (!energy.energy) {
        return "the total is unknown: " + energy.reason.value_or("no reason was recorded");
    }
    if (!has_cpu_share) {
        return shares.cpu_reason.value_or("no CPU time was used, by the run or by others");
    }
    return std::nullopt;
}

void add_reason(std::string& reasons, const std::string& reason) {
    reasons += reasons.empty() ? reason : "; " + reason;
}

}  // namespace

std::optional<ShareRange> cpu_share_of(const MeasuredShares& shares) {
    if (!shares.cpu_s || !shares.machine_cpu_s) {
        return std::nullopt;
    }
    const double cpu_s = std::max(*shares.cpu_s, 0.0);
    const double machine_s = std::max(*shares.machine_cpu_s, cpu_s);
    if (machine_s <= 0) {
        return std::nullopt;
    }
    const double most_cpu_s = cpu_s + shares.cpu_s_missing;
    const double least_machine_s = std::max(machine_s - shares.machine_cpu_s_error, most_cpu_s);
    ShareRange share;
    share.best = cpu_s / machine_s;
    share.low = cpu_s / (machine_s + shares.machine_cpu_s_error);
    share.high = least_machine_s > 0 ? std::min(1.0, most_cpu_s / least_machine_s) : 1;
    return share;
}

std::optional<double> lowest_power_w(const PowerSeries& series) {
    constexpr double kStretchS = 1;
    std::optional<double> lowest;
    int stretches = 0;
    double energy_j = 0;
    double length_s = 0;
    for (std::size_t i = 1; i < std::min(series.t_s.size(), series.power_w.size()); ++i) {
        const double step_s = series.t_s[i] - series.t_s[i - 1];
        energy_j += series.power_w[i] * step_s;
        length_s += step_s;
        if (length_s >= kStretchS) {
            lowest = std::min(lowest.value_or(energy_j / length_s), energy_j / length_s);
            ++stretches;
            energy_j = 0;
            length_s = 0;
        }
    }
    return stretches >= 2 ? lowest : std::nullopt;
}

Attribution attribute_energy(const EnergySummary& energy, double duration_s,
                             const MeasuredShares& shares, const IdleBaseline* baseline,
                             std::span<const PowerSeries> series) {
    const std::optional<ShareRange> cpu = cpu_share_of(shares);
    Attribution result;
    result.method = shares.method;
    result.cpu_s = shares.cpu_s;
    result.machine_cpu_s = shares.machine_cpu_s;
    result.cpu_share = cpu ? std::optional<double>(cpu->best) : std::nullopt;
    result.gpu_share = shares.gpu_share;
    result.reason = why_unknown(energy, shares, cpu.has_value());
    if (result.reason) {
        return result;
    }
    Part sum;
    std::string reasons;
    bool has_whole_gpu = false;
    for (const ComponentEnergy& component : energy.components) {
        if (!component.counted || !component.energy) {
            continue;
        }
        ShareRange share = *cpu;
        if (component.domain == "gpu") {
            const auto found = shares.gpu.find(component.device);
            const bool is_whole = found == shares.gpu.end() && shares.gpu_reason;
            has_whole_gpu = has_whole_gpu || is_whole;
            if (found != shares.gpu.end()) {
                share = found->second;
            } else {
                share = is_whole ? whole_device() : ShareRange{};
            }
        }
        const ChannelIdle* idle = find_idle(baseline, component.source);
        const Part part = idle != nullptr
                              ? split_with_baseline(component, duration_s, share, *idle)
                              : split_without_baseline(component, duration_s, share, series);
        sum.best += part.best;
        sum.low += part.low;
        sum.high += part.high;
        if (part.idle) {
            sum.idle = sum.idle.value_or(joules(0)) + *part.idle;
        }
    }
    // The total's range may be narrower than the sum of its parts' ranges.
    sum.high = std::min(sum.high, energy.energy_high.value_or(*energy.energy));
    result.energy = std::min(sum.best, *energy.energy);
    result.energy_low = std::min(sum.low, *result.energy);
    result.energy_high = std::max(sum.high, *result.energy);
    result.idle_energy = sum.idle;
    result.provenance = provenance_name(Provenance::kDerived);
    if (!sum.idle) {
        add_reason(reasons,
                   "no idle baseline: the run's share of the whole energy, rest included; "
                   "`finewatt calibrate idle` makes one");
    }
    if (has_whole_gpu) {
        add_reason(reasons, "GPUs count as whole devices: " + *shares.gpu_reason);
    }
    if (!reasons.empty()) {
        result.reason = reasons;
    }
    return result;
}

}  // namespace finewatt
