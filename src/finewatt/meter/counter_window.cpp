#include "finewatt/meter/window_internal.h"

#include <algorithm>
#include <string>

namespace finewatt {

CounterWindow::CounterWindow(const ChannelSpec& spec, const WindowFrame& frame)
    : spec_(&spec),
      frame_(frame),
      rule_(spec),
      peak_(least_peak_stretch_ns(spec, frame.usual_spacing_ns)),
      update_ns_(spec.update_ms ? static_cast<long double>(*spec.update_ms) * 1e6L
                                : static_cast<long double>(frame.usual_spacing_ns)) {}

void CounterWindow::add(const RawSample& from, const RawSample& to) {
    const StepPart part = cut_step(frame_, from, to);
    if (!part.is_touched) {
        return;
    }
    const CounterStep step = counter_step(rule_, from, to);
    ++touched_steps_;
    wraps_ += step.wraps;
    is_above_ceiling_ = is_above_ceiling_ || step.is_above_ceiling;
    has_high_ = has_high_ && step.high.has_value();
    touched_high_ += step.high.value_or(step.low);
    if (part.is_whole) {
        whole_low_ += step.low;
    }
    const std::int64_t step_ns = to.t_ns - from.t_ns;
    remember_edges({static_cast<long double>(step.high.value_or(step.low)), step_ns});
    if (step.doubt != StepDoubt::kNone) {
        doubt_ = doubt_ == StepDoubt::kNone ? step.doubt : doubt_;
        peak_.interrupt();
        return;
    }
    covered_ns_ += part.length_ns();
    if (part.is_whole) {
        whole_best_ += step.low;
        peak_.add(static_cast<long double>(step.low), step_ns);
        return;
    }
    const long double inside = static_cast<long double>(step.low) *
                               static_cast<long double>(part.length_ns()) /
                               static_cast<long double>(step_ns);
    part_best_ += inside;
    peak_.add(inside, part.length_ns());
}

void CounterWindow::remember_edges(const EdgeStep& step) {
    if (touched_steps_ <= first_steps_.size()) {
        first_steps_.at(touched_steps_ - 1) = step;
    }
    last_steps_[0] = last_steps_[1];
    last_steps_[1] = step;
}

long double CounterWindow::staleness(const std::array<EdgeStep, 2>& steps) const {
    long double most = 0;
    for (const EdgeStep& step : steps) {
        // A step without duration has no mean power; all of it can be stale.
        const long double stale =
            step.length_ns > 0 ? step.raw * update_ns_ / static_cast<long double>(step.length_ns)
                               : (update_ns_ > 0 ? step.raw : 0);
        most = std::max(most, stale);
    }
    return most;
}

void CounterWindow::finish(ChannelEnergy& energy, std::int64_t& covered_ns) const {
    covered_ns = covered_ns_;
    energy.wraps = wraps_;
    energy.resolution = to_joules(1, spec_->unit_size);
    if (touched_steps_ == 0) {
        energy.reason = "no reading touches the window";
        return;
    }
    fill_range(energy);
    if (doubt_ != StepDoubt::kNone) {
        energy.reason = std::string(doubt_reason(doubt_));
        return;
    }
    const long double best = static_cast<long double>(whole_best_) + part_best_;
    energy.energy = to_joules(best, spec_->unit_size);
    energy.provenance = spec_->provenance;
    if (covered_ns_ > 0) {
        const auto covered = static_cast<long double>(covered_ns_);
        const long double mean_raw = best / covered;
        energy.power_mean = watts(to_joules(mean_raw * 1e9L, spec_->unit_size).as_joules());
        const long double peak_raw = std::max(peak_.peak().value_or(mean_raw), mean_raw);
        energy.power_max = watts(to_joules(peak_raw * 1e9L, spec_->unit_size).as_joules());
    }
    add_notes(energy);
}

void CounterWindow::fill_range(ChannelEnergy& energy) const {
    constexpr long double kResolution = 1;  // raw unit
    const long double best = static_cast<long double>(whole_best_) + part_best_;
    const bool is_known = doubt_ == StepDoubt::kNone;
    long double low = static_cast<long double>(whole_low_) - staleness(first_steps_) - kResolution;
    if (static_cast<long double>(covered_ns_) < update_ns_ && is_known) {
        low = 0;
    }
    low = std::max(low, 0.0L);
    long double high =
        static_cast<long double>(touched_high_) + staleness(last_steps_) + kResolution;
    const auto gain_low = static_cast<long double>(spec_->gain_error_low.value_or(0));
    const auto gain_high = static_cast<long double>(spec_->gain_error_high.value_or(0));
    const long double gain_below = std::min(low, gain_low * (is_known ? best : low));
    const long double gain_above = gain_high * (is_known ? best : high);
    energy.energy_low = to_joules(low - gain_below, spec_->unit_size);
    energy.gain_below = to_joules(gain_below, spec_->unit_size);
    if (has_high_) {
        energy.energy_high = to_joules(high + gain_above, spec_->unit_size);
        energy.gain_above = to_joules(gain_above, spec_->unit_size);
    }
}

void CounterWindow::add_notes(ChannelEnergy& energy) const {
    if (rule_.range && !rule_.ceiling_per_ns) {
        energy.notes.emplace_back("no power ceiling, hidden wraps not excluded");
    }
    if (is_above_ceiling_) {
        energy.notes.emplace_back("above the ceiling");
    }
    if (static_cast<long double>(covered_ns_) < update_ns_) {
        energy.notes.emplace_back("window shorter than one refresh of the sensor");
    }
}

}  // namespace finewatt
