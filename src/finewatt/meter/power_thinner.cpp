#include "finewatt/meter/power_thinner_internal.h"

#include <algorithm>

namespace finewatt {

PowerThinner::PowerThinner(const ChannelSpec& spec, double usual_spacing_ns, std::size_t max_points)
    : spec_(&spec),
      rule_(spec),
      usual_spacing_ns_(usual_spacing_ns),
      least_ns_(least_peak_stretch_ns(spec, usual_spacing_ns)),
      max_points_(max_points) {}

std::optional<long double> PowerThinner::energy_of(const Step& step) const {
    if (spec_->kind == ChannelKind::kGauge) {
        if (step.gaps > 0 || is_silence(step, usual_spacing_ns_)) {
            return std::nullopt;
        }
        return (static_cast<long double>(step.from.raw) + static_cast<long double>(step.to.raw)) /
               2 * static_cast<long double>(step.to.t_ns - step.from.t_ns) / 1e9L;
    }
    if (step.doubt != StepDoubt::kNone) {
        return std::nullopt;
    }
    const CounterStep moved = counter_step(rule_, step.from, step.to);
    if (moved.doubt != StepDoubt::kNone) {
        return std::nullopt;
    }
    return static_cast<long double>(moved.low);
}

void PowerThinner::add(const Step& step) {
    const auto energy = energy_of(step);
    if (!energy) {
        open_ = {};
        return;
    }
    open_.raw += *energy;
    open_.length_ns += step.to.t_ns - step.from.t_ns;
    open_.end_ns = step.to.t_ns;
    if (open_.length_ns <= 0 || static_cast<double>(open_.length_ns) < least_ns_) {
        return;
    }
    if (points_.size() == max_points_) {
        merge_pairs();
    }
    points_.push_back(open_);
    open_ = {};
}

void PowerThinner::merge_pairs() {
    std::size_t merged = 0;
    for (std::size_t i = 0; i < points_.size(); i += 2) {
        Point point = points_[i];
        if (i + 1 < points_.size()) {
            const Point& next = points_[i + 1];
            point = {next.end_ns, point.length_ns + next.length_ns, point.raw + next.raw};
        }
        points_[merged++] = point;
    }
    points_.resize(merged);
    const double spacing_ns = static_cast<double>(points_.back().end_ns - points_.front().end_ns) /
                              static_cast<double>(merged);
    least_ns_ = std::max(2 * least_ns_, 0.9 * spacing_ns);
}

PowerPoints PowerThinner::points(MonoTime origin) const {
    PowerPoints points;
    points.t_s.reserve(points_.size());
    points.power_w.reserve(points_.size());
    for (const Point& point : points_) {
        points.t_s.push_back(as_seconds(MonoTime::from_ns(point.end_ns) - origin));
        points.power_w.push_back(to_joules(point.raw, spec_->unit_size).as_joules() /
                                 as_seconds(std::chrono::nanoseconds(point.length_ns)));
    }
    return points;
}

}  // namespace finewatt
