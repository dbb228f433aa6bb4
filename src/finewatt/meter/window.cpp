#include "finewatt/meter/window_internal.h"

#include <algorithm>
#include <cmath>

namespace finewatt {

StepPart cut_step(const WindowFrame& frame, const RawSample& from, const RawSample& to) {
    StepPart part;
    part.from_ns = std::max(from.t_ns, frame.begin_ns);
    part.to_ns = std::min(to.t_ns, frame.end_ns);
    if (from.t_ns == to.t_ns) {
        const bool before_end =
            from.t_ns < frame.end_ns || (frame.is_closed && from.t_ns == frame.end_ns);
        part.is_touched = from.t_ns >= frame.begin_ns && before_end;
    } else if (frame.begin_ns == frame.end_ns) {
        part.is_touched = from.t_ns <= frame.begin_ns && frame.begin_ns < to.t_ns;
    } else {
        part.is_touched = part.to_ns > part.from_ns;
    }
    part.is_whole = part.is_touched && part.from_ns == from.t_ns && part.to_ns == to.t_ns;
    return part;
}

bool is_silence(const Step& step, double usual_spacing_ns) {
    constexpr double kSilentSpacings = 5;
    return static_cast<double>(step.to.t_ns - step.from.t_ns) > kSilentSpacings * usual_spacing_ns;
}

Joules to_joules(long double raw, double unit_size) {
    const double per_unit = std::round(1.0 / unit_size);
    if (per_unit >= 1 && 1.0 / per_unit == unit_size) {
        return joules(static_cast<double>(raw / static_cast<long double>(per_unit)));
    }
    return joules(static_cast<double>(raw * static_cast<long double>(unit_size)));
}

void PeakPower::add(long double raw, std::int64_t length_ns) {
    raw_ += raw;
    length_ns_ += length_ns;
    if (length_ns_ <= 0 || static_cast<double>(length_ns_) < least_ns_) {
        return;
    }
    const long double power = raw_ / static_cast<long double>(length_ns_);
    peak_ = peak_ ? std::max(*peak_, power) : power;
    interrupt();
}

void PeakPower::interrupt() {
    raw_ = 0;
    length_ns_ = 0;
}

double least_peak_stretch_ns(const ChannelSpec& spec, double usual_spacing_ns) {
    return std::max(usual_spacing_ns / 2, 5e6 * spec.update_ms.value_or(0));
}

}  // namespace finewatt
