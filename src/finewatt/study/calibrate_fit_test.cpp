#include "finewatt/study/calibrate_fit.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <random>

namespace finewatt {
namespace {

using ::testing::HasSubstr;

TEST(Pairs, TableIsReadByColumnName) {
    ASSERT_OK_AND_ASSIGN(const auto pairs,
                         parse_pairs("updates,kind,wall_j,software_j,seed,duration_s\n"
                                     "200,sst2,106,100,42,200.5\n300,,210,200,1,300\n",
                                     "pairs.csv"));
    ASSERT_EQ(pairs.size(), 2U);
    EXPECT_EQ(pairs[0].kind, "sst2");
    EXPECT_EQ(pairs[0].software, joules(100));
    EXPECT_EQ(pairs[0].wall, joules(106));
    EXPECT_EQ(pairs[0].duration_s, 200.5);
    EXPECT_EQ(pairs[0].updates, 200);
    EXPECT_EQ(pairs[1].kind, "load");
}

TEST(Pairs, WrongTableNamesRowAndColumn) {
    EXPECT_ERROR(kNotFound, parse_pairs("software_j,wall_j,updates\n1,2,3\n", "pairs.csv"),
                 "duration_s");
    EXPECT_ERROR(kCorrupt,
                 parse_pairs("software_j,wall_j,duration_s,updates\n1,2,3,4\n1,two,3,4\n", "p.csv"),
                 "p.csv:3: wall_j: expected a number, found 'two'");
}

/// A stored run of a load that changes, and what the plug showed meanwhile.
struct Lab {
    std::vector<MeasuredRun> runs;
    WallCurves wall;
};

constexpr double kBeginUnixS = 1'795'408'080;

/// Runs of 300 s each, one after the other; wall = coefficient x software, `lag_s` later, on two
/// outlets.
Lab make_lab(double coefficient, double lag_s, int runs) {
    std::mt19937_64 random(11);
    Lab lab;
    std::vector<double> power_w;
    for (int i = 0; i < runs * 300; ++i) {
        power_w.push_back(i % 15 == 0 || i == 0 ? static_cast<double>(100 + random() % 300)
                                                : power_w.back());
    }
    for (int run = 0; run < runs; ++run) {
        MeasuredRun made;
        made.record.run_id = fmt::format("run-{}", run);
        made.record.kind = "fine-tuning";
        made.record.started_at = WallTime::from_unix_ns(
            static_cast<std::int64_t>(kBeginUnixS + run * 300) * 1'000'000'000);
        made.record.duration_s = 300;
        made.record.machine["cpu_model"] = "Test CPU";
        ComponentEnergy package;
        package.source = "pkg";
        PowerSeries series;
        series.channel = "pkg";
        double energy_j = 0;
        for (int i = 0; i < 300; ++i) {
            series.t_s.push_back(i + 1);
            series.power_w.push_back(power_w[static_cast<std::size_t>(run * 300 + i)]);
            energy_j += series.power_w.back();
        }
        package.energy = joules(energy_j);
        made.record.energy.energy = joules(energy_j);
        made.record.energy.components.push_back(package);
        made.series.push_back(series);
        lab.runs.push_back(made);
    }
    lab.wall.outlets.resize(2);
    for (int i = -60; i < runs * 300 + 60; ++i) {
        const int at = std::clamp(i, 0, runs * 300 - 1);
        const double wall_w = coefficient * power_w[static_cast<std::size_t>(at)];
        const double begin_s = kBeginUnixS + i + lag_s;
        lab.wall.outlets[0].add(begin_s, begin_s + 1, 0.25 * wall_w);
        lab.wall.outlets[1].add(begin_s, begin_s + 1, 0.75 * wall_w);
    }
    lab.wall.spacing_s = 1;
    return lab;
}

TEST(FitRuns, StoredRunsAndMeterReadingsGiveTheCoefficientAndTheLag) {
    // The two machines of the paper, and a meter whose clock is late.
    for (const double coefficient : {1.05, 1.09}) {
        const Lab lab = make_lab(coefficient, 7, 4);
        ASSERT_OK_AND_ASSIGN(const WallCalibration calibration, fit_runs(lab.runs, lab.wall));
        ASSERT_TRUE(calibration.lag_s.has_value());
        EXPECT_NEAR(*calibration.lag_s, 7, 0.5);
        EXPECT_NEAR(calibration.coefficients[0].coefficient, coefficient, 0.002);
        EXPECT_LT(calibration.coefficients[0].coefficient_low, coefficient);
        EXPECT_GT(calibration.coefficients[0].coefficient_high, coefficient);
        EXPECT_EQ(calibration.pairs[0].kind, "fine-tuning");
        EXPECT_EQ(calibration.pairs[0].updates, 300);
        EXPECT_EQ(calibration.machine.cpu_model, "Test CPU");
    }
}

TEST(WallCurves, PowerAndEnergyColumnsGiveTheSameEnergy) {
    ASSERT_OK_AND_ASSIGN(
        const WallReadings power,
        parse_wall_readings("time,outlet,power_w\n1795408080,a,100\n1795408080,b,10\n"
                            "1795408090,a,100\n1795408100,a,200\n1795408100,b,10\n",
                            "wall.csv"));
    ASSERT_OK_AND_ASSIGN(const WallCurves curves, wall_curves_of(power));
    ASSERT_EQ(curves.outlets.size(), 2U);
    EXPECT_NEAR(curves.outlets[0].over(kBeginUnixS, kBeginUnixS + 20).energy_j, 2500, 1e-3);
    EXPECT_EQ(curves.spacing_s, 20);
    ASSERT_OK_AND_ASSIGN(
        const WallReadings energy,
        parse_wall_readings("time,energy_j\n1795408080,500\n1795408100,3000\n", "wall.csv"));
    ASSERT_OK_AND_ASSIGN(const WallCurves counted, wall_curves_of(energy));
    EXPECT_NEAR(counted.outlets[0].over(kBeginUnixS, kBeginUnixS + 20).energy_j, 2500, 1e-3);
    ASSERT_OK_AND_ASSIGN(const WallReadings single,
                         parse_wall_readings("time,power_w\n1795408080,500\n", "wall.csv"));
    EXPECT_ERROR(kInvalidArgument, wall_curves_of(single), "two readings or more");
}

TEST(FitRuns, RunsOfDifferentMachinesAreRefused) {
    Lab lab = make_lab(1.05, 0, 3);
    lab.runs[1].record.machine["cpu_model"] = "Other";
    EXPECT_ERROR(kInvalidArgument, fit_runs(lab.runs, lab.wall), "run-1");
    EXPECT_ERROR(kInvalidArgument, fit_runs({}, lab.wall), "found none");
}

TEST(FitRuns, RunThatTheMeterDidNotSeeIsLeftOut) {
    Lab lab = make_lab(1.05, 0, 4);
    lab.runs[3].record.started_at = WallTime::from_unix_ns(1'800'000'000'000'000'000);
    ASSERT_OK_AND_ASSIGN(const WallCalibration calibration, fit_runs(lab.runs, lab.wall));
    EXPECT_EQ(calibration.coefficients[0].pairs, 3);
    EXPECT_THAT(calibration.pairs[3].reason.value_or(""), HasSubstr("meter's power"));
}

TEST(FitRuns, RunOfUnknownEnergyIsLeftOut) {
    Lab lab = make_lab(1.05, 0, 4);
    lab.runs[0].record.energy.energy.reset();
    ASSERT_OK_AND_ASSIGN(const WallCalibration calibration, fit_runs(lab.runs, lab.wall));
    EXPECT_THAT(calibration.pairs[0].reason.value_or(""), HasSubstr("total is unknown"));
}

/// A trace of six phases of 120 s, idle and load in turns, 10 s apart; a reading a second.
std::string trace_of_phases(double idle_w, double load_w) {
    std::string text =
        R"({"finewatt_trace":1,"started_at":"2026-11-23T04:28:00Z","channels":[{"id":"pkg",)"
        R"("kind":"counter","unit":"uJ","domain":"package","device":"cpu0","update_ms":1}]})"
        "\n";
    std::int64_t raw = 0;
    for (int second = 0; second <= 780; ++second) {
        const int phase = second / 130;
        const std::int64_t t_ns = 5'000'000'000 + static_cast<std::int64_t>(second) * 1'000'000'000;
        const char* name = phase % 2 == 0 ? "idle" : "load";
        if (second % 130 == 120) {
            text += fmt::format(R"({{"t_ns":{},"phase":"{}","edge":"end"}})", t_ns, name) + "\n";
        }
        text += fmt::format(R"({{"t_ns":{},"id":"pkg","raw":{}}})", t_ns, raw) + "\n";
        if (second % 130 == 0 && second < 780) {
            text += fmt::format(R"({{"t_ns":{},"phase":"{}","edge":"begin"}})", t_ns, name) + "\n";
        }
        raw += static_cast<std::int64_t>(1e6 * (phase % 2 == 0 ? idle_w : load_w));
    }
    return text;
}

TEST(FitTraces, PhasesBesideMeterReadingsGiveTheCoefficientOfEachLoad) {
    const testing::TempTree tree;
    const auto file = tree.write("run.jsonl", trace_of_phases(40, 300));
    WallCurves wall;
    PowerCurve& plug = wall.outlets.emplace_back();
    wall.spacing_s = 1;
    for (int second = -20; second < 800; ++second) {
        const bool is_idle = std::clamp(second, 0, 779) / 130 % 2 == 0;
        const double begin_s = kBeginUnixS + second + 4;  // the meter is 4 s late
        plug.add(begin_s, begin_s + 1, is_idle ? 1.5 * 40 : 1.09 * 300);
    }
    ASSERT_OK_AND_ASSIGN(const WallCalibration calibration, fit_traces({file}, wall));
    EXPECT_NEAR(calibration.lag_s.value_or(-1), 4, 1);
    ASSERT_EQ(calibration.coefficients.size(), 3U);
    EXPECT_EQ(calibration.coefficients[1].kind, "idle");
    EXPECT_NEAR(calibration.coefficients[1].coefficient, 1.5, 0.01);
    EXPECT_NEAR(calibration.coefficients[2].coefficient, 1.09, 0.01);
    EXPECT_NEAR(calibration.idle_wall->as_watts(), 60, 0.5);
    EXPECT_NEAR(*calibration.slope, (1.09 * 300 - 60) / 260, 0.01);
}

TEST(FitTraces, TraceWithoutPhasesIsNamed) {
    const testing::TempTree tree;
    const auto file = tree.write(
        "run.jsonl", R"({"finewatt_trace":1,"started_at":"2026-11-23T04:28:00Z","channels":[]})"
                     "\n");
    EXPECT_ERROR(kInvalidArgument, fit_traces({file}, WallCurves()), "expected phases");
}

}  // namespace
}  // namespace finewatt
