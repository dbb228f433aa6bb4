#include "finewatt/stats/distributions_internal.h"

#include <gtest/gtest.h>

#include <cmath>

namespace finewatt::stats {
namespace {

TEST(StudentT, QuantilesAreThoseOfTheTables) {
    // Abramowitz and Stegun, Handbook of Mathematical Functions (1964), table 26.10.
    EXPECT_NEAR(student_t_quantile(0.975, 1), 12.706, 5e-4);
    EXPECT_NEAR(student_t_quantile(0.975, 10), 2.228, 5e-4);
    EXPECT_NEAR(student_t_quantile(0.995, 5), 4.032, 5e-4);
    EXPECT_NEAR(student_t_quantile(0.95, 120), 1.658, 5e-4);
    EXPECT_NEAR(student_t_two_sided_p(2.2281, 10), 0.05, 5e-6);
}

TEST(Normal, QuantileAndProbabilityAreInverse) {
    EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-14);
    EXPECT_NEAR(normal_cdf(normal_quantile(0.01)), 0.01, 1e-15);
}

TEST(NoncentralT, WithoutNoncentralityIsStudentsT) {
    for (const double degrees : {1.0, 2.0, 4.5, 30.0, 1000.0}) {
        for (const double t : {-4.0, -0.5, 0.01, 1.0, 3.0}) {
            const double tail = student_t_two_sided_p(t, degrees) / 2;
            EXPECT_NEAR(noncentral_t_cdf(t, degrees, 0), t > 0 ? 1 - tail : tail, 1e-9)
                << degrees << " " << t;
        }
    }
}

TEST(NoncentralT, AtZeroIsTheNormalProbability) {
    EXPECT_NEAR(noncentral_t_cdf(0, 7, 1.5), normal_cdf(-1.5), 1e-15);
    EXPECT_NEAR(noncentral_t_cdf(1e-9, 7, 1.5), normal_cdf(-1.5), 1e-8);
}

TEST(NoncentralT, HugeNoncentralityStaysAProbability) {
    // T / noncentrality is near 1 / S then, with S the root of a chi-square over its degrees:
    // P(1 / S <= 1) is the chi-square's probability above its degrees, exp(-1) = 0.3679 for two
    // degrees.
    EXPECT_NEAR(noncentral_t_cdf(1e6, 2, 1e6), std::exp(-1), 1e-5);
    EXPECT_NEAR(noncentral_t_cdf(-1e6, 2, -1e6), 1 - std::exp(-1), 1e-5);
}

TEST(SmallSampleFactor, IsTheRatioOfGammaFunctions) {
    // gamma(5) / (gamma(4.5) sqrt(5)) = 24 / (11.6317283966 * 2.2360679775).
    EXPECT_NEAR(small_sample_factor(10), 24 / (11.6317283965674 * std::sqrt(5.0)), 1e-10);
    // Hedges' approximation 1 - 3 / (4 n - 1) for many.
    EXPECT_NEAR(small_sample_factor(10'000), 1 - 3.0 / 39'999, 1e-8);
}

}  // namespace
}  // namespace finewatt::stats
