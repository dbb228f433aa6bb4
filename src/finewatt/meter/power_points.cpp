#include "finewatt/meter/channel_energy.h"
#include "finewatt/meter/counter_step_internal.h"
#include "finewatt/meter/window_internal.h"

#include <algorithm>

namespace finewatt {
namespace {

/// Raw units x nanoseconds of a step divided by its length come out as power; a counter's step has
/// raw units of energy already.
std::optional<long double> step_energy_raw(const ChannelTrace& trace, const CounterRule& rule,
                                           const RawSample& from, const RawSample& to) {
    if (trace.spec().kind == ChannelKind::kGauge) {
        return (static_cast<long double>(from.raw) + static_cast<long double>(to.raw)) / 2 *
               static_cast<long double>(to.t_ns - from.t_ns) / 1e9L;
    }
    const CounterStep step = counter_step(rule, from, to);
    if (step.doubt != StepDoubt::kNone) {
        return std::nullopt;
    }
    return static_cast<long double>(step.low);
}

/// Positions i such that failed reads lie between samples i - 1 and i.
bool has_failed_before(std::span<const FailedRead> failed, std::size_t position) {
    return std::binary_search(
        failed.begin(), failed.end(), FailedRead{0, position},
        [](const FailedRead& a, const FailedRead& b) { return a.good_before < b.good_before; });
}

}  // namespace

PowerPoints power_points(const ChannelTrace& trace, MonoTime origin, std::size_t max_points) {
    PowerPoints points;
    const auto samples = trace.samples();
    if (samples.size() < 2 || max_points == 0) {
        return points;
    }
    const bool is_gauge = trace.spec().kind == ChannelKind::kGauge;
    const CounterRule rule(trace.spec());
    const double usual_ns = trace.usual_spacing_ns().value_or(0);
    const auto span_ns = static_cast<double>(samples.back().t_ns - samples.front().t_ns);
    const double least_ns = std::max(least_peak_stretch_ns(trace.spec(), usual_ns),
                                     span_ns / static_cast<double>(max_points));
    long double raw = 0;
    std::int64_t from_ns = samples.front().t_ns;
    for (std::size_t i = 1; i < samples.size(); ++i) {
        const RawSample& to = samples[i];
        const bool is_gap =
            is_gauge && (has_failed_before(trace.failed_reads(), i) ||
                         static_cast<double>(to.t_ns - samples[i - 1].t_ns) > 5 * usual_ns);
        const auto moved = step_energy_raw(trace, rule, samples[i - 1], to);
        if (is_gap || !moved) {
            raw = 0;
            from_ns = to.t_ns;
            continue;
        }
        raw += *moved;
        const std::int64_t length_ns = to.t_ns - from_ns;
        if (length_ns <= 0 || static_cast<double>(length_ns) < least_ns) {
            continue;
        }
        const Joules energy = to_joules(raw, trace.spec().unit_size);
        points.t_s.push_back(as_seconds(MonoTime::from_ns(to.t_ns) - origin));
        points.power_w.push_back(energy.as_joules() /
                                 as_seconds(std::chrono::nanoseconds(length_ns)));
        raw = 0;
        from_ns = to.t_ns;
    }
    return points;
}

}  // namespace finewatt
