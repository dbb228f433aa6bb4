#include "finewatt/engine/schedule.h"

#include <gtest/gtest.h>

namespace finewatt {
namespace {

TEST(LinearRate, WithoutWarmupStartsAtThePeakAndEndsOneStepAboveZero) {
    EXPECT_DOUBLE_EQ(linear_rate(2e-5, 0, 0, 10), 2e-5);
    EXPECT_DOUBLE_EQ(linear_rate(2e-5, 9, 0, 10), 2e-6);
}

TEST(LinearRate, FirstWarmupStepIsZeroAndThePeakFollowsTheWarmup) {
    EXPECT_DOUBLE_EQ(linear_rate(1.0, 0, 4, 10), 0.0);
    EXPECT_DOUBLE_EQ(linear_rate(1.0, 3, 4, 10), 0.75);
    EXPECT_DOUBLE_EQ(linear_rate(1.0, 4, 4, 10), 1.0);
    EXPECT_DOUBLE_EQ(linear_rate(1.0, 9, 4, 10), 1.0 / 6.0);
}

TEST(LinearRate, NeverFallsBelowZero) {
    EXPECT_DOUBLE_EQ(linear_rate(1.0, 12, 0, 10), 0.0);
}

TEST(WarmupSteps, BelowOneIsAShareRoundedUp) {
    EXPECT_EQ(warmup_steps(0.06, 268), 17);  // 16.08
    EXPECT_EQ(warmup_steps(0, 268), 0);
    EXPECT_EQ(warmup_steps(100, 268), 100);
}

}  // namespace
}  // namespace finewatt
