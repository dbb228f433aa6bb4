#include "finewatt/meter/student_t_internal.h"
#include "finewatt/meter/window_internal.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace finewatt {
namespace {

/// Fewer blocks say too little of the spread.
constexpr std::uint64_t kLeastBlocks = 8;

std::int64_t block_length_ns(double usual_spacing_ns) {
    // At least a second; the upper clamp keeps block edges inside 64 bits.
    return static_cast<std::int64_t>(std::clamp(4 * usual_spacing_ns, 1e9, 4e18));
}

std::uint64_t distance(std::uint64_t a, std::uint64_t b) {
    return a > b ? a - b : b - a;
}

long double line_at(const RawSample& from, const RawSample& to, std::int64_t t_ns) {
    const auto a = static_cast<long double>(from.raw);
    const auto b = static_cast<long double>(to.raw);
    if (to.t_ns == from.t_ns) {
        return a;
    }
    return a + (b - a) * static_cast<long double>(t_ns - from.t_ns) /
                   static_cast<long double>(to.t_ns - from.t_ns);
}

}  // namespace

void BlockMeans::add_line(std::int64_t from_ns, long double from_raw, std::int64_t to_ns,
                          long double to_raw) {
    if (to_ns <= from_ns) {
        return;
    }
    if (!is_open_ || from_ns != last_ns_) {
        start_at(from_ns);
    }
    const long double slope = (to_raw - from_raw) / static_cast<long double>(to_ns - from_ns);
    std::int64_t at_ns = from_ns;
    long double at_raw = from_raw;
    while (at_ns < to_ns) {
        const std::int64_t left_ns = block_ns_ - (at_ns - block_begin_ns_);
        const std::int64_t take_ns = std::min(to_ns - at_ns, left_ns);
        const long double next_raw = at_raw + slope * static_cast<long double>(take_ns);
        area_ += (at_raw + next_raw) / 2 * static_cast<long double>(take_ns);
        at_ns += take_ns;
        at_raw = next_raw;
        if (take_ns == left_ns) {
            close_block();
            block_begin_ns_ = at_ns;
        }
    }
    last_ns_ = to_ns;
}

void BlockMeans::start_at(std::int64_t t_ns) {
    is_open_ = true;
    area_ = 0;
    block_begin_ns_ = t_ns;
}

void BlockMeans::close_block() {
    // Welford's update of mean and sum of squares (Technometrics 4, 1962).
    const long double value = area_ / static_cast<long double>(block_ns_);
    ++count_;
    const long double before = value - mean_;
    mean_ += before / static_cast<long double>(count_);
    squares_ += before * (value - mean_);
    area_ = 0;
}

long double BlockMeans::deviation() const {
    return count_ < 2 ? 0 : std::sqrt(squares_ / static_cast<long double>(count_ - 1));
}

GaugeWindow::GaugeWindow(const ChannelSpec& spec, const WindowFrame& frame)
    : spec_(&spec),
      frame_(frame),
      peak_(least_peak_stretch_ns(spec, frame.usual_spacing_ns)),
      blocks_(block_length_ns(frame.usual_spacing_ns)) {}

void GaugeWindow::add(const Step& step) {
    const RawSample& from = step.from;
    const RawSample& to = step.to;
    const StepPart part = cut_step(frame_, from, to);
    if (!part.is_touched) {
        return;
    }
    const auto step_ns = static_cast<std::uint64_t>(to.t_ns - from.t_ns);
    const std::int64_t inside_ns = part.length_ns();
    const long double from_raw = line_at(from, to, part.from_ns);
    const long double to_raw =
        part.is_whole ? static_cast<long double>(to.raw) : line_at(from, to, part.to_ns);
    const long double area = (from_raw + to_raw) / 2 * static_cast<long double>(inside_ns);
    if (part.is_whole) {
        whole_area2_ += (Uint128{from.raw} + to.raw) * step_ns;
    } else {
        part_area_ += area;
    }
    last_change_ = distance(from.raw, to.raw);
    const auto [less, more] = std::minmax(from.raw, to.raw);
    first_change_ = touched_steps_ == 0 ? last_change_ : first_change_;
    least_raw_ = touched_steps_ == 0 ? less : std::min(least_raw_, less);
    most_raw_ = std::max(most_raw_, more);
    ++touched_steps_;
    if (step.gaps > 0 || is_silence(step, frame_.usual_spacing_ns)) {
        ++gaps_;
        gap_area_ += area;
        gap_ns_ += inside_ns;
        peak_.interrupt();
        return;
    }
    covered_ns_ += inside_ns;
    peak_.add(area, inside_ns);
    blocks_.add_line(part.from_ns, from_raw, part.to_ns, to_raw);
}

long double GaugeWindow::sampling_error() const {
    const double usual_ns = frame_.usual_spacing_ns;
    double seen = 0;
    if (spec_->window_ms && *spec_->window_ms > 0) {
        seen = usual_ns > 0 ? std::min(1.0, *spec_->window_ms * 1e6 / usual_ns) : 1;
    }
    const auto covered = static_cast<long double>(covered_ns_);
    const std::uint64_t blocks = blocks_.count();
    if (blocks >= kLeastBlocks) {
        return static_cast<long double>(std::sqrt(1 - seen) * student_t_975(blocks - 1)) *
               blocks_.deviation() / std::sqrt(static_cast<long double>(blocks)) * covered;
    }
    return static_cast<long double>(1 - seen) * static_cast<long double>(most_raw_ - least_raw_) /
           2 * covered;
}

long double GaugeWindow::edge_error() const {
    double reach_ns = frame_.usual_spacing_ns;
    if (spec_->update_ms || spec_->window_ms) {
        reach_ns = 1e6 * std::max(spec_->update_ms.value_or(0), spec_->window_ms.value_or(0));
    }
    return static_cast<long double>(reach_ns) *
           (static_cast<long double>(first_change_) + static_cast<long double>(last_change_));
}

void GaugeWindow::finish(ChannelEnergy& energy, std::int64_t& covered_ns,
                         std::uint64_t largest_raw) const {
    covered_ns = covered_ns_;
    energy.gaps += gaps_;
    if (touched_steps_ == 0) {
        energy.reason = "no reading touches the window";
        return;
    }
    const auto joules_of = [this](long double raw_ns) {
        return to_joules(raw_ns / 1e9L, spec_->unit_size);
    };
    const auto ceiling_raw = spec_->max_power_w ? static_cast<long double>(*spec_->max_power_w) /
                                                      static_cast<long double>(spec_->unit_size)
                                                : static_cast<long double>(largest_raw);
    const auto covered = static_cast<long double>(covered_ns_);
    const long double best = static_cast<long double>(whole_area2_) / 2 + part_area_;
    const long double resolution = covered / 2 * static_cast<long double>(spec_->resolution_raw);
    const long double both = sampling_error() + edge_error() + resolution;
    const long double gap_above =
        std::max(0.0L, ceiling_raw * static_cast<long double>(gap_ns_) - gap_area_);
    // A model states the power that its device cannot exceed; a sensor's ceiling is a guess.
    const bool has_limit = spec_->provenance >= Provenance::kModelled && spec_->max_power_w;
    const long double top =
        has_limit ? std::max(best, ceiling_raw * (covered + static_cast<long double>(gap_ns_)))
                  : std::numeric_limits<long double>::infinity();
    const long double low = std::max(0.0L, best - gap_area_ - both);
    const long double high = std::min(top, best + gap_above + both);
    const long double gain_below =
        std::min(low, static_cast<long double>(spec_->gain_error_low.value_or(0)) * best);
    const long double gain_above =
        std::min(top - high, static_cast<long double>(spec_->gain_error_high.value_or(0)) * best);
    energy.energy = joules_of(best);
    energy.known_part = joules_of(best);
    energy.energy_low = joules_of(low - gain_below);
    energy.energy_high = joules_of(high + gain_above);
    energy.gain_below = joules_of(gain_below);
    energy.gain_above = joules_of(gain_above);
    energy.resolution = joules_of(resolution);
    energy.provenance = std::max(spec_->provenance, Provenance::kDerived);
    const long double seen_ns = covered + static_cast<long double>(gap_ns_);
    if (seen_ns > 0) {
        const Joules per_second = joules_of(best / seen_ns * 1e9L);
        const Joules peak = joules_of(peak_.peak().value_or(0) * 1e9L);
        energy.power_mean = watts(per_second.as_joules());
        energy.power_max = watts(std::max(per_second, peak).as_joules());
    }
    if (gap_ns_ > 0 && !spec_->max_power_w) {
        energy.notes.emplace_back("no power ceiling, the largest sample bounds the gaps");
    }
}

}  // namespace finewatt
