#include "finewatt/stats/effect_size.h"

#include "finewatt/stats/distributions_internal.h"
#include "finewatt/testing/matchers.h"

#include <vector>

namespace finewatt::stats {
namespace {

TEST(HedgesG, IsTheCorrectedStandardisedDifference) {
    const std::vector<double> a{3, 4, 5, 6, 7};
    const std::vector<double> b{1, 2, 3, 4, 5};
    ASSERT_OK_AND_ASSIGN(const Interval g, hedges_g(a, b));
    // Difference 2, pooled variance 2.5, 8 degrees: gamma(4) / (gamma(3.5) 2) = 6 / 6.6466...
    EXPECT_NEAR(g.best, 2 / std::sqrt(2.5) * 6 / (3.32335097044784 * 2), 1e-9);
    ASSERT_OK_AND_ASSIGN(const Interval opposite, hedges_g(b, a));
    EXPECT_NEAR(opposite.best, -g.best, 1e-12);
    EXPECT_NEAR(opposite.low, -g.high, 1e-8);
    EXPECT_NEAR(opposite.high, -g.low, 1e-8);
}

TEST(HedgesG, BoundsPutTheObservedValueInTheTails) {
    const std::vector<double> a{3.1, 4, 5.3, 6};
    const std::vector<double> b{1, 2.2, 3, 4, 5};
    ASSERT_OK_AND_ASSIGN(const Interval g, hedges_g(a, b, 0.9));
    const double root = std::sqrt(4.0 * 5 / 9);
    const double factor = small_sample_factor(7);
    const double t = g.best / factor * root;
    EXPECT_NEAR(noncentral_t_cdf(t, 7, g.low / factor * root), 0.95, 1e-8);
    EXPECT_NEAR(noncentral_t_cdf(t, 7, g.high / factor * root), 0.05, 1e-8);
}

TEST(HedgesG, VeryLargeEffectHasAnInterval) {
    // Repeats of a meter agree to a thousandth while two settings differ by half.
    const std::vector<double> a{150.001, 150.002, 149.999};
    const std::vector<double> b{100.001, 99.998, 100.002};
    ASSERT_OK_AND_ASSIGN(const Interval g, hedges_g(a, b));
    EXPECT_GT(g.best, 10'000);
    EXPECT_GT(g.low, 0);
    EXPECT_LT(g.low, g.best);
    EXPECT_GT(g.high, g.best);
}

TEST(HedgesG, WithoutSpreadOrRepeatsIsAnError) {
    EXPECT_ERROR(kInvalidArgument, (hedges_g(std::vector<double>{1, 1}, std::vector<double>{2, 2})),
                 "all equal");
    EXPECT_ERROR(kInvalidArgument, (hedges_g(std::vector<double>{1}, std::vector<double>{2, 3})),
                 "found 1");
    EXPECT_ERROR(kInvalidArgument,
                 (hedges_g(std::vector<double>{1, 2}, std::vector<double>{2, 3}, 1.5)), "0.95");
}

TEST(EffectSizeWord, FollowsCohen) {
    EXPECT_EQ(effect_size_word(0.19), "negligible");
    EXPECT_EQ(effect_size_word(-0.2), "small");
    EXPECT_EQ(effect_size_word(0.79), "medium");
    EXPECT_EQ(effect_size_word(-3), "large");
}

}  // namespace
}  // namespace finewatt::stats
