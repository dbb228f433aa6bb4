#include "finewatt/engine/latency.h"

#include <gtest/gtest.h>

namespace finewatt {
namespace {

TEST(Latency, PercentilesAreTimesThatWereMeasured) {
    std::vector<double> times_s;
    for (int i = 100; i >= 1; --i) {
        times_s.push_back(i * 1e-3);
    }
    const Latency latency = latency_of(times_s);
    EXPECT_NEAR(latency.mean_ms, 50.5, 1e-9);
    EXPECT_NEAR(latency.p50_ms, 50, 1e-9);
    EXPECT_NEAR(latency.p90_ms, 90, 1e-9);
    EXPECT_NEAR(latency.p99_ms, 99, 1e-9);
    EXPECT_NEAR(latency.max_ms, 100, 1e-9);
}

TEST(Latency, OneTimeIsEveryPercentile) {
    const Latency latency = latency_of({0.002});
    for (const auto& [name, value] : latency_scores(latency)) {
        EXPECT_DOUBLE_EQ(value, 2.0) << name;
    }
}

}  // namespace
}  // namespace finewatt
