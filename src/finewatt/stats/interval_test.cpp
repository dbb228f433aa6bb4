#include "finewatt/stats/interval.h"

#include "finewatt/stats/distributions_internal.h"
#include "finewatt/testing/matchers.h"

#include <limits>
#include <vector>

namespace finewatt::stats {
namespace {

const std::vector<double> kOneToFive{1, 2, 3, 4, 5};

TEST(MeanInterval, IsStudentsInterval) {
    ASSERT_OK_AND_ASSIGN(const Interval interval, mean_interval(kOneToFive));
    EXPECT_DOUBLE_EQ(interval.best, 3);
    // t(0.975, 4) = 2.776445 times sqrt(2.5 / 5).
    EXPECT_NEAR(interval.high - 3, 2.776445 * std::sqrt(0.5), 1e-6);
    EXPECT_NEAR(3 - interval.low, 2.776445 * std::sqrt(0.5), 1e-6);
    ASSERT_OK_AND_ASSIGN(const Interval surer, mean_interval(kOneToFive, 0.99));
    EXPECT_NEAR(surer.high - 3, 4.604095 * std::sqrt(0.5), 1e-6);
    EXPECT_EQ(surer.confidence, 0.99);
}

TEST(MeanInterval, WhatGivesNoSpreadIsAnErrorNotWidthZero) {
    EXPECT_ERROR(kInvalidArgument, (mean_interval({})), "expected 2 values or more, found 0");
    EXPECT_ERROR(kInvalidArgument, (mean_interval(std::vector<double>{7})), "found 1");
    EXPECT_ERROR(kInvalidArgument, (mean_interval(std::vector<double>{7, 7, 7})), "all equal");
    EXPECT_ERROR(kInvalidArgument,
                 (mean_interval(std::vector<double>{7, std::numeric_limits<double>::quiet_NaN()})),
                 "found nan in place 2");
}

TEST(MeanInterval, ConfidenceMustBeAShare) {
    for (const double confidence : {0.0, 1.0, 95.0, -0.5}) {
        EXPECT_ERROR(kInvalidArgument, mean_interval(kOneToFive, confidence), "such as 0.95");
    }
}

TEST(WelchDifference, AgreesWithAPublishedExample) {
    // en.wikipedia.org/wiki/Welch's_t-test, Examples, no. 1 (read in 2024): t = -2.46, 25.0
    // degrees, p = 0.021.
    const std::vector<double> a{27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1,
                                21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4};
    const std::vector<double> b{27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0,
                                24.8, 20.2, 21.9, 22.1, 22.9, 20.5, 24.4};
    ASSERT_OK_AND_ASSIGN(const WelchDifference welch, welch_difference(a, b));
    EXPECT_NEAR(welch.t, -2.46, 0.005);
    EXPECT_NEAR(welch.degrees, 25.0, 0.05);
    EXPECT_NEAR(welch.p_value, 0.021, 0.0005);
    EXPECT_LT(welch.difference.high, 0);
}

TEST(WelchDifference, OneSampleMayBeWithoutSpread) {
    ASSERT_OK_AND_ASSIGN(const WelchDifference welch,
                         (welch_difference(kOneToFive, std::vector<double>{1, 1, 1})));
    EXPECT_DOUBLE_EQ(welch.difference.best, 2);
    // All uncertainty is that of the first sample.
    EXPECT_NEAR(welch.degrees, 4, 1e-12);
    EXPECT_NEAR(welch.difference.high - 2, 2.776445 * std::sqrt(0.5), 1e-6);
    EXPECT_ERROR(kInvalidArgument,
                 (welch_difference(std::vector<double>{2, 2}, std::vector<double>{1, 1})),
                 "all equal");
    EXPECT_ERROR(kInvalidArgument, (welch_difference(std::vector<double>{2}, kOneToFive)),
                 "found 1");
}

TEST(WelchDifference, TinySpreadsKeepTheirDegrees) {
    const std::vector<double> small{1e-200, 2e-200, 3e-200};
    const std::vector<double> large{2e-200, 4e-200, 6e-200};
    EXPECT_ERROR(kInvalidArgument, welch_difference(small, large), "all equal");
    const std::vector<double> a{1e-90, 2e-90, 3e-90};
    const std::vector<double> b{2e-90, 4e-90, 6e-90};
    ASSERT_OK_AND_ASSIGN(const WelchDifference welch, welch_difference(a, b));
    // (1 + 4)^2 / (1 / 2 + 16 / 2).
    EXPECT_NEAR(welch.degrees, 25 / 8.5, 1e-9);
}

TEST(RatioOfMeans, BoundsAreTheRatiosThatAreJustPossible) {
    const std::vector<double> a{101, 99, 103, 98, 104};
    const std::vector<double> b{52, 49, 50, 53};
    ASSERT_OK_AND_ASSIGN(const Interval ratio, ratio_of_means(a, b));
    EXPECT_DOUBLE_EQ(ratio.best, 101.0 / 51.0);
    // Variances of the means: 6.5 / 5 and (10 / 3) / 4.
    const double va = 6.5 / 5;
    const double vb = 10.0 / 12;
    const double q = ratio.best * ratio.best;
    const double degrees = (va + q * vb) * (va + q * vb) / (va * va / 4 + q * q * vb * vb / 3);
    const double t = student_t_quantile(0.975, degrees);
    for (const double bound : {ratio.low, ratio.high}) {
        EXPECT_NEAR(std::abs(101 - bound * 51), t * std::sqrt(va + bound * bound * vb), 1e-9);
    }
    EXPECT_LT(ratio.low, ratio.best);
    EXPECT_GT(ratio.high, ratio.best);
}

TEST(RatioOfMeans, LowerPartThatMayBeZeroHasNoInterval) {
    EXPECT_ERROR(kInvalidArgument, (ratio_of_means(kOneToFive, std::vector<double>{-1, 2, -2, 3})),
                 "may be 0");
    EXPECT_ERROR(kInvalidArgument, (ratio_of_means(kOneToFive, std::vector<double>{-1, 1})),
                 "other than 0");
}

}  // namespace
}  // namespace finewatt::stats
