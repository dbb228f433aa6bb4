#include "finewatt/engine/latency.h"

#include "finewatt/base/check.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace finewatt {

Latency latency_of(std::vector<double> times_s) {
    FINEWATT_CHECK(!times_s.empty(), "percentiles are those of at least one time");
    std::sort(times_s.begin(), times_s.end());
    const auto count = static_cast<double>(times_s.size());
    const auto percentile_ms = [&](double percent) {
        const auto rank = static_cast<std::size_t>(std::ceil(percent / 100 * count));
        return 1e3 * times_s[std::max<std::size_t>(rank, 1) - 1];
    };
    return {1e3 * std::accumulate(times_s.begin(), times_s.end(), 0.0) / count, percentile_ms(50),
            percentile_ms(90), percentile_ms(99), 1e3 * times_s.back()};
}

NamedScores latency_scores(const Latency& latency) {
    return {{"latency_ms_mean", latency.mean_ms},
            {"latency_ms_p50", latency.p50_ms},
            {"latency_ms_p90", latency.p90_ms},
            {"latency_ms_p99", latency.p99_ms},
            {"latency_ms_max", latency.max_ms}};
}

}  // namespace finewatt
