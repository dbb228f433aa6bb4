#include "finewatt/run_compare.h"

#include "finewatt/run_compare_view.h"
#include "finewatt/testing/matchers.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <vector>

namespace finewatt::app {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

/// A run with a measured package of so many joules in 10 s, known to 1 %.
RunRecord measured_run(int number, double energy_j, double duration_s = 10) {
    RunRecord run;
    run.run_id = fmt::format("01KB00000000000000000000{:02}", number);
    run.status = "complete";
    run.duration_s = duration_s;
    run.energy.energy = joules(energy_j);
    run.energy.energy_low = joules(0.99 * energy_j);
    run.energy.energy_high = joules(1.01 * energy_j);
    run.energy.provenance = "measured";
    run.energy.domains = {"package"};
    ComponentEnergy package;
    package.domain = "package";
    package.provenance = "measured";
    run.energy.components = {package};
    return run;
}

RunGroup group_of(const std::string& key, int first, const std::vector<double>& energies) {
    RunGroup group{key, {}};
    for (const double energy_j : energies) {
        group.runs.push_back(measured_run(first++, energy_j));
    }
    return group;
}

CompareOptions only(const std::string& metric) {
    CompareOptions options;
    options.metrics = {metric};
    return options;
}

TEST(CompareGroups, RepeatsGiveIntervalsFromTheirSpread) {
    ASSERT_OK_AND_ASSIGN(const Comparison comparison,
                         compare_groups(group_of("a", 1, {98, 100, 102}),
                                        group_of("b", 4, {78, 80, 82}), only("energy_j")));
    ASSERT_EQ(comparison.metrics.size(), 1U);
    const MetricComparison& line = comparison.metrics[0];
    EXPECT_EQ(line.method, CompareMethod::kRepeats);
    EXPECT_DOUBLE_EQ(line.difference.best.value_or(0), -20);
    // Variance 4 each, 4 degrees: t(0.975, 4) = 2.776445 times sqrt(8 / 3).
    EXPECT_NEAR(line.difference.low.value_or(0), -20 - 2.776445 * std::sqrt(8.0 / 3), 1e-5);
    EXPECT_NEAR(line.difference.high.value_or(0), -20 + 2.776445 * std::sqrt(8.0 / 3), 1e-5);
    EXPECT_DOUBLE_EQ(line.ratio.best.value_or(0), 0.8);
    EXPECT_LT(line.ratio.high.value_or(2), 1);
    ASSERT_TRUE(line.effect.has_value());
    // 20 / 2 times gamma(2) / (gamma(1.5) sqrt(2)) = 0.7979.
    EXPECT_NEAR(line.effect->best, -7.979, 1e-3);
    EXPECT_NEAR(line.p_value_rank.value_or(0), 0.1, 1e-12);
}

TEST(CompareGroups, SingleRunsGiveTheRangesOfTheirMeasurement) {
    ASSERT_OK_AND_ASSIGN(
        const Comparison comparison,
        compare_groups(group_of("a", 1, {100}), group_of("b", 2, {80}), only("energy_j")));
    const MetricComparison& line = comparison.metrics[0];
    EXPECT_EQ(line.method, CompareMethod::kMeasurement);
    EXPECT_NEAR(line.difference.low.value_or(0), 0.99 * 80 - 1.01 * 100, 1e-12);
    EXPECT_NEAR(line.difference.high.value_or(0), 1.01 * 80 - 0.99 * 100, 1e-12);
    EXPECT_NEAR(line.ratio.low.value_or(0), 0.99 * 80 / 101, 1e-12);
    EXPECT_FALSE(line.effect.has_value());
    EXPECT_FALSE(line.p_value.has_value());
    EXPECT_THAT(comparison.notes, Contains(HasSubstr("say nothing of what a repeat would give")));
}

TEST(CompareGroups, SingleTimesHaveADifferenceButNoInterval) {
    ASSERT_OK_AND_ASSIGN(
        const Comparison comparison,
        compare_groups(group_of("a", 1, {100}), group_of("b", 2, {80}), only("duration_s")));
    const MetricComparison& line = comparison.metrics[0];
    EXPECT_EQ(line.difference.best, 0);
    EXPECT_FALSE(line.difference.low.has_value());
    EXPECT_THAT(line.difference.reason, HasSubstr("one run on a side"));
}

TEST(CompareGroups, EqualRepeatsHaveNoIntervalOfWidthZero) {
    ASSERT_OK_AND_ASSIGN(
        const Comparison comparison,
        compare_groups(group_of("a", 1, {5, 5}), group_of("b", 3, {6, 6}), only("energy_j")));
    const MetricComparison& line = comparison.metrics[0];
    EXPECT_EQ(line.difference.best, 1);
    EXPECT_FALSE(line.difference.low.has_value());
    EXPECT_THAT(line.difference.reason, HasSubstr("all equal"));
}

TEST(CompareGroups, TotalsOfOtherDomainsAreRefusedByName) {
    RunGroup with_gpu = group_of("b", 2, {80});
    with_gpu.runs[0].energy.domains = {"package", "gpu"};
    const RunGroup without = group_of("a", 1, {100});
    const auto refused = compare_groups(without, with_gpu, {});
    EXPECT_ERROR(kInvalidArgument, refused, "--across-domains");
    EXPECT_ERROR(kInvalidArgument, refused, "gpu + package");
    EXPECT_OK(compare_groups(without, with_gpu, only("duration_s")));
    CompareOptions across;
    across.across_domains = true;
    ASSERT_OK_AND_ASSIGN(const Comparison comparison, compare_groups(without, with_gpu, across));
    EXPECT_THAT(comparison.notes, Contains(HasSubstr("different domains")));
}

TEST(CompareGroups, MeasuredAgainstModelledIsRefused) {
    RunGroup modelled = group_of("b", 2, {80});
    modelled.runs[0].energy.provenance = "modelled";
    modelled.runs[0].energy.components[0].provenance = "modelled";
    const RunGroup measured = group_of("a", 1, {100});
    const auto refused = compare_groups(measured, modelled, only("j_per_1k_examples"));
    EXPECT_ERROR(kInvalidArgument, refused, "--across-provenance");
    EXPECT_ERROR(kInvalidArgument, refused,
                 "package of run 01KB0000000000000000000001 is measured");
    CompareOptions across;
    across.across_provenance = true;
    EXPECT_OK(compare_groups(measured, modelled, across));
}

TEST(CompareGroups, DerivedCountsAsMeasured) {
    RunGroup derived = group_of("b", 2, {80});
    derived.runs[0].energy.components[0].provenance = "derived";
    EXPECT_OK(compare_groups(group_of("a", 1, {100}), derived, {}));
}

TEST(CompareGroups, OneRunOfAGroupThatDiffersIsFound) {
    RunGroup mixed = group_of("b", 3, {80, 81});
    mixed.runs[1].energy.domains = {"package", "dram"};
    EXPECT_ERROR(kInvalidArgument, compare_groups(group_of("a", 1, {100, 101}), mixed, {}),
                 "01KB0000000000000000000004");
}

TEST(CompareGroups, Co2AndCo2eAreNotCompared) {
    RunGroup a = group_of("a", 1, {100});
    RunGroup b = group_of("b", 2, {80});
    a.runs[0].carbon.emplace();
    a.runs[0].carbon->co2_kg = 1;
    a.runs[0].carbon->basis = "co2";
    b.runs[0].carbon = a.runs[0].carbon;
    EXPECT_OK(compare_groups(a, b, only("co2_kg")));
    b.runs[0].carbon->basis = "co2e";
    EXPECT_ERROR(kInvalidArgument, compare_groups(a, b, only("co2_kg")), "co2 and co2e");
    EXPECT_OK(compare_groups(a, b, only("energy_j")));
}

TEST(CompareGroups, UnknownEnergyHasItsReasonAndIsNotZero) {
    RunGroup unknown = group_of("b", 2, {80});
    unknown.runs[0].energy.energy.reset();
    unknown.runs[0].energy.reason = "no sensor";
    ASSERT_OK_AND_ASSIGN(const Comparison comparison,
                         compare_groups(group_of("a", 1, {100}), unknown, only("energy_j")));
    const MetricComparison& line = comparison.metrics[0];
    EXPECT_FALSE(line.b.mean.has_value());
    EXPECT_FALSE(line.difference.best.has_value());
    EXPECT_THAT(line.difference.reason, HasSubstr("no sensor"));
}

TEST(CompareGroups, RunsWithoutTheFigureAreToldAndLeftOut) {
    RunGroup partly = group_of("b", 4, {80, 81, 82});
    partly.runs[2].energy.energy.reset();
    ASSERT_OK_AND_ASSIGN(const Comparison comparison,
                         compare_groups(group_of("a", 1, {100, 101}), partly, only("energy_j")));
    EXPECT_EQ(comparison.metrics[0].b.values.size(), 2U);
    EXPECT_THAT(comparison.notes, Contains("B: 2 of 3 runs have energy_j."));
}

TEST(CompareGroups, SameRunOnBothSidesIsRefused) {
    EXPECT_ERROR(kInvalidArgument,
                 compare_groups(group_of("a", 1, {100}), group_of("b", 1, {100}), {}),
                 "in both 'a' and 'b'");
}

TEST(CompareGroups, DefaultMetricsAreThoseThatSomeRunHas) {
    RunGroup a = group_of("a", 1, {100});
    a.runs[0].scores["accuracy"] = 0.5;
    ASSERT_OK_AND_ASSIGN(const Comparison comparison,
                         compare_groups(a, group_of("b", 2, {80}), {}));
    std::vector<std::string> names;
    for (const MetricComparison& line : comparison.metrics) {
        names.push_back(line.metric);
    }
    EXPECT_THAT(names,
                ::testing::ElementsAre("energy_j", "duration_s", "power_w_mean", "score:accuracy"));
    EXPECT_THAT(comparison.metrics[3].difference.reason, HasSubstr("no score 'accuracy'"));
}

TEST(CompareGroups, UnknownMetricListsTheNames) {
    EXPECT_ERROR(kNotFound,
                 compare_groups(group_of("a", 1, {1}), group_of("b", 2, {1}), only("joules")),
                 "j_per_1k_examples");
    EXPECT_ERROR(kNotFound,
                 compare_groups(group_of("a", 1, {1}), group_of("b", 2, {1}), only("score:")),
                 "score:NAME");
}

TEST(CompareView, HostileNamesCannotSteerTheTerminal) {
    RunGroup a = group_of("a\x1b[2J\nb", 1, {100});
    a.runs[0].name = "\x1b]0;x\x07<b>";
    a.runs[0].scores["acc\x1b[31m"] = 1;
    ASSERT_OK_AND_ASSIGN(const Comparison comparison,
                         compare_groups(a, group_of("b", 2, {80}), {}));
    const std::string text = comparison_text(comparison, 100);
    for (const char c : text) {
        EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << text;
    }
    const auto json = nlohmann::json::parse(comparison_json(comparison), nullptr, false);
    ASSERT_TRUE(json.is_object());
    EXPECT_EQ(json["a"]["runs"][0]["name"], "\x1b]0;x\x07<b>");
}

TEST(CompareView, TextShowsFiguresWithTheirUnits) {
    ASSERT_OK_AND_ASSIGN(
        const Comparison comparison,
        compare_groups(group_of("slow", 1, {98'000, 100'000, 102'000}),
                       group_of("fast", 4, {78'000, 80'000, 82'000}), only("energy_j")));
    const std::string text = comparison_text(comparison, 100);
    EXPECT_THAT(text, HasSubstr("A  slow: 3 runs"));
    EXPECT_THAT(text, HasSubstr("-20.0 kJ (-24.5 to -15.5 kJ)"));
    EXPECT_THAT(text, HasSubstr("large"));
    EXPECT_THAT(text, HasSubstr("Intervals cover 95 %"));
}

}  // namespace
}  // namespace finewatt::app
