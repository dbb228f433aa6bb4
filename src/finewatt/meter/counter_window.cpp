#include "finewatt/meter/window_internal.h"

#include <algorithm>
#include <string>

namespace finewatt {

void StaleEnergy::extend(Stretch& stretch, const Stretch& by) {
    stretch.raw += by.raw;
    stretch.length_ns += by.length_ns;
}

bool StaleEnergy::is_long(const Stretch& stretch) const {
    return stretch.length_ns > 0 && static_cast<long double>(stretch.length_ns) >= update_ns_;
}

long double StaleEnergy::stale_step(const Stretch& step) const {
    const long double over_ns = std::max(static_cast<long double>(step.length_ns), update_ns_);
    return over_ns > 0 ? static_cast<long double>(step.raw) * update_ns_ / over_ns : 0;
}

long double StaleEnergy::stale_stretch(const Stretch& stretch) const {
    if (stretch.length_ns <= 0) {
        return stale_step(stretch);
    }
    return static_cast<long double>(stretch.raw) * update_ns_ /
           static_cast<long double>(stretch.length_ns);
}

void StaleEnergy::add(Uint128 raw, std::int64_t length_ns) {
    const Stretch step{raw, length_ns};
    if (steps_ < first_.size()) {
        first_.at(steps_) = step;
    }
    if (!is_long(first_stretch_)) {
        extend(first_stretch_, step);
    }
    ++steps_;
    last_[0] = last_[1];
    last_[1] = step;
    extend(block_, step);
    if (is_long(block_)) {
        block_before_ = block_;
        block_ = {};
    }
}

long double StaleEnergy::at_begin() const {
    return std::max({stale_step(first_[0]), stale_step(first_[1]), stale_stretch(first_stretch_)});
}

long double StaleEnergy::at_end() const {
    Stretch trailing = block_before_;
    extend(trailing, block_);
    return std::max({stale_step(last_[0]), stale_step(last_[1]), stale_stretch(block_before_),
                     stale_stretch(trailing)});
}

CounterWindow::CounterWindow(const ChannelSpec& spec, const WindowFrame& frame)
    : spec_(&spec),
      frame_(frame),
      rule_(spec),
      peak_(least_peak_stretch_ns(spec, frame.usual_spacing_ns)),
      update_ns_(spec.update_ms ? static_cast<long double>(*spec.update_ms) * 1e6L
                                : static_cast<long double>(frame.usual_spacing_ns)),
      stale_(update_ns_) {}

void CounterWindow::add(const Step& step) {
    const StepPart part = cut_step(frame_, step.from, step.to);
    if (!part.is_touched) {
        return;
    }
    CounterStep moved;
    moved.doubt = step.doubt;
    if (step.doubt == StepDoubt::kNone) {
        moved = counter_step(rule_, step.from, step.to);
    }
    const Uint128 most = moved.high.value_or(moved.low);
    const std::int64_t step_ns = step.to.t_ns - step.from.t_ns;
    ++touched_steps_;
    wraps_ += moved.wraps + step.wraps;
    gaps_ += step.gaps;
    is_above_ceiling_ = is_above_ceiling_ || moved.is_above_ceiling;
    has_high_ = has_high_ && moved.high.has_value();
    touched_high_ += most;
    stale_.add(most, step_ns);
    if (part.is_whole) {
        whole_low_ += moved.low;
    }
    if (moved.doubt != StepDoubt::kNone) {
        doubt_ = doubt_ == StepDoubt::kNone ? moved.doubt : doubt_;
        ++unknown_steps_;
        peak_.interrupt();
        return;
    }
    covered_ns_ += step.is_unseen ? 0 : part.length_ns();
    if (part.is_whole) {
        whole_best_ += moved.low;
        peak_.add(static_cast<long double>(moved.low), step_ns);
        return;
    }
    const long double inside = static_cast<long double>(moved.low) *
                               static_cast<long double>(part.length_ns()) /
                               static_cast<long double>(step_ns);
    part_best_ += inside;
    peak_.add(inside, part.length_ns());
}

void CounterWindow::finish(ChannelEnergy& energy, std::int64_t& covered_ns) const {
    covered_ns = covered_ns_;
    energy.wraps = wraps_;
    energy.gaps += gaps_;
    energy.unknown_steps = unknown_steps_;
    energy.resolution =
        to_joules(static_cast<long double>(spec_->resolution_raw), spec_->unit_size);
    energy.known_part =
        to_joules(static_cast<long double>(whole_best_) + part_best_, spec_->unit_size);
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
    const auto resolution = static_cast<long double>(spec_->resolution_raw);
    const long double best = static_cast<long double>(whole_best_) + part_best_;
    const bool is_known = doubt_ == StepDoubt::kNone;
    long double low = static_cast<long double>(whole_low_) - stale_.at_begin() - resolution;
    if (static_cast<long double>(covered_ns_) < update_ns_ && is_known) {
        low = 0;
    }
    low = std::max(low, 0.0L);
    long double high = static_cast<long double>(touched_high_) + stale_.at_end() + resolution;
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
