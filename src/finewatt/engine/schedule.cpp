#include "finewatt/engine/schedule.h"

#include <algorithm>
#include <cmath>

namespace finewatt {

std::int64_t warmup_steps(double warmup, std::int64_t total_steps) {
    if (warmup >= 1) {
        return static_cast<std::int64_t>(warmup);
    }
    return static_cast<std::int64_t>(std::ceil(warmup * static_cast<double>(total_steps)));
}

double linear_rate(double peak, std::int64_t step, std::int64_t warmup, std::int64_t total) {
    if (step < warmup) {
        return peak * static_cast<double>(step) / static_cast<double>(warmup);
    }
    const auto left = static_cast<double>(std::max<std::int64_t>(0, total - step));
    const auto span = static_cast<double>(std::max<std::int64_t>(1, total - warmup));
    return peak * left / span;
}

}  // namespace finewatt
