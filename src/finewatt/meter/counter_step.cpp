#include "finewatt/meter/counter_step_internal.h"

#include <algorithm>
#include <cmath>

namespace finewatt {
namespace {

/// No energy of a real step comes near 2^100 raw units; larger ceilings count as this one, so that
/// the conversion to an integer is defined.
constexpr long double kLargestStep = 1.2676506002282294e30L;

CounterStep known_step(Uint128 moved, std::uint64_t wraps) {
    CounterStep step;
    step.low = moved;
    step.high = moved;
    step.wraps = wraps;
    return step;
}

CounterStep doubtful_step(StepDoubt doubt, Uint128 low, std::optional<long double> high) {
    CounterStep step;
    step.doubt = doubt;
    step.low = low;
    if (high) {
        step.high = static_cast<Uint128>(std::ceil(*high));
    }
    return step;
}

}  // namespace

CounterRule::CounterRule(const ChannelSpec& spec) : range(spec.range) {
    if (spec.max_power_w && spec.unit_size > 0) {
        ceiling_per_ns = static_cast<long double>(*spec.max_power_w) /
                         static_cast<long double>(spec.unit_size) / 1e9L;
    }
    slack_ns = spec.update_ms ? static_cast<long double>(*spec.update_ms) * 1e6L : 1e9L;
}

CounterStep counter_step(const CounterRule& rule, const RawSample& from, const RawSample& to) {
    const bool backwards = to.raw < from.raw;
    std::optional<long double> allowed;
    if (rule.ceiling_per_ns) {
        const auto elapsed_ns = static_cast<long double>(to.t_ns - from.t_ns);
        allowed = std::min(*rule.ceiling_per_ns * (elapsed_ns + rule.slack_ns), kLargestStep);
    }
    if (!rule.range) {
        return backwards ? doubtful_step(StepDoubt::kBackwards, 0, allowed)
                         : known_step(to.raw - from.raw, 0);
    }
    const Uint128 range = *rule.range;
    // A wrapped step adds the range once; both readings are at most the range, so this is >= 0.
    const Uint128 moved = backwards ? Uint128{to.raw} + range - from.raw : to.raw - from.raw;
    if (!allowed) {
        return known_step(moved, backwards ? 1 : 0);
    }
    const auto moved_raw = static_cast<long double>(moved);
    if (backwards && moved_raw > *allowed) {
        return doubtful_step(StepDoubt::kReset, 0, allowed);
    }
    const auto range_raw = static_cast<long double>(range);
    if (moved_raw + range_raw <= *allowed) {
        const long double more = std::floor((*allowed - moved_raw) / range_raw);
        return doubtful_step(StepDoubt::kManyWraps, moved, moved_raw + more * range_raw);
    }
    CounterStep step = known_step(moved, backwards ? 1 : 0);
    step.is_above_ceiling = moved_raw > *allowed;
    return step;
}

std::string_view doubt_reason(StepDoubt doubt) {
    switch (doubt) {
        case StepDoubt::kNone:
            return {};
        case StepDoubt::kBackwards:
            return "counter went backwards, range unknown";
        case StepDoubt::kReset:
            return "counter reset";
        case StepDoubt::kManyWraps:
            return "more than one wrap possible";
        case StepDoubt::kJournal:
            return "unknown in the journal";
    }
    return {};
}

}  // namespace finewatt
