// What must hold for any sample: shifts, scales, exchange, coverage. Seeds are fixed.
#include "finewatt/stats/bootstrap.h"
#include "finewatt/stats/effect_size.h"
#include "finewatt/stats/interval.h"
#include "finewatt/stats/rank.h"
#include "finewatt/stats/summary.h"
#include "finewatt/testing/matchers.h"

#include <algorithm>
#include <random>
#include <vector>

namespace finewatt::stats {
namespace {

constexpr unsigned kSeed = 20241124;

class StatsProperty : public ::testing::Test {
  protected:
    std::vector<double> normal_sample(std::size_t size, double centre, double sd) {
        std::normal_distribution<double> distribution(centre, sd);
        std::vector<double> values(size);
        std::generate(values.begin(), values.end(), [&] { return distribution(random_); });
        return values;
    }

    std::size_t size_from(std::size_t least, std::size_t most) {
        return least + random_() % (most - least + 1);
    }

    std::mt19937_64 random_{kSeed};
};

std::vector<double> moved(std::vector<double> values, double scale, double shift) {
    for (double& value : values) {
        value = scale * value + shift;
    }
    return values;
}

void expect_interval(const Interval& found, double best, double low, double high) {
    const double tolerance = 1e-9 * (std::abs(low) + std::abs(high));
    EXPECT_NEAR(found.best, best, tolerance);
    EXPECT_NEAR(found.low, low, tolerance);
    EXPECT_NEAR(found.high, high, tolerance);
}

TEST_F(StatsProperty, IntervalsFollowShiftAndScale) {
    for (int round = 0; round < 200; ++round) {
        SCOPED_TRACE(::testing::Message() << "round " << round << ", seed " << kSeed);
        const auto a = normal_sample(size_from(2, 12), 100, 3);
        const auto b = normal_sample(size_from(2, 12), 80, 5);
        ASSERT_OK_AND_ASSIGN(const Interval mean_a, mean_interval(a));
        ASSERT_OK_AND_ASSIGN(const Interval moved_mean, mean_interval(moved(a, 4, -7)));
        expect_interval(moved_mean, 4 * mean_a.best - 7, 4 * mean_a.low - 7, 4 * mean_a.high - 7);

        ASSERT_OK_AND_ASSIGN(const WelchDifference welch, welch_difference(a, b));
        ASSERT_OK_AND_ASSIGN(const WelchDifference moved_welch,
                             welch_difference(moved(a, 0.25, 9), moved(b, 0.25, 9)));
        expect_interval(moved_welch.difference, welch.difference.best / 4, welch.difference.low / 4,
                        welch.difference.high / 4);
        EXPECT_NEAR(moved_welch.p_value, welch.p_value, 1e-8);

        ASSERT_OK_AND_ASSIGN(const Interval g, hedges_g(a, b));
        ASSERT_OK_AND_ASSIGN(const Interval moved_g, hedges_g(moved(a, 64, 3), moved(b, 64, 3)));
        EXPECT_NEAR(moved_g.best, g.best, 1e-6);
        EXPECT_NEAR(moved_g.low, g.low, 1e-6);

        const Result<Interval> ratio = ratio_of_means(a, b);
        const Result<Interval> scaled = ratio_of_means(moved(a, 3, 0), moved(b, 2, 0));
        ASSERT_EQ(ratio.has_value(), scaled.has_value());
        if (ratio) {
            expect_interval(*scaled, 1.5 * ratio->best, 1.5 * ratio->low, 1.5 * ratio->high);
        }
    }
}

TEST_F(StatsProperty, ExchangeTurnsSignsAndReciprocals) {
    for (int round = 0; round < 200; ++round) {
        SCOPED_TRACE(::testing::Message() << "round " << round << ", seed " << kSeed);
        const auto a = normal_sample(size_from(3, 12), 100, 1);
        const auto b = normal_sample(size_from(3, 12), 80, 2);
        ASSERT_OK_AND_ASSIGN(const WelchDifference ab, welch_difference(a, b));
        ASSERT_OK_AND_ASSIGN(const WelchDifference ba, welch_difference(b, a));
        expect_interval(ba.difference, -ab.difference.best, -ab.difference.high,
                        -ab.difference.low);
        ASSERT_OK_AND_ASSIGN(const Interval ratio, ratio_of_means(a, b));
        ASSERT_OK_AND_ASSIGN(const Interval inverse, ratio_of_means(b, a));
        expect_interval(inverse, 1 / ratio.best, 1 / ratio.high, 1 / ratio.low);
        ASSERT_OK_AND_ASSIGN(const MannWhitney u_ab, mann_whitney(a, b));
        ASSERT_OK_AND_ASSIGN(const MannWhitney u_ba, mann_whitney(b, a));
        EXPECT_NEAR(u_ab.superiority + u_ba.superiority, 1, 1e-12);
        EXPECT_NEAR(u_ab.p_value, u_ba.p_value, 1e-12);
    }
}

TEST_F(StatsProperty, OrderOfValuesDoesNotMatter) {
    for (int round = 0; round < 50; ++round) {
        auto values = normal_sample(size_from(2, 40), 5, 2);
        ASSERT_OK_AND_ASSIGN(const Summary before, summarise(values));
        std::shuffle(values.begin(), values.end(), random_);
        ASSERT_OK_AND_ASSIGN(const Summary after, summarise(values));
        EXPECT_NEAR(before.mean, after.mean, 1e-13);
        EXPECT_EQ(before.median, after.median);
        EXPECT_NEAR(before.sd.value_or(-1), after.sd.value_or(-2), 1e-12);
    }
}

TEST_F(StatsProperty, IntervalsCoverTheTruthAsOftenAsTheySay) {
    // 2000 rounds of a 95 % interval: 1900 hits, standard deviation 9.7; four of them either side.
    constexpr int kRounds = 2000;
    constexpr int kLeast = 1861;
    constexpr int kMost = 1939;
    int mean_hits = 0;
    int welch_hits = 0;
    int ratio_hits = 0;
    for (int round = 0; round < kRounds; ++round) {
        const auto a = normal_sample(5, 60, 3);
        const auto b = normal_sample(5, 40, 3);
        ASSERT_OK_AND_ASSIGN(const Interval mean_a, mean_interval(a));
        ASSERT_OK_AND_ASSIGN(const WelchDifference welch, welch_difference(a, b));
        ASSERT_OK_AND_ASSIGN(const Interval ratio, ratio_of_means(a, b));
        mean_hits += mean_a.low <= 60 && 60 <= mean_a.high ? 1 : 0;
        welch_hits += welch.difference.low <= 20 && 20 <= welch.difference.high ? 1 : 0;
        ratio_hits += ratio.low <= 1.5 && 1.5 <= ratio.high ? 1 : 0;
    }
    for (const int hits : {mean_hits, welch_hits, ratio_hits}) {
        EXPECT_GE(hits, kLeast);
        // Welch's and Fieller's intervals may cover a little more.
        EXPECT_LE(hits, kMost + 15);
    }
}

TEST_F(StatsProperty, ExactProbabilitiesOfUMatchCounting) {
    // All ways to deal 7 distinct values into samples of 3 and 4.
    const std::vector<double> values{1, 2, 3, 4, 5, 6, 7};
    std::vector<int> deal{0, 0, 0, 1, 1, 1, 1};
    std::vector<MannWhitney> all;
    do {
        std::vector<double> a;
        std::vector<double> b;
        for (std::size_t i = 0; i < values.size(); ++i) {
            (deal[i] == 0 ? a : b).push_back(values[i]);
        }
        ASSERT_OK_AND_ASSIGN(all.emplace_back(), mann_whitney(a, b));
    } while (std::next_permutation(deal.begin(), deal.end()));
    ASSERT_EQ(all.size(), 35U);
    for (const MannWhitney& test : all) {
        const double distance = std::abs(test.u - 6);
        const auto as_far = std::count_if(all.begin(), all.end(), [&](const MannWhitney& other) {
            return std::abs(other.u - 6) >= distance;
        });
        EXPECT_NEAR(test.p_value, static_cast<double>(as_far) / 35, 1e-12);
    }
}

}  // namespace
}  // namespace finewatt::stats
