#include "finewatt/carbon/carbon_over_time.h"

#include "finewatt/testing/matchers.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <random>

namespace finewatt {
namespace {

using std::chrono::hours;
using ::testing::HasSubstr;

constexpr std::int64_t kHourNs = 3'600'000'000'000;
const char* const kMidnight = "2026-11-23T00:00:00Z";

WallTime at(const char* text) {
    const Result<WallTime> time = WallTime::parse_iso8601(text);
    EXPECT_OK(time);
    return time ? *time : WallTime();
}

WallTime hour(double number) {
    return WallTime::from_unix_ns(at(kMidnight).as_unix_ns() +
                                  static_cast<std::int64_t>(number * kHourNs));
}

/// One interval per hour from midnight.
IntensitySeries hourly(const std::vector<double>& grams) {
    IntensitySeries series;
    series.zone = "DE";
    series.basis = "co2e";
    series.source = "test";
    for (std::size_t i = 0; i < grams.size(); ++i) {
        const auto number = static_cast<double>(i);
        series.intervals.push_back({hour(number), hour(number + 1), grams_per_kwh(grams[i])});
    }
    return series;
}

EnergySummary energy_of(Joules best, double spread = 0) {
    EnergySummary energy;
    energy.energy = best;
    energy.energy_low = best * (1 - spread);
    energy.energy_high = best * (1 + spread);
    return energy;
}

Joules total_of(const EnergyTrace& trace) {
    Joules total;
    for (const EnergyStep& step : trace.steps) {
        total += step.energy;
    }
    return total;
}

double kg_of(const IntensitySeries& series, const EnergyTrace& trace) {
    const Result<CarbonSummary> carbon =
        carbon_over_time(series, trace, energy_of(total_of(trace)));
    EXPECT_OK(carbon);
    return carbon ? carbon->co2_kg.value_or(-1) : -1;
}

TEST(CarbonOverTime, EachHourCountsWithItsOwnIntensity) {
    // 1 kWh in the first hour, 3 kWh in the second.
    const EnergyTrace trace{{{hour(0), hour(1), kwh(1)}, {hour(1), hour(2), kwh(3)}}};
    ASSERT_OK_AND_ASSIGN(const CarbonSummary carbon,
                         carbon_over_time(hourly({300, 100}), trace, energy_of(kwh(4), 0.1)));
    EXPECT_DOUBLE_EQ(*carbon.co2_kg, 0.6);
    EXPECT_DOUBLE_EQ(*carbon.co2_kg_low, 0.54);
    EXPECT_DOUBLE_EQ(*carbon.co2_kg_high, 0.66);
    EXPECT_DOUBLE_EQ(carbon.intensity->as_grams_per_kwh(), 150);
    EXPECT_EQ(carbon.zone, "DE");
    EXPECT_EQ(carbon.basis, "co2e");
    EXPECT_EQ(carbon.intensity_kind, "average");
    EXPECT_EQ(carbon.edition, "2026-11-23T00:00:00.000Z to 2026-11-23T02:00:00.000Z");
    EXPECT_EQ(carbon.source, "test");
}

TEST(CarbonOverTime, StepAcrossAnHourIsSplitThere) {
    // Half an hour before and an hour and a half after one o'clock: a quarter of the energy at 300.
    const EnergyTrace trace{{{hour(0.5), hour(2.5), kwh(4)}}};
    EXPECT_NEAR(kg_of(hourly({300, 100, 100}), trace), 0.3 + 0.3, 1e-12);
}

TEST(CarbonOverTime, IntervalBeginsBelongToTheLaterHour) {
    const EnergyTrace trace{{{hour(1), hour(2), kwh(1)}}};
    EXPECT_DOUBLE_EQ(kg_of(hourly({300, 100}), trace), 0.1);
}

TEST(CarbonOverTime, TotalOfTheEnergyScalesTheShapeOfTheTrace) {
    // The trace saw half of the energy; its shape is applied to all of it.
    const EnergyTrace trace{{{hour(0), hour(1), kwh(1)}, {hour(1), hour(2), kwh(1)}}};
    ASSERT_OK_AND_ASSIGN(const CarbonSummary carbon,
                         carbon_over_time(hourly({300, 100}), trace, energy_of(kwh(4))));
    EXPECT_DOUBLE_EQ(*carbon.co2_kg, 0.8);
}

TEST(CarbonOverTime, PueIsAppliedOnce) {
    const EnergyTrace trace{{{hour(0), hour(1), kwh(1)}}};
    SeriesCarbonOptions options;
    options.pue = 1.5;
    ASSERT_OK_AND_ASSIGN(const CarbonSummary carbon,
                         carbon_over_time(hourly({300}), trace, energy_of(kwh(2)), options));
    EXPECT_DOUBLE_EQ(*carbon.co2_kg, 2 * 1.5 * 0.3);
    EXPECT_DOUBLE_EQ(carbon.facility_energy->as_kwh(), 3);
    EXPECT_EQ(carbon.pue, 1.5);
    for (const double bad : {0.9, 11.0, std::numeric_limits<double>::quiet_NaN()}) {
        options.pue = bad;
        EXPECT_ERROR(kInvalidArgument,
                     carbon_over_time(hourly({300}), trace, energy_of(kwh(2)), options), "PUE");
    }
}

TEST(CarbonOverTime, RangeOfTheSeriesWidensTheCarbon) {
    IntensitySeries series = hourly({300});
    series.intervals[0].low = grams_per_kwh(250);
    series.intervals[0].high = grams_per_kwh(400);
    const EnergyTrace trace{{{hour(0), hour(1), kwh(1)}}};
    ASSERT_OK_AND_ASSIGN(const CarbonSummary carbon,
                         carbon_over_time(series, trace, energy_of(kwh(1), 0.5)));
    EXPECT_DOUBLE_EQ(*carbon.co2_kg_low, 0.125);
    EXPECT_DOUBLE_EQ(*carbon.co2_kg_high, 0.6);
    EXPECT_DOUBLE_EQ(carbon.intensity_high->as_grams_per_kwh(), 400);
}

TEST(CarbonOverTime, EnergyOutsideTheSeriesIsAnErrorThatNamesTheHours) {
    IntensitySeries series = hourly({300, 100, 100, 200});
    series.intervals.erase(series.intervals.begin() + 1);
    const EnergyTrace trace{{{hour(-1), hour(5.5), kwh(1)}}};
    const auto result = carbon_over_time(series, trace, energy_of(kwh(1)));
    EXPECT_ERROR(kNotFound, result,
                 "found none for 2026-11-22T23:00:00.000Z to 2026-11-23T00:00:00.000Z, "
                 "2026-11-23T01:00:00.000Z to 2026-11-23T02:00:00.000Z, "
                 "2026-11-23T04:00:00.000Z to 2026-11-23T05:30:00.000Z; get those hours");
    EXPECT_ERROR(kNotFound, result, "series of DE (test)");
}

TEST(CarbonOverTime, ManyMissingHoursAreCountedNotListed) {
    IntensitySeries series = hourly(std::vector<double>(24, 100));
    IntensitySeries sparse = series;
    sparse.intervals.clear();
    for (std::size_t i = 0; i < series.intervals.size(); i += 2) {
        sparse.intervals.push_back(series.intervals[i]);
    }
    const EnergyTrace trace{{{hour(0), hour(24), kwh(1)}}};
    EXPECT_ERROR(kNotFound, carbon_over_time(sparse, trace, energy_of(kwh(1))), "and 8 more");
}

TEST(CarbonOverTime, MissingHoursTakeTheNearestOnlyWhenAsked) {
    // Hours 0 and 3 are known; the hole of two hours is halved between them.
    IntensitySeries series = hourly({300, 1, 1, 100});
    series.intervals.erase(series.intervals.begin() + 1, series.intervals.begin() + 3);
    SeriesCarbonOptions options;
    options.is_extrapolating = true;
    const EnergyTrace trace{{{hour(-1), hour(5), kwh(6)}}};
    ASSERT_OK_AND_ASSIGN(const CarbonSummary carbon,
                         carbon_over_time(series, trace, energy_of(kwh(6)), options));
    EXPECT_NEAR(*carbon.co2_kg, 3 * 0.3 + 3 * 0.1, 1e-12);
    EXPECT_THAT(*carbon.source, HasSubstr("66.7 % of the energy outside the series"));
}

TEST(CarbonOverTime, HoursWithoutEnergyNeedNoIntensity) {
    const EnergyTrace trace{{{hour(0), hour(1), kwh(1)}, {hour(5), hour(6), joules(0)}}};
    EXPECT_DOUBLE_EQ(kg_of(hourly({300}), trace), 0.3);
}

TEST(CarbonOverTime, TraceWithoutEnergyCountsByTime) {
    const EnergyTrace trace{{{hour(0), hour(2), joules(0)}}};
    ASSERT_OK_AND_ASSIGN(const CarbonSummary carbon,
                         carbon_over_time(hourly({300, 100}), trace, energy_of(kwh(1))));
    EXPECT_DOUBLE_EQ(*carbon.co2_kg, 0.2);
    EXPECT_THAT(*carbon.source, HasSubstr("weighted by time"));
}

TEST(CarbonOverTime, UnknownEnergyGivesAReasonAndNoZero) {
    EnergySummary energy;
    energy.reason = "no sensor";
    const EnergyTrace trace{{{hour(0), hour(1), kwh(1)}}};
    ASSERT_OK_AND_ASSIGN(const CarbonSummary carbon,
                         carbon_over_time(hourly({300}), trace, energy));
    EXPECT_EQ(carbon.co2_kg, std::nullopt);
    EXPECT_EQ(carbon.facility_energy, std::nullopt);
    EXPECT_EQ(carbon.reason, "the energy is unknown: no sensor");
}

TEST(CarbonOverTime, BadTracesAreErrors) {
    const IntensitySeries series = hourly({300});
    EXPECT_ERROR(kInvalidArgument, carbon_over_time(series, {}, energy_of(kwh(1))), "0 steps");
    const EnergyTrace negative{{{hour(0), hour(1), kwh(2)}, {hour(0), hour(1), kwh(-1)}}};
    EXPECT_ERROR(kInvalidArgument, carbon_over_time(series, negative, energy_of(kwh(1))),
                 "0 J or more");
    EXPECT_ERROR(kCorrupt, carbon_over_time({}, {{{hour(0), hour(1), kwh(1)}}}, energy_of(kwh(1))),
                 "at least one interval");
}

TEST(CarbonOverTime, MarginalAndEstimatedValuesAreSaid) {
    IntensitySeries series = hourly({300, 100});
    series.kind = IntensityKind::kMarginal;
    series.intervals[1].is_estimated = true;
    const EnergyTrace trace{{{hour(0), hour(2), kwh(1)}}};
    ASSERT_OK_AND_ASSIGN(const CarbonSummary carbon,
                         carbon_over_time(series, trace, energy_of(kwh(1))));
    EXPECT_EQ(carbon.intensity_kind, "marginal");
    EXPECT_THAT(*carbon.source, HasSubstr("no grid average"));
    EXPECT_THAT(*carbon.source, HasSubstr("50 % of the energy at values"));
}

TEST(EnergyTrace, PowerOfSeveralChannelsIsAddedUp) {
    const std::vector<PowerSeries> power{{"a", "cpu", "measured", {1800, 3600}, {100, 200}},
                                         {"b", "gpu", "measured", {3600}, {50}}};
    ASSERT_OK_AND_ASSIGN(const EnergyTrace trace, energy_trace(hour(0), power));
    ASSERT_EQ(trace.steps.size(), 3U);
    EXPECT_EQ(trace.steps[1].begin, hour(0.5));
    EXPECT_EQ(trace.steps[1].end, hour(1));
    EXPECT_DOUBLE_EQ(total_of(trace).as_kwh(), 0.05 + 0.1 + 0.05);
}

TEST(EnergyTrace, BadPowerIsAnErrorThatNamesTheChannel) {
    const auto one = [](std::vector<double> t_s, std::vector<double> power_w) {
        const std::vector<PowerSeries> power{{"<b>x", "cpu", "measured", t_s, power_w}};
        return energy_trace(hour(0), power);
    };
    EXPECT_OK(one({-0.001, 1}, {5, 5}));
    EXPECT_ERROR(kInvalidArgument, one({1, 1}, {5, 5}), "power of <b>x: expected times that grow");
    EXPECT_ERROR(kInvalidArgument, one({2, 1}, {5, 5}), "found 5 W at 1 s after 2 s");
    EXPECT_ERROR(kInvalidArgument, one({1}, {-5}), "found -5 W");
    EXPECT_ERROR(kInvalidArgument, one({1}, {std::numeric_limits<double>::quiet_NaN()}), "nan W");
    EXPECT_ERROR(kInvalidArgument, one({std::numeric_limits<double>::infinity()}, {1}), "inf s");
    EXPECT_ERROR(kInvalidArgument, one({1e12}, {1}), "seconds since the run's start");
    EXPECT_ERROR(kInvalidArgument, one({1, 2}, {5}), "found 1 and 2");
    EXPECT_ERROR(kInvalidArgument, one({}, {}), "at least one channel");
    EXPECT_ERROR(kInvalidArgument, even_trace(hour(0), hours(0), kwh(1)), "a duration above 0");
}

RunRecord run_with_two_channels() {
    RunRecord run;
    run.run_id = "01JDCAFE000000000000000000";
    run.started_at = hour(0);
    run.duration_s = 7200;
    run.energy = energy_of(kwh(2));
    ComponentEnergy cpu;
    cpu.source = "cpu";
    ComponentEnergy core;
    core.source = "core";
    core.counted = false;
    run.energy.components = {cpu, core};
    run.carbon_reason = "no place named";
    return run;
}

TEST(SetCarbonOverTime, OnlyCountedChannelsShapeTheEnergy) {
    RunRecord run = run_with_two_channels();
    // What is counted ran in the second hour, what is not in the first.
    const std::vector<PowerSeries> power{{"cpu", "cpu", "", {3600, 7200}, {0, 1000}},
                                         {"core", "cpu", "", {3600, 7200}, {1000, 0}}};
    ASSERT_OK(set_carbon_over_time(run, hourly({300, 100}), power));
    EXPECT_DOUBLE_EQ(*run.carbon->co2_kg, 0.2);
    EXPECT_EQ(run.carbon_reason, std::nullopt);
}

TEST(SetCarbonOverTime, WithoutATraceTheEnergyIsSpreadEvenlyAndThatIsSaid) {
    RunRecord run = run_with_two_channels();
    ASSERT_OK(set_carbon_over_time(run, hourly({300, 100}), {}));
    EXPECT_DOUBLE_EQ(*run.carbon->co2_kg, 0.4);
    EXPECT_THAT(*run.carbon->source, HasSubstr("spread evenly"));
}

TEST(SetCarbonOverTime, AFailureLeavesTheRunUnchanged) {
    RunRecord run = run_with_two_channels();
    EXPECT_ERROR(kNotFound, set_carbon_over_time(run, hourly({300}), {}),
                 "2026-11-23T01:00:00.000Z to 2026-11-23T02:00:00.000Z");
    EXPECT_FALSE(run.carbon.has_value());
    EXPECT_EQ(run.carbon_reason, "no place named");
    run.duration_s.reset();
    EXPECT_ERROR(kNotFound, set_carbon_over_time(run, hourly({300}), {}), "found neither");
}

/// A trace of random steps inside [0, hours).
EnergyTrace random_trace(std::mt19937_64& random, double length_hours, int steps) {
    std::uniform_real_distribution<double> place(0, length_hours);
    std::uniform_real_distribution<double> amount(0, 5);
    EnergyTrace trace;
    for (int i = 0; i < steps; ++i) {
        const double a = place(random);
        const double b = place(random);
        trace.steps.push_back({hour(std::min(a, b)), hour(std::max(a, b)), kwh(amount(random))});
    }
    return trace;
}

std::vector<double> random_intensities(std::mt19937_64& random, std::size_t count) {
    std::uniform_real_distribution<double> any(0, 1200);
    std::vector<double> grams(count);
    for (double& g : grams) {
        g = any(random);
    }
    return grams;
}

constexpr std::uint64_t kSeed = 20261123;

TEST(CarbonOverTimeProperty, ConstantSeriesEqualsThePlainProduct) {
    std::mt19937_64 random(kSeed);
    for (int round = 0; round < 50; ++round) {
        const double grams = random_intensities(random, 1)[0];
        const EnergyTrace trace = random_trace(random, 24, 20);
        const double want = (total_of(trace) * grams_per_kwh(grams)).as_kilograms();
        EXPECT_NEAR(kg_of(hourly(std::vector<double>(24, grams)), trace), want, 1e-9 * want)
            << "seed " << kSeed << " round " << round;
    }
}

TEST(CarbonOverTimeProperty, AdjacentWindowsAddUp) {
    std::mt19937_64 random(kSeed);
    for (int round = 0; round < 50; ++round) {
        const IntensitySeries series = hourly(random_intensities(random, 24));
        std::uniform_real_distribution<double> place(0.1, 23.9);
        const double cut = place(random);
        EnergyTrace whole;
        EnergyTrace before;
        EnergyTrace after;
        for (const EnergyStep& step : random_trace(random, 24, 20).steps) {
            whole.steps.push_back(step);
            const WallTime middle = std::clamp(hour(cut), step.begin, step.end);
            const double length =
                static_cast<double>(step.end.as_unix_ns() - step.begin.as_unix_ns());
            const double share =
                static_cast<double>(middle.as_unix_ns() - step.begin.as_unix_ns()) / length;
            before.steps.push_back({step.begin, middle, step.energy * share});
            after.steps.push_back({middle, step.end, step.energy * (1 - share)});
        }
        const double sum = kg_of(series, before) + kg_of(series, after);
        EXPECT_NEAR(kg_of(series, whole), sum, 1e-9 * sum)
            << "seed " << kSeed << " round " << round;
    }
}

TEST(CarbonOverTimeProperty, SplittingIntervalsAndStepsChangesNothing) {
    std::mt19937_64 random(kSeed);
    for (int round = 0; round < 50; ++round) {
        const IntensitySeries series = hourly(random_intensities(random, 12));
        IntensitySeries fine = series;
        fine.intervals.clear();
        for (const IntensityInterval& one : series.intervals) {
            const WallTime middle = WallTime::from_unix_ns(one.begin.as_unix_ns() + kHourNs / 3);
            fine.intervals.push_back({one.begin, middle, one.intensity});
            fine.intervals.push_back({middle, one.end, one.intensity});
        }
        const EnergyTrace trace = random_trace(random, 12, 10);
        EnergyTrace halves;
        for (const EnergyStep& step : trace.steps) {
            const WallTime middle = WallTime::from_unix_ns(
                step.begin.as_unix_ns() + (step.end.as_unix_ns() - step.begin.as_unix_ns()) / 2);
            halves.steps.push_back({step.begin, middle, step.energy / 2});
            halves.steps.push_back({middle, step.end, step.energy / 2});
        }
        const double want = kg_of(series, trace);
        EXPECT_NEAR(kg_of(fine, trace), want, 1e-9 * want) << "seed " << kSeed;
        EXPECT_NEAR(kg_of(series, halves), want, 1e-9 * want) << "seed " << kSeed;
    }
}

TEST(CarbonOverTimeProperty, MeanLiesBetweenTheLeastAndTheLargestIntensity) {
    std::mt19937_64 random(kSeed);
    for (int round = 0; round < 50; ++round) {
        const std::vector<double> grams = random_intensities(random, 6);
        const EnergyTrace trace = random_trace(random, 6, 5);
        ASSERT_OK_AND_ASSIGN(const CarbonSummary carbon,
                             carbon_over_time(hourly(grams), trace, energy_of(kwh(1))));
        const double mean = carbon.intensity->as_grams_per_kwh();
        EXPECT_GE(mean, *std::min_element(grams.begin(), grams.end()) - 1e-9);
        EXPECT_LE(mean, *std::max_element(grams.begin(), grams.end()) + 1e-9);
    }
}

}  // namespace
}  // namespace finewatt
