#include "finewatt/meter/recorder_internal.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>

namespace finewatt {
namespace {

/// Points of a power series that a figure can show.
constexpr std::size_t kMostPoints = 2000;
/// Stretch that live power is the mean of, and age at which a channel has none any more.
constexpr std::chrono::nanoseconds kLiveStretch = std::chrono::seconds(1);
constexpr std::chrono::nanoseconds kLiveAge = std::chrono::seconds(3);
/// A workload may report nonsense without end; the record keeps the first of it.
constexpr std::size_t kMostPhaseNotes = 20;

/// Mean power over about the last second of readings.
std::optional<Watts> power_now(const ChannelTrace& trace, MonoTime now) {
    const auto samples = trace.samples();
    if (samples.size() < 2) {
        return std::nullopt;
    }
    const MonoTime last = MonoTime::from_ns(samples.back().t_ns);
    if (now - last > kLiveAge) {
        return std::nullopt;
    }
    const std::int64_t from_ns =
        std::max(samples.front().t_ns, samples.back().t_ns - kLiveStretch.count());
    return energy_between(trace, MonoTime::from_ns(from_ns), last).power_mean;
}

}  // namespace

Recorder::Recorder(std::vector<ChannelSpec> channels, MonoTime begin)
    : specs_(std::move(channels)),
      selection_(choose_channels(specs_)),
      begin_(begin) {
    for (const ChannelSpec& spec : specs_) {
        channels_.push_back({ChannelTrace(spec), std::nullopt});
    }
}

void Recorder::add_reading(std::size_t channel, const Reading& reading) {
    Recorded& recorded = channels_[channel];
    ChannelTrace& trace = recorded.trace;
    if (!trace.add(reading) || !trace.has_settled_spacing()) {
        return;
    }
    const std::size_t steps = trace.samples().size() - 1;
    if (recorded.running) {
        recorded.running->add_steps(trace, steps - 1, steps);
        return;
    }
    WindowFrame frame;
    frame.begin_ns = begin_.as_ns();
    frame.end_ns = std::numeric_limits<std::int64_t>::max();
    frame.is_closed = true;
    recorded.running.emplace(trace, frame);
    recorded.running->add_steps(trace, 0, steps);
}

bool Recorder::add_phase_edge(std::string_view name, PhaseEdge edge, MonoTime time) {
    if (phases_.add(name, edge, time)) {
        return true;
    }
    if (phase_notes_.size() < kMostPhaseNotes) {
        phase_notes_.push_back(
            edge == PhaseEdge::kBegin
                ? fmt::format("phase '{}': begin ignored, the phase was open", name)
                : fmt::format("phase '{}': end ignored, the phase was not open", name));
    }
    return false;
}

ChannelEnergy Recorder::energy_so_far(const Recorded& channel, MonoTime now) const {
    const ChannelTrace& trace = channel.trace;
    MonoTime end = std::max(now, begin_);
    if (!trace.is_empty()) {
        end = std::max(end, trace.last_time());
    }
    return channel.running ? channel.running->energy(trace, end.as_ns())
                           : energy_between(trace, begin_, end);
}

LiveFigures Recorder::live(MonoTime now) const {
    LiveFigures figures;
    figures.duration = now - begin_;
    std::vector<ChannelEnergy> energies;
    for (const Recorded& channel : channels_) {
        const ChannelSpec& spec = channel.trace.spec();
        energies.push_back(energy_so_far(channel, now));
        LiveComponent component;
        component.component = std::string(component_name(spec.domain));
        component.source = spec.id;
        component.counted = false;
        component.power = power_now(channel.trace, now);
        component.energy = energies.back().energy;
        component.energy_low = energies.back().energy_low;
        component.energy_high = energies.back().energy_high;
        figures.components.push_back(std::move(component));
    }
    Watts power{};
    bool has_power = !selection_.counted.empty();
    for (const std::size_t i : selection_.counted) {
        LiveComponent& component = figures.components[i];
        component.counted = true;
        power += component.power.value_or(Watts{});
        has_power = has_power && component.power.has_value();
    }
    if (has_power) {
        figures.power = power;
    }
    const EnergyTotal total = total_energy(specs_, energies, selection_);
    figures.energy = total.energy;
    figures.energy_low = total.energy_low;
    figures.energy_high = total.energy_high;
    figures.reason = total.reason;
    return figures;
}

Checkpoint Recorder::checkpoint(MonoTime now, WallTime wall) const {
    Checkpoint checkpoint;
    checkpoint.time = now;
    checkpoint.wall = wall;
    for (const Recorded& channel : channels_) {
        ChannelCheckpoint one;
        if (!channel.trace.samples().empty()) {
            one.last_raw = channel.trace.samples().back().raw;
        }
        one.energy = energy_so_far(channel, now);
        checkpoint.channels.push_back(std::move(one));
    }
    return checkpoint;
}

EnergySummary Recorder::summary_between(MonoTime begin, MonoTime end) const {
    std::vector<ChannelEnergy> energies;
    for (const Recorded& channel : channels_) {
        energies.push_back(energy_between(channel.trace, begin, end));
    }
    return summarize_energy(specs_, energies);
}

PowerSeries Recorder::series_of(const Recorded& channel) const {
    const ChannelSpec& spec = channel.trace.spec();
    PowerPoints points = power_points(channel.trace, begin_, kMostPoints);
    PowerSeries series;
    series.channel = spec.id;
    series.component = std::string(component_name(spec.domain));
    series.provenance = std::string(provenance_name(
        spec.kind == ChannelKind::kGauge ? std::max(spec.provenance, Provenance::kDerived)
                                         : spec.provenance));
    series.t_s = std::move(points.t_s);
    series.power_w = std::move(points.power_w);
    return series;
}

void Recorder::fill_result(MeterResult& result) const {
    result.energy = summary_between(begin_, result.end);
    for (const PhaseSpan& span : phases_.spans(result.end)) {
        PhaseRecord phase;
        phase.name = span.name;
        phase.t_begin_s = as_seconds(span.begin - begin_);
        phase.duration_s = as_seconds(span.end - span.begin);
        phase.energy = summary_between(span.begin, span.end);
        if (!span.is_closed) {
            phase.note = std::string(kPhaseNotClosed);
        }
        result.phases.push_back(std::move(phase));
    }
    for (const Recorded& channel : channels_) {
        const ChannelTrace& trace = channel.trace;
        result.series.push_back(series_of(channel));
        result.statistics.samples += trace.samples().size();
        if (!trace.failed_reads().empty()) {
            result.statistics.lost_samples[trace.spec().id] = trace.failed_reads().size();
        }
        if (trace.is_closed()) {
            result.notes.push_back(fmt::format("{}: the channel went away after {:.3f} s",
                                               trace.spec().id,
                                               as_seconds(trace.last_time() - begin_)));
        }
    }
    result.notes.insert(result.notes.end(), phase_notes_.begin(), phase_notes_.end());
}

}  // namespace finewatt
