#include "finewatt/report/energy_bars_internal.h"
#include "finewatt/report/run_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "example_runs.h"

namespace finewatt::report {
namespace {

using report_examples::runs_of;
using ::testing::DoubleNear;
using ::testing::ElementsAre;

RunRecord run_of(double energy_j, double tokens_padded) {
    RunRecord run;
    run.kind = "fine-tuning";
    run.energy.energy = joules(energy_j);
    run.work = WorkTotals{};
    run.work->tokens_padded = tokens_padded;
    return run;
}

PhaseRecord phase(std::string name, double begin_s, double duration_s, double energy_j) {
    PhaseRecord out;
    out.name = std::move(name);
    out.t_begin_s = begin_s;
    out.duration_s = duration_s;
    out.energy.energy = joules(energy_j);
    return out;
}

TEST(ComponentBars, PartsAddUpToTheTotal) {
    const auto runs =
        runs_of({report_examples::measured_server_run(), report_examples::modelled_fine_tuning()});
    const EnergyBars bars = component_bars(runs, run_labels(runs));
    EXPECT_THAT(bars.parts, ElementsAre("cpu", "dram", "gpu"));
    ASSERT_EQ(bars.bars.size(), 2U);
    for (const EnergyBar& bar : bars.bars) {
        const double sum = std::accumulate(bar.parts_j.begin(), bar.parts_j.end(), 0.0);
        EXPECT_NEAR(sum, bar.total_j, 1e-9 * bar.total_j) << bar.label;
    }
}

TEST(RunPhaseBars, WhatIsOutsideOfPhasesIsShown) {
    RunRecord run = run_of(100, 1);
    run.phases = {phase("train", 0, 8, 60), phase("step", 1, 2, 20), phase("evaluate", 8, 1, 15)};
    const EnergyBars bars = run_phase_bars(std::vector{run}, {"a"});
    EXPECT_THAT(bars.parts, ElementsAre("train", "evaluate", "outside of phases"));
    EXPECT_THAT(bars.bars[0].parts_j, ElementsAre(60, 15, DoubleNear(25, 1e-9)));
}

TEST(RunPhaseBars, RunsWithoutEnergyAreCounted) {
    RunRecord dark;
    const EnergyBars bars = run_phase_bars(std::vector{dark, run_of(5, 1)}, {"dark", "light"});
    EXPECT_EQ(bars.left_out, 1U);
    ASSERT_EQ(bars.bars.size(), 1U);
    EXPECT_EQ(bars.bars[0].label, "light");
}

TEST(PhaseBars, KeepTheOrderOfThePhasesAndTheirRanges) {
    const EnergyBars bars = phase_bars(report_examples::modelled_fine_tuning().run);
    EXPECT_THAT(bars.parts, ElementsAre("cpu", "dram"));
    ASSERT_EQ(bars.bars.size(), 6U);
    EXPECT_EQ(bars.bars[0].label, "load");
    EXPECT_EQ(bars.bars[5].label, "save");
    EXPECT_LT(*bars.bars[3].low_j, bars.bars[3].total_j);
    EXPECT_GT(*bars.bars[3].high_j, bars.bars[3].total_j);
}

TEST(TokenPoints, TakeComputedTokensWhereSomeRunReportedThem) {
    RunRecord texts_only = run_of(5, 0);
    texts_only.work->tokens_padded.reset();
    texts_only.work->tokens_real = 70;
    const std::vector<RunRecord> runs{run_of(10, 100), texts_only};
    const TokenPoints points = token_points(runs, {"a", "b"});
    EXPECT_EQ(points.tokens_name, "computed tokens (with padding)");
    ASSERT_EQ(points.points.size(), 1U);
    EXPECT_EQ(points.points[0].tokens, 100);
    EXPECT_EQ(points.left_out, 1U);
}

TEST(TokenPoints, ElseTheTokensOfTheTexts) {
    RunRecord run = run_of(5, 0);
    run.work->tokens_padded.reset();
    run.work->tokens_real = 70;
    const TokenPoints points = token_points(std::vector{run}, {"a"});
    EXPECT_EQ(points.tokens_name, "tokens of the texts");
    EXPECT_EQ(points.points.at(0).tokens, 70);
}

TEST(TokenPoints, RunsWithoutWorkAreLeftOut) {
    RunRecord command;
    command.energy.energy = joules(3);
    const TokenPoints points = token_points(std::vector{command}, {"a"});
    EXPECT_TRUE(points.points.empty());
    EXPECT_EQ(points.left_out, 1U);
}

}  // namespace
}  // namespace finewatt::report
