#include "finewatt/meter/recorder_internal.h"

#include <fmt/format.h>

#include <algorithm>

namespace finewatt {
namespace {

/// Points of a power series that a figure can show.
constexpr std::size_t kMostPoints = 2000;
/// A workload may report nonsense without end; the record keeps the first of it.
constexpr std::size_t kMostPhaseNotes = 20;
/// Window of the run in each stream; phase number n has window n + 1.
constexpr std::size_t kRunWindow = 0;

ChannelCheckpoint checkpoint_of(const ChannelStream& stream, MonoTime time) {
    const ChannelEnergy energy = stream.energy(kRunWindow, time.as_ns());
    ChannelCheckpoint checkpoint;
    if (stream.good_reads() > 0) {
        checkpoint.first_good_time = stream.first_good_time();
        checkpoint.time = std::min(time, stream.last_good_time());
        checkpoint.raw = stream.raw_at(*checkpoint.time);
    }
    // Rounded to a microjoule.
    checkpoint.energy_uj = static_cast<std::uint64_t>(energy.known_part.as_joules() * 1e6 + 0.5);
    checkpoint.wraps = energy.wraps;
    checkpoint.gaps = energy.gaps;
    checkpoint.unknown_steps = energy.unknown_steps;
    checkpoint.reason = energy.reason;
    checkpoint.is_gone = stream.is_closed();
    const double known_j = energy.known_part.as_joules();
    if (energy.energy_low) {
        const Joules low = *energy.energy_low + energy.gain_below;
        checkpoint.below_j = std::max(0.0, known_j - low.as_joules());
    }
    if (energy.energy_high) {
        const Joules high = *energy.energy_high - energy.gain_above;
        checkpoint.above_j = std::max(0.0, high.as_joules() - known_j);
    } else if (energy.unknown_steps > 0) {
        checkpoint.above_j.reset();
    }
    return checkpoint;
}

}  // namespace

Recorder::Recorder(std::vector<ChannelSpec> channels, const RecorderOptions& options)
    : options_(options),
      specs_(std::move(channels)),
      selection_(choose_channels(specs_)),
      newest_(options.begin.value_or(MonoTime{})) {
    for (const ChannelSpec& spec : specs_) {
        ChannelStream& stream = streams_.emplace_back(spec);
        stream.open_window(options.begin ? options.begin->as_ns() : kOwnSpan);
        if (options.keeps_series) {
            stream.keep_series(kMostPoints);
        }
    }
}

void Recorder::add_reading(std::size_t channel, const Reading& reading) {
    see(reading.time);
    streams_[channel].add(reading, settled());
}

void Recorder::add_journal_step(std::size_t channel, const JournalStep& step) {
    see(step.time);
    streams_[channel].add(step, settled());
}

std::optional<MonoTime> Recorder::add_phase_edge(std::string_view name, PhaseEdge edge,
                                                 MonoTime time) {
    const bool is_begin = edge == PhaseEdge::kBegin;
    const std::string_view what = is_begin ? "begin" : "end";
    const MonoTime counted = std::max(time, settled());
    const std::optional<PhaseSpan> phase = phases_.add(name, edge, counted);
    if (!phase) {
        note_edge(fmt::format("phase '{}': {} ignored, the phase was {}", name, what,
                              is_begin ? "open" : "not open"));
        return std::nullopt;
    }
    if (counted != time) {
        note_edge(
            fmt::format("phase '{}': {} reported {:.3f} s late; it counts {:.3f} s later than "
                        "it was",
                        name, what, as_seconds(newest_ - time), as_seconds(counted - time)));
    }
    for (ChannelStream& stream : streams_) {
        if (is_begin) {
            stream.open_window(phase->begin.as_ns());
        } else {
            stream.close_window(phase->number + 1, phase->end.as_ns());
        }
    }
    return is_begin ? phase->begin : phase->end;
}

void Recorder::note_edge(std::string note) {
    if (phase_notes_.size() < kMostPhaseNotes) {
        phase_notes_.push_back(std::move(note));
    }
}

std::vector<ChannelEnergy> Recorder::run_energies(MonoTime end) const {
    std::vector<ChannelEnergy> energies;
    energies.reserve(streams_.size());
    for (const ChannelStream& stream : streams_) {
        energies.push_back(stream.energy(kRunWindow, end.as_ns()));
    }
    return energies;
}

std::vector<PhaseEnergies> Recorder::phase_energies(MonoTime end) const {
    std::vector<PhaseEnergies> phases;
    for (PhaseSpan& span : phases_.spans(end)) {
        PhaseEnergies& phase = phases.emplace_back();
        for (const ChannelStream& stream : streams_) {
            phase.channels.push_back(stream.energy(span.number + 1, span.end.as_ns()));
        }
        phase.span = std::move(span);
    }
    return phases;
}

LiveFigures Recorder::live(MonoTime now) const {
    LiveFigures figures;
    figures.duration = now - options_.begin.value_or(now);
    const std::vector<ChannelEnergy> energies = run_energies(std::max(now, newest_));
    for (std::size_t i = 0; i < streams_.size(); ++i) {
        LiveComponent component;
        component.component = std::string(component_name(specs_[i].domain));
        component.source = specs_[i].id;
        component.counted = false;
        component.power = streams_[i].recent_power(now);
        component.energy = energies[i].energy;
        component.energy_low = energies[i].energy_low;
        component.energy_high = energies[i].energy_high;
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

MonoTime Recorder::read_until() const {
    constexpr std::chrono::nanoseconds kOld = std::chrono::milliseconds(400);
    MonoTime until = newest_;
    for (const ChannelStream& stream : streams_) {
        if (stream.good_reads() > 0 && newest_ - stream.last_good_time() < kOld) {
            until = std::min(until, stream.last_good_time());
        }
    }
    return until;
}

Checkpoint Recorder::checkpoint(MonoTime time, WallTime wall) const {
    Checkpoint checkpoint;
    checkpoint.time = time;
    checkpoint.wall = wall;
    for (const ChannelStream& stream : streams_) {
        checkpoint.channels.push_back(checkpoint_of(stream, time));
    }
    return checkpoint;
}

std::vector<PowerSeries> Recorder::power_series() const {
    std::vector<PowerSeries> series;
    for (const ChannelStream& stream : streams_) {
        series.push_back(series_of(stream));
    }
    return series;
}

PowerSeries Recorder::series_of(const ChannelStream& stream) const {
    const ChannelSpec& spec = stream.spec();
    PowerPoints points = stream.series(options_.begin.value_or(MonoTime{}));
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
    result.energy = summarize_energy(specs_, run_energies(result.end));
    for (const PhaseEnergies& energies : phase_energies(result.end)) {
        PhaseRecord phase;
        phase.name = energies.span.name;
        phase.t_begin_s = as_seconds(energies.span.begin - result.begin);
        phase.duration_s = as_seconds(energies.span.end - energies.span.begin);
        phase.energy = summarize_energy(specs_, energies.channels);
        if (!energies.span.is_closed) {
            phase.note = std::string(kPhaseNotClosed);
        }
        result.phases.push_back(std::move(phase));
    }
    result.series = power_series();
    for (const ChannelStream& stream : streams_) {
        result.statistics.samples += stream.good_reads();
        if (stream.failed_reads() > 0) {
            result.statistics.lost_samples[stream.spec().id] = stream.failed_reads();
        }
        if (stream.is_closed()) {
            result.notes.push_back(fmt::format("{}: the channel went away after {:.3f} s",
                                               stream.spec().id,
                                               as_seconds(stream.last_time() - result.begin)));
        }
    }
    result.notes.insert(result.notes.end(), phase_notes_.begin(), phase_notes_.end());
}

}  // namespace finewatt
