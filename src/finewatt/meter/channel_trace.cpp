#include "finewatt/meter/channel_trace.h"

#include <algorithm>

namespace finewatt {
namespace {

/// Spacings that the usual spacing is the median of (docs/measuring.md, rules).
constexpr std::size_t kSpacings = 101;

}  // namespace

bool ChannelTrace::add(const Reading& reading) {
    if (closed_) {
        ignored_lines_ = true;
        return false;
    }
    const std::int64_t t_ns =
        has_line_ ? std::max(reading.time.as_ns(), last_ns_) : reading.time.as_ns();
    if (!has_line_) {
        first_ns_ = t_ns;
        has_line_ = true;
    }
    last_ns_ = t_ns;
    closed_ = reading.outcome == PollOutcome::kGone || reading.outcome == PollOutcome::kFatal;
    const bool above_range = spec_.range.has_value() && reading.raw > *spec_.range;
    if (reading.outcome != PollOutcome::kOk || above_range) {
        failed_.push_back({t_ns, samples_.size()});
        return false;
    }
    samples_.push_back({t_ns, reading.raw});
    largest_raw_ = std::max(largest_raw_, reading.raw);
    if (samples_.size() == kSpacings + 1) {
        settled_spacing_ns_ = median_spacing_ns();
    }
    return true;
}

std::optional<double> ChannelTrace::usual_spacing_ns() const {
    return settled_spacing_ns_ ? settled_spacing_ns_ : median_spacing_ns();
}

std::optional<double> ChannelTrace::median_spacing_ns() const {
    if (samples_.size() < 2) {
        return std::nullopt;
    }
    const std::size_t count = std::min(samples_.size() - 1, kSpacings);
    std::vector<std::int64_t> spacings(count);
    for (std::size_t i = 0; i < count; ++i) {
        spacings[i] = samples_[i + 1].t_ns - samples_[i].t_ns;
    }
    std::sort(spacings.begin(), spacings.end());
    const auto upper = static_cast<double>(spacings[count / 2]);
    if (count % 2 == 1) {
        return upper;
    }
    return (static_cast<double>(spacings[count / 2 - 1]) + upper) / 2;
}

}  // namespace finewatt
