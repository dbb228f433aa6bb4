#include "finewatt/exchange/imported_run_internal.h"

#include <fmt/format.h>

// The hash is compiled into this file; nothing is linked for it
// (docs/decisions/feature-cache-hash.md).
#define XXH_INLINE_ALL
#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <xxhash.h>

namespace finewatt::exchange {
namespace {

/// Times of windows are compared with this slack: tools round them.
constexpr double kSlackS = 1e-6;

double end_of(const PhaseRecord& phase) {
    return phase.t_begin_s + phase.duration_s;
}

/// Add a phase's parts to the run's: one component for each source.
void add_parts(EnergySummary& total, const EnergySummary& phase) {
    for (const ComponentEnergy& part : phase.components) {
        const auto found =
            std::find_if(total.components.begin(), total.components.end(),
                         [&part](const ComponentEnergy& c) { return c.source == part.source; });
        if (found == total.components.end()) {
            total.components.push_back(part);
        } else if (found->energy && part.energy) {
            *found->energy += *part.energy;
        } else {
            found->energy.reset();
            found->reason = "unknown in one of the windows";
        }
    }
    if (total.energy && phase.energy) {
        *total.energy += *phase.energy;
    } else {
        total.energy.reset();
        total.reason = "the energy of a window is unknown";
    }
}

/// The windows to add, or nothing where two overlap in part.
std::optional<std::vector<const PhaseRecord*>> windows_to_add(
    const std::vector<PhaseRecord>& phases, WindowOrder order) {
    std::vector<const PhaseRecord*> ordered;
    for (const PhaseRecord& phase : phases) {
        ordered.push_back(&phase);
    }
    if (order == WindowOrder::kSequential) {
        return ordered;
    }
    std::stable_sort(ordered.begin(), ordered.end(), [](const auto* a, const auto* b) {
        return a->t_begin_s != b->t_begin_s ? a->t_begin_s < b->t_begin_s
                                            : a->duration_s > b->duration_s;
    });
    std::vector<const PhaseRecord*> outer;
    for (const PhaseRecord* phase : ordered) {
        if (outer.empty() || phase->t_begin_s >= end_of(*outer.back()) - kSlackS) {
            outer.push_back(phase);
        } else if (end_of(*phase) > end_of(*outer.back()) + kSlackS) {
            return std::nullopt;
        }
    }
    return outer;
}

}  // namespace

std::string content_ulid(WallTime time, std::string_view identity) {
    constexpr std::string_view kCrockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    constexpr std::uint64_t kTimeMask = (std::uint64_t{1} << 48U) - 1;
    const auto ms =
        static_cast<std::uint64_t>(std::max<std::int64_t>(time.as_unix_ns() / 1'000'000, 0));
    const XXH128_hash_t hash = XXH3_128bits(identity.data(), identity.size());
    // 128 bits: 48 of the time, then 80 of the hash.
    std::uint64_t high = ((ms & kTimeMask) << 16U) | (hash.high64 & 0xFFFFU);
    std::uint64_t low = hash.low64;
    std::string id(26, '0');
    for (auto digit = id.rbegin(); digit != id.rend(); ++digit) {
        *digit = kCrockford[low & 31U];
        low = (low >> 5U) | (high << 59U);
        high >>= 5U;
    }
    return id;
}

void mark_as_imported(RunRecord& run, std::string_view tool, std::string_view foreign_id) {
    run.kind = "command";
    run.status = "complete";
    run.settings["imported_from"] = std::string(tool);
    if (!foreign_id.empty()) {
        run.settings["foreign_id"] = std::string(foreign_id);
    }
    run.notes.push_back(
        fmt::format("imported from {}; its file gives no ranges, so low and high "
                    "are unknown",
                    tool));
}

void set_energy_from_phases(RunRecord& run, WindowOrder order) {
    EnergySummary total;
    const auto outer = windows_to_add(run.phases, order);
    if (!outer) {
        total.reason = "two windows of the file overlap in part, so their energies cannot be added";
        run.energy = std::move(total);
        return;
    }
    total.energy = joules(0);
    double covered_s = 0;
    for (const PhaseRecord* phase : *outer) {
        add_parts(total, phase->energy);
        covered_s += phase->duration_s;
    }
    total.domains = run.phases.front().energy.domains;
    total.provenance = total.energy ? run.phases.front().energy.provenance : "";
    const double duration_s = run.duration_s.value_or(0);
    if (duration_s > 0) {
        total.coverage = std::min(1.0, covered_s / duration_s);
    }
    for (ComponentEnergy& part : total.components) {
        part.coverage = total.coverage;
        part.power_mean.reset();
        if (part.energy && covered_s > 0) {
            part.power_mean = watts(part.energy->as_joules() / covered_s);
        }
    }
    if (duration_s - covered_s > std::max(kSlackS, 1e-9 * duration_s)) {
        run.notes.push_back(
            fmt::format("the energy is that of the windows; {:.4g} s of {:.4g} s "
                        "lie between them and were not measured",
                        duration_s - covered_s, duration_s));
    }
    run.energy = std::move(total);
}

}  // namespace finewatt::exchange
