#include "finewatt/stats/rank.h"

#include "finewatt/testing/matchers.h"

#include <limits>
#include <vector>

namespace finewatt::stats {
namespace {

TEST(Ranks, EqualValuesShareTheirMeanRank) {
    ASSERT_OK_AND_ASSIGN(const std::vector<double> found,
                         (ranks(std::vector<double>{30, 10, 20, 20, 20})));
    EXPECT_EQ(found, (std::vector<double>{5, 1, 3, 3, 3}));
    EXPECT_ERROR(kInvalidArgument, (ranks({})), "found 0");
}

TEST(MannWhitney, SeparateSamplesGiveTheSmallestExactP) {
    const std::vector<double> low{1, 2, 3};
    const std::vector<double> high{4, 5, 6};
    ASSERT_OK_AND_ASSIGN(const MannWhitney test, mann_whitney(low, high));
    EXPECT_EQ(test.u, 0);
    EXPECT_EQ(test.superiority, 0);
    EXPECT_TRUE(test.is_exact);
    EXPECT_NEAR(test.p_value, 2.0 / 20, 1e-12) << "two of the 20 ways to choose 3 out of 6";
    ASSERT_OK_AND_ASSIGN(const MannWhitney opposite, mann_whitney(high, low));
    EXPECT_EQ(opposite.u, 9);
    EXPECT_EQ(opposite.superiority, 1);
    EXPECT_NEAR(opposite.p_value, test.p_value, 1e-12);
}

TEST(MannWhitney, AgreesWithATextbookExample) {
    // Hollander and Wolfe, Nonparametric statistical methods (1973), permeability of membranes:
    // W = 35, one-sided p = 0.1272.
    const std::vector<double> at_term{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46};
    const std::vector<double> earlier{1.15, 0.88, 0.90, 0.74, 1.21};
    ASSERT_OK_AND_ASSIGN(const MannWhitney test, mann_whitney(at_term, earlier));
    EXPECT_EQ(test.u, 35);
    EXPECT_NEAR(test.p_value, 2 * 0.1272, 2e-4);
}

TEST(MannWhitney, TiesGoToTheNormalDistribution) {
    const std::vector<double> a{1, 2, 2, 3};
    const std::vector<double> b{2, 4, 5, 6};
    ASSERT_OK_AND_ASSIGN(const MannWhitney test, mann_whitney(a, b));
    EXPECT_FALSE(test.is_exact);
    EXPECT_EQ(test.u, 2) << "3 against 2, and two halves";
    // Variance 4 * 4 / 12 * (9 - 24 / 56), distance 8 - 2 - 0.5.
    const double z = 5.5 / std::sqrt(16.0 / 12 * (9 - 24.0 / 56));
    EXPECT_NEAR(test.p_value, std::erfc(z / std::sqrt(2.0)), 1e-12);
}

TEST(MannWhitney, WithoutDifferencesIsAnError) {
    EXPECT_ERROR(kInvalidArgument,
                 (mann_whitney(std::vector<double>{1, 1}, std::vector<double>{1})), "all equal");
    EXPECT_ERROR(kInvalidArgument, (mann_whitney({}, std::vector<double>{1})), "found 0");
}

TEST(Spearman, AgreesWithAPublishedExample) {
    // en.wikipedia.org/wiki/Spearman's_rank_correlation_coefficient, Example (read in 2024):
    // -29 / 165.
    const std::vector<double> iq{106, 100, 86, 101, 99, 103, 97, 113, 112, 110};
    const std::vector<double> hours{7, 27, 2, 50, 28, 29, 20, 12, 6, 17};
    ASSERT_OK_AND_ASSIGN(const double rho, spearman(iq, hours));
    EXPECT_NEAR(rho, -29.0 / 165, 1e-12);
}

TEST(Spearman, WhatCannotBeToldIsAnError) {
    const std::vector<double> three{1, 2, 3};
    EXPECT_ERROR(kInvalidArgument, (spearman(three, std::vector<double>{1, 2})), "3 and 2 values");
    EXPECT_ERROR(kInvalidArgument, (spearman(three, std::vector<double>{1, 1, 1})), "all equal");
    EXPECT_ERROR(kInvalidArgument, (spearman(std::vector<double>{1, 2}, std::vector<double>{1, 2})),
                 "3 values or more");
}

}  // namespace
}  // namespace finewatt::stats
