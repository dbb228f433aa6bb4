#include "finewatt/meter/wall_fit.h"

#include "finewatt/base/csv.h"
#include "finewatt/base/file.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/shared_data.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

namespace finewatt {
namespace {

using ::testing::HasSubstr;

CalibrationPair pair_of(double software_j, double wall_j, const std::string& kind = "cpu",
                        double duration_s = 200, double updates = 200) {
    CalibrationPair pair;
    pair.kind = kind;
    pair.software = joules(software_j);
    pair.wall = joules(wall_j);
    pair.duration_s = duration_s;
    pair.updates = updates;
    return pair;
}

TEST(WallFit, CoefficientAndIntervalAreThoseOfTheFormula) {
    // By hand: sum(xy) = 15.2, sum(x^2) = 14, s^2 = 0.00714286 / 2, t(0.975, 2) = 4.302653.
    ASSERT_OK_AND_ASSIGN(const WallFit fit,
                         fit_wall({pair_of(1, 1.1), pair_of(2, 2.1), pair_of(3, 3.3)}));
    const LoadCoefficient& all = fit.coefficients.at(0);
    EXPECT_EQ(all.kind, "all");
    EXPECT_NEAR(all.coefficient, 1.0857143, 1e-7);
    EXPECT_NEAR(all.coefficient_low, 1.0857143 - 0.0687217, 1e-6);
    EXPECT_NEAR(all.coefficient_high, 1.0857143 + 0.0687217, 1e-6);
    EXPECT_EQ(all.pairs, 3);
    EXPECT_NEAR(all.power_software.as_watts(), 6.0 / 600, 1e-12);
}

TEST(WallFit, TwoPairsAreTooFew) {
    EXPECT_ERROR(kInvalidArgument, fit_wall({pair_of(1, 1.1), pair_of(2, 2.1)}), "found 2");
}

TEST(WallFit, ShortPairsAreLeftOutWithTheReason) {
    // The paper's RTE run of 59 s, with a meter that shows a reading a second.
    std::vector<CalibrationPair> pairs{pair_of(100, 105), pair_of(100, 105), pair_of(100, 105),
                                       pair_of(28'800, 40'000, "rte", 59, 59)};
    ASSERT_OK_AND_ASSIGN(const WallFit fit, fit_wall(pairs));
    EXPECT_NEAR(fit.coefficients.at(0).coefficient, 1.05, 1e-12);
    EXPECT_EQ(fit.coefficients.at(0).pairs, 3);
    EXPECT_THAT(fit.pairs[3].reason.value_or(""), HasSubstr("found 59"));
    pairs.erase(pairs.begin());
    EXPECT_ERROR(kInvalidArgument, fit_wall(pairs), "pair 3 (rte): expected 100 readings");
}

TEST(WallFit, UnusableEnergiesAreLeftOut) {
    for (const auto& bad : {pair_of(0, 10), pair_of(10, -1), pair_of(std::nan(""), 10),
                            pair_of(10, 10, "cpu", 0), pair_of(10, INFINITY)}) {
        ASSERT_OK_AND_ASSIGN(const WallFit fit, fit_wall({pair_of(100, 105), pair_of(100, 106),
                                                          pair_of(100, 107), bad}));
        EXPECT_EQ(fit.coefficients.at(0).pairs, 3);
        EXPECT_TRUE(fit.pairs[3].reason.has_value());
    }
}

TEST(WallFit, KindsWithEnoughPairsGetTheirOwnCoefficient) {
    std::vector<CalibrationPair> pairs;
    for (int i = 0; i < 3; ++i) {
        pairs.push_back(pair_of(1000, 1600, "idle"));
        pairs.push_back(pair_of(20'000, 22'000, "cpu"));
    }
    pairs.push_back(pair_of(30'000, 33'300, "gpu"));
    ASSERT_OK_AND_ASSIGN(const WallFit fit, fit_wall(pairs));
    ASSERT_EQ(fit.coefficients.size(), 3U);
    EXPECT_EQ(fit.coefficients[1].kind, "idle");
    EXPECT_NEAR(fit.coefficients[1].coefficient, 1.6, 1e-12);
    EXPECT_NEAR(fit.coefficients[2].coefficient, 1.1, 1e-12);
    ASSERT_EQ(fit.notes.size(), 1U);
    EXPECT_THAT(fit.notes[0], HasSubstr("gpu has no coefficient of its own: 1 of 3 pairs"));
}

TEST(WallFit, SlopeAndOffsetSeparateWhatARatioCannot) {
    // 40 W of fans and disks, and a power supply that loses 8 %.
    std::vector<CalibrationPair> pairs;
    for (const double power_w : {60.0, 150.0, 300.0}) {
        pairs.push_back(pair_of(power_w * 200, (40 + 1.08 * power_w) * 200));
    }
    ASSERT_OK_AND_ASSIGN(const WallFit fit, fit_wall(pairs));
    ASSERT_TRUE(fit.slope.has_value());
    EXPECT_NEAR(*fit.slope, 1.08, 1e-9);
    EXPECT_NEAR(fit.offset->as_watts(), 40, 1e-6);
}

TEST(WallFit, OnePowerGivesNoSlope) {
    ASSERT_OK_AND_ASSIGN(const WallFit fit,
                         fit_wall({pair_of(100, 105), pair_of(101, 106), pair_of(99, 104)}));
    EXPECT_FALSE(fit.slope.has_value());
    EXPECT_THAT(fit.notes, ::testing::Contains(HasSubstr("one power")));
}

/// Pairs of one machine: equal windows, and a meter that errs by `noise` of the mean energy.
std::vector<CalibrationPair> noisy_pairs(double coefficient, double noise, std::size_t count,
                                         std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> power_w(200, 500);
    std::normal_distribution<double> error(0, noise);
    std::vector<CalibrationPair> pairs;
    for (std::size_t i = 0; i < count; ++i) {
        const double software_j = power_w(random) * 200;
        pairs.push_back(pair_of(software_j, coefficient * software_j + 70'000 * error(random)));
    }
    return pairs;
}

TEST(WallFitPaper, PublishedCoefficientsComeOutOfPairsOfThatKind) {
    // Appendix A.2: 1.05 (RTX 8000) and 1.09 (A100); section 3.4: 1.059. Six runs, as in Table 7.
    for (const double published : {1.05, 1.09, 1.059}) {
        ASSERT_OK_AND_ASSIGN(const WallFit fit, fit_wall(noisy_pairs(published, 0.003, 6, 7)));
        const LoadCoefficient& all = fit.coefficients.at(0);
        EXPECT_NEAR(all.coefficient, published, 0.005) << published;
        EXPECT_LT(all.coefficient_low, published);
        EXPECT_GT(all.coefficient_high, published);
        EXPECT_LT(all.coefficient_high - all.coefficient_low, 0.02) << published;
    }
}

TEST(WallFitProperty, IntervalHoldsTheTruthInAboutNineteenOfTwentyFits) {
    for (const std::size_t pairs : {3U, 6U, 12U}) {
        int held = 0;
        constexpr int kFits = 1000;
        for (int seed = 1; seed <= kFits; ++seed) {
            ASSERT_OK_AND_ASSIGN(
                const WallFit fit,
                fit_wall(noisy_pairs(1.059, 0.01, pairs, static_cast<std::uint64_t>(seed))));
            const LoadCoefficient& all = fit.coefficients.at(0);
            held += all.coefficient_low <= 1.059 && 1.059 <= all.coefficient_high ? 1 : 0;
        }
        // 950 expected; three standard deviations are 21.
        EXPECT_GT(held, 925) << pairs << " pairs";
        EXPECT_LT(held, 975) << pairs << " pairs";
    }
}

/// Value of a published row by data set, for one table and quantity.
std::map<std::string, double> published(const CsvTable& table, const std::string& name,
                                        const std::string& quantity) {
    std::map<std::string, double> values;
    for (const auto& row : table.rows) {
        if (row[0] == name && row[4] == "inference" && row[6] == quantity) {
            values[row[5]] = std::stod(row[7]);
        }
    }
    return values;
}

TEST(WallFitPaper, PublishedPairsOfTablesTwoAndFourGiveTheCoefficientOfTheText) {
    FINEWATT_SHARED_OR_SKIP(file, "paper/reference_results.csv");
    ASSERT_OK_AND_ASSIGN(std::string text, read_file(file));
    while (text.starts_with('#')) {
        text.erase(0, text.find('\n') + 1);
    }
    ASSERT_OK_AND_ASSIGN(const CsvTable table, parse_csv(text, file.string()));
    const auto adjusted = published(table, "Table 2", "inference_energy_as_printed");
    const auto raw = published(table, "Table 4", "energy_per_1k_examples");
    std::vector<CalibrationPair> pairs;
    // Without the rows whose ratio is no coefficient: MNLI (ten times off) and SQuAD (half).
    for (const char* name : {"RTE", "IMDB", "SST2", "CoNLL2003", "CoNLL2012"}) {
        ASSERT_TRUE(adjusted.contains(name) && raw.contains(name)) << name;
        pairs.push_back(pair_of(kwh(raw.at(name)).as_joules(), kwh(adjusted.at(name)).as_joules()));
    }
    ASSERT_OK_AND_ASSIGN(const WallFit fit, fit_wall(pairs));
    const LoadCoefficient& all = fit.coefficients.at(0);
    EXPECT_LT(all.coefficient_low, 1.059);
    EXPECT_GT(all.coefficient_high, 1.059);
    // The pairs exclude both coefficients of the appendix.
    EXPECT_GT(all.coefficient_low, 1.05);
    EXPECT_LT(all.coefficient_high, 1.09);
}

TEST(PowerCurve, EnergyOverPartsOfSteps) {
    PowerCurve curve;
    curve.add(0, 2, 10);
    curve.add(2, 3, 40);
    curve.add(5, 6, 100);  // two seconds were not seen
    EXPECT_DOUBLE_EQ(curve.over(1, 2.5).energy_j, 10 + 20);
    EXPECT_DOUBLE_EQ(curve.over(-5, 10).energy_j, 20 + 40 + 100);
    EXPECT_DOUBLE_EQ(curve.over(-5, 10).seen_s, 4);
    EXPECT_DOUBLE_EQ(curve.over(3.5, 4.5).seen_s, 0);
    EXPECT_DOUBLE_EQ(curve.over(4, 5.5).energy_j, 50);
}

TEST(PowerCurve, SeriesWithAHoleDoesNotInventEnergy) {
    const std::vector<double> end_s{1, 2, 3, 23, 24};
    const std::vector<double> power_w{10, 10, 10, 50, 50};
    const PowerCurve curve = PowerCurve::from_series(end_s, power_w);
    EXPECT_DOUBLE_EQ(curve.over(0, 24).energy_j, 30 + 100);
    EXPECT_DOUBLE_EQ(curve.over(0, 24).seen_s, 5);
}

TEST(PowerCurve, ReadingsAreJoinedByStraightLines) {
    const std::vector<double> t_s{0, 1, 2};
    const std::vector<double> power_w{0, 10, 10};
    EXPECT_DOUBLE_EQ(PowerCurve::from_readings(t_s, power_w).over(0, 2).energy_j, 15);
}

/// A load that changes at random times, as software (0.1 s steps) and as a plug shows it: a reading
/// a second, in steps of 0.1 W, `lag_s` later.
struct TwoViews {
    PowerCurve software;
    PowerCurve wall;
};

TwoViews two_views(double lag_s, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<double> level_w;
    for (int i = 0; i < 40; ++i) {
        level_w.push_back(random() % 2 == 0 ? 60 : 260);
    }
    const auto power_at = [&level_w](double t_s) {
        const auto i = static_cast<std::size_t>(std::clamp(t_s / 7, 0.0, 39.0));
        return level_w[i];
    };
    TwoViews views;
    for (int i = 0; i < 2800; ++i) {
        views.software.add(i * 0.1, (i + 1) * 0.1, power_at(i * 0.1 + 0.05));
    }
    std::vector<double> t_s;
    std::vector<double> shown_w;
    for (int i = -40; i < 330; ++i) {
        t_s.push_back(i + 0.37);
        shown_w.push_back(std::round(10 * (1.09 * power_at(i + 0.37 - lag_s) + 12)) / 10);
    }
    views.wall = PowerCurve::from_readings(t_s, shown_w);
    return views;
}

TEST(WallLag, IsFoundWithinOneStepOfTheMeter) {
    for (const double lag_s : {0.0, 1.0, 2.6, 11.3, -4.4}) {
        const TwoViews views = two_views(lag_s, 3);
        const LagEstimate lag = estimate_lag(views.software, views.wall);
        ASSERT_TRUE(lag.lag_s.has_value()) << lag.reason;
        // All changes fall on one phase of the meter's second, so they do not average out.
        EXPECT_NEAR(*lag.lag_s, lag_s, 1.0) << lag_s;
        EXPECT_GT(lag.correlation, 0.9);
    }
}

TEST(WallLag, SteadyPowerTellsNone) {
    PowerCurve software;
    PowerCurve wall;
    for (int i = 0; i < 200; ++i) {
        software.add(i, i + 1, 100 + 0.1 * (i % 2));
        wall.add(i, i + 1, 110 + 0.1 * (i % 3));
    }
    const LagEstimate lag = estimate_lag(software, wall);
    EXPECT_FALSE(lag.lag_s.has_value());
    EXPECT_THAT(lag.reason, HasSubstr("does not change enough"));
}

TEST(WallLag, MeterOfAnotherMachineIsSeen) {
    std::mt19937_64 random(5);
    PowerCurve software;
    PowerCurve wall;
    for (int i = 0; i < 400; ++i) {
        software.add(i, i + 1, static_cast<double>(50 + random() % 200));
        wall.add(i, i + 1, static_cast<double>(50 + random() % 200));
    }
    const LagEstimate lag = estimate_lag(software, wall);
    EXPECT_FALSE(lag.lag_s.has_value());
    EXPECT_THAT(lag.reason, HasSubstr("does not follow"));
    EXPECT_FALSE(estimate_lag(software, PowerCurve()).lag_s.has_value());
}

TEST(WallPair, WallWindowIsMovedByTheLag) {
    const TwoViews views = two_views(5, 11);
    const std::vector<PowerCurve> software{views.software};
    const LoadWindow window{"cpu", 20, 230};
    const CalibrationPair right = pair_over(software, views.wall, window, 5, 1);
    EXPECT_FALSE(right.reason.has_value()) << *right.reason;
    EXPECT_EQ(right.updates, 210);
    // 12 W of the meter's own beside the 9 %.
    const double want_j = 1.09 * right.software.as_joules() + 12 * 210;
    EXPECT_NEAR(right.wall.as_joules(), want_j, 0.005 * want_j);
}

TEST(WallPair, WindowThatWasNotSeenHasAReason) {
    const TwoViews views = two_views(0, 1);
    const std::vector<PowerCurve> software{views.software};
    const CalibrationPair late = pair_over(software, views.wall, {"cpu", 200, 300}, 0, 1);
    EXPECT_THAT(late.reason.value_or(""), HasSubstr("software's power was seen for 80.0 of 100.0"));
    const CalibrationPair far = pair_over(software, views.wall, {"cpu", 100, 200}, 200, 1);
    EXPECT_THAT(far.reason.value_or(""), HasSubstr("meter's power"));
}

}  // namespace
}  // namespace finewatt
