#include "finewatt/report/figures_internal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace finewatt::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

PowerSeries series(std::vector<double> t_s, std::vector<double> power_w) {
    return {"powercap:package-0", "cpu", "measured", std::move(t_s), std::move(power_w)};
}

double energy_j(const std::vector<PowerStep>& steps) {
    double sum = 0;
    for (const PowerStep& step : steps) {
        sum += step.mean_w * (step.end_s - step.begin_s);
    }
    return sum;
}

PhaseRecord phase(std::string name, double begin_s, double duration_s) {
    PhaseRecord out;
    out.name = std::move(name);
    out.t_begin_s = begin_s;
    out.duration_s = duration_s;
    return out;
}

TEST(ReduceSeries, KeepsTheEnergyUnderTheLine) {
    PowerSeries many = series({}, {});
    double wanted_j = 0;
    for (int i = 1; i <= 10'000; ++i) {
        many.t_s.push_back(i * 0.1);
        many.power_w.push_back(50 + i % 37);
        wanted_j += (50 + i % 37) * 0.1;
    }
    const auto steps = reduce_series(many, 100);
    EXPECT_LE(steps.size(), 100U);
    EXPECT_NEAR(energy_j(steps), wanted_j, 1e-6 * wanted_j);  // a sum of 10,000 doubles
}

TEST(ReduceSeries, KeepsTheExtremes) {
    const auto steps = reduce_series(series({1, 2, 3, 4}, {10, 90, 20, 30}), 2);
    ASSERT_EQ(steps.size(), 2U);
    EXPECT_EQ(steps[0].max_w, 90);
    EXPECT_EQ(steps[0].mean_w, 50);
    EXPECT_EQ(steps[1].min_w, 20);
}

TEST(ReduceSeries, ValuesThatAreNotFiniteLeaveAGap) {
    const auto steps = reduce_series(series({1, 2, 3}, {10, std::nan(""), 30}), 10);
    ASSERT_EQ(steps.size(), 2U);
    EXPECT_EQ(steps[0].end_s, 1);
    EXPECT_EQ(steps[1].begin_s, 2);
}

TEST(ReduceSeries, OneSampleIsOneStep) {
    EXPECT_EQ(reduce_series(series({2}, {10}), 10).size(), 1U);
    EXPECT_TRUE(reduce_series(series({}, {}), 10).empty());
}

TEST(PowerFigure, WithoutSamplesThereIsNone) {
    RunRecord run;
    run.duration_s = 5;
    EXPECT_FALSE(power_figure(run, {}).has_value());
    EXPECT_FALSE(power_figure(run, {series({1}, {std::nan("")})}).has_value());
}

TEST(PowerFigure, SaysInWordsWhatItShows) {
    RunRecord run;
    run.duration_s = 2;
    run.phases = {phase("train", 0.5, 1)};
    const auto figure = power_figure(run, {series({1, 2}, {10, 30})});
    ASSERT_TRUE(figure.has_value());
    EXPECT_EQ(figure->text_alternative,
              "Power over 2.00 s. cpu (measured): mean 20.0 W, largest 30.0 W. Phases: train from "
              "500 ms to 1.50 s.");
}

TEST(PowerFigure, NamesPhasesThatFindNoRoom) {
    RunRecord run;
    run.duration_s = 1000;
    run.phases = {phase("first", 0, 1), phase("second", 1, 1), phase("long", 2, 998)};
    const auto figure = power_figure(run, {series({1, 1000}, {10, 30})});
    ASSERT_TRUE(figure.has_value());
    EXPECT_THAT(figure->caption, HasSubstr("No room for the names of: first, second."));
    EXPECT_THAT(figure->gnuplot.script, HasSubstr("'long'"));
}

TEST(PowerFigure, NestedPhasesAreNotDrawnOverTheOuterOne) {
    RunRecord run;
    run.duration_s = 10;
    run.phases = {phase("train", 0, 10), phase("step", 2, 3)};
    const auto figure = power_figure(run, {series({1, 10}, {10, 30})});
    ASSERT_TRUE(figure.has_value());
    EXPECT_THAT(figure->gnuplot.script, HasSubstr("'train'"));
    EXPECT_THAT(figure->gnuplot.script, Not(HasSubstr("'step'")));
}

EnergyBars two_bars() {
    EnergyBars bars{"Energy by phase", "Energy of each phase.", {"cpu", "dram"}, {}, 0};
    bars.bars = {{"train", 30, 20, 45, {25, 5}}, {"save", 10, std::nullopt, std::nullopt, {9, 1}}};
    return bars;
}

TEST(BarFigure, StacksThePartsAndDrawsKnownRanges) {
    const auto figure = bar_figure(two_bars());
    ASSERT_TRUE(figure.has_value());
    ASSERT_EQ(figure->gnuplot.data_files.size(), 3U);
    EXPECT_THAT(figure->gnuplot.data_files[1].second, HasSubstr("27.5 1 25 30"));
    EXPECT_THAT(figure->gnuplot.data_files[2].second, HasSubstr("\n20 1 25 0\n"));
    EXPECT_THAT(figure->gnuplot.data_files[2].second, Not(HasSubstr(" 2 ")));
    EXPECT_EQ(figure->text_alternative, "Energy by phase: train 30 J, save 10.00 J.");
}

TEST(BarFigure, WithoutRangesThereIsNoLegendOfThem) {
    EnergyBars bars = two_bars();
    bars.bars.erase(bars.bars.begin());
    const auto figure = bar_figure(bars);
    ASSERT_TRUE(figure.has_value());
    EXPECT_THAT(figure->gnuplot.script, Not(HasSubstr("range'")));
}

TEST(BarFigure, SaysWhatIsLeftOut) {
    EnergyBars bars = two_bars();
    bars.left_out = 2;
    for (int i = 0; i < 60; ++i) {
        bars.bars.push_back({"more", 1, std::nullopt, std::nullopt, {1, 0}});
    }
    const auto figure = bar_figure(bars);
    ASSERT_TRUE(figure.has_value());
    EXPECT_THAT(figure->caption, HasSubstr("2 without a known energy are left out."));
    EXPECT_THAT(figure->caption, HasSubstr("The first 40 of 62."));
}

TEST(BarFigure, WithoutKnownEnergyThereIsNone) {
    EXPECT_FALSE(bar_figure({}).has_value());
    EnergyBars zero = two_bars();
    zero.bars = {{"idle", 0, std::nullopt, std::nullopt, {0, 0}}};
    EXPECT_FALSE(bar_figure(zero).has_value());
}

TEST(TokenFigure, ShowsEachKindWithItsRanges) {
    TokenPoints points{"computed tokens (with padding)", {}, 1};
    points.points = {{"a", "fine-tuning", 2000, 50, 40, 60},
                     {"b", "inference", 1000, 10, std::nullopt, std::nullopt}};
    const auto figure = token_figure(points);
    ASSERT_TRUE(figure.has_value());
    EXPECT_THAT(figure->gnuplot.script, HasSubstr("title 'fine-tuning'"));
    EXPECT_THAT(figure->gnuplot.script, Not(HasSubstr("logscale")));
    EXPECT_THAT(figure->gnuplot.data_files[0].second, HasSubstr("\n2000 50 40 0 20\n"));
    EXPECT_THAT(figure->gnuplot.data_files[1].second, HasSubstr("\n1000 10 10 0 0\n"));
    EXPECT_THAT(figure->caption, HasSubstr("1 run is left out"));
}

TEST(TokenFigure, WideRangesHaveLogarithmicAxes) {
    TokenPoints points{"computed tokens (with padding)", {}, 0};
    points.points = {{"a", "k", 1e9, 5e6, {}, {}}, {"b", "k", 1e5, 10, {}, {}}};
    const auto figure = token_figure(points);
    ASSERT_TRUE(figure.has_value());
    EXPECT_THAT(figure->gnuplot.script, HasSubstr("set logscale x"));
    EXPECT_THAT(figure->gnuplot.script, HasSubstr("set logscale y"));
}

TEST(TokenFigure, WithoutPointsThereIsNone) {
    EXPECT_FALSE(token_figure({}).has_value());
}

}  // namespace
}  // namespace finewatt::report
