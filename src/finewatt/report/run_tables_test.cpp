#include "finewatt/report/run_tables.h"

#include "finewatt/report/run_tables_internal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "example_runs.h"

namespace finewatt {
namespace {

using report_examples::repeated_runs;
using report_examples::runs_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

RunRecord run_called(std::string id, std::optional<std::string> name = std::nullopt) {
    RunRecord run;
    run.run_id = std::move(id);
    run.name = std::move(name);
    return run;
}

PhaseRecord window(std::string name, double begin_s, double duration_s,
                   std::optional<Joules> energy) {
    PhaseRecord phase;
    phase.name = std::move(name);
    phase.t_begin_s = begin_s;
    phase.duration_s = duration_s;
    phase.energy.energy = energy;
    phase.energy.energy_low = energy;
    phase.energy.energy_high = energy;
    phase.energy.provenance = "measured";
    return phase;
}

/// The cell of a row by its column's key.
const ReportCell& cell(const ReportTable& table, std::size_t row, std::string_view key) {
    const auto column = std::find_if(table.columns.begin(), table.columns.end(),
                                     [&](const ReportColumn& each) { return each.key == key; });
    EXPECT_NE(column, table.columns.end()) << key;
    return table.rows.at(row).at(static_cast<std::size_t>(column - table.columns.begin()));
}

double value(const ReportTable& table, std::size_t row, std::string_view key) {
    const auto* number = std::get_if<double>(&cell(table, row, key).value);
    EXPECT_NE(number, nullptr) << key;
    return number == nullptr ? 0 : *number;
}

TEST(InReportOrder, IsByStartThenById) {
    RunRecord late = run_called("A");
    late.started_at = WallTime::from_unix_ns(2);
    const auto ordered = in_report_order({late, run_called("C"), run_called("B")});
    EXPECT_THAT((std::vector<std::string>{ordered[0].run_id, ordered[1].run_id, ordered[2].run_id}),
                ElementsAre("B", "C", "A"));
}

TEST(RunLabels, AreDifferentForEachRun) {
    const std::vector<RunRecord> runs{run_called("01KASY3V0G4Y9QXJ2N7R5T8W1A", "rte"),
                                      run_called("01KASY3V0G4Y9QXJ2N7R5T8W1B", "rte"),
                                      run_called("01KATZ3V0G4Y9QXJ2N7R5T8W1B", "mnli"),
                                      run_called("01KAV03V0G4Y9QXJ2N7R5T8W1B", ""),
                                      run_called("01KAV13V0G4Y9QXJ2N7R5T8W1B")};
    EXPECT_THAT(run_labels(runs),
                ElementsAre("rte (01KASY3V0G4Y9QXJ2N7R5T8W1A)", "rte (01KASY3V0G4Y9QXJ2N7R5T8W1B)",
                            "mnli", "01KAV03V0G4Y9QXJ2N7R5T8W1B", "01KAV13V0G4Y9QXJ2N7R5T8W1B"));
}

TEST(RunLabels, IdsAreAsShortAsTheyMayBe) {
    const std::vector<RunRecord> runs{run_called("01KASY3V0GAAAA"), run_called("01KATZ3V0GBBBB")};
    EXPECT_THAT(run_labels(runs), ElementsAre("01KASY3V0G", "01KATZ3V0G"));
}

TEST(RunLabels, LongNamesThatBeginAlikeStayDifferent) {
    const std::string begin(40, 'x');
    const std::vector<RunRecord> runs{run_called("01KASY3V0GAAAA", begin + "1"),
                                      run_called("01KATZ3V0GBBBB", begin + "2")};
    const auto labels = run_labels(runs);
    EXPECT_NE(labels[0], labels[1]);
    EXPECT_THAT(labels[0], HasSubstr("01KASY3V0G"));
}

TEST(RunLabels, AreSafeToPrint) {
    EXPECT_THAT(run_labels(std::vector{run_called("01KASY3V0GAAAA", "a\x1b[31m\nb")}),
                ElementsAre("a\uFFFD[31m b"));
}

TEST(ReportTables, EachRowHasACellForEachColumn) {
    std::vector<RunRecord> runs = runs_of(report_examples::all_examples());
    for (const auto& more : runs_of(repeated_runs())) {
        runs.push_back(more);
    }
    const auto tables = make_report_tables(runs);
    ASSERT_EQ(tables.size(), 4U);
    for (const ReportTable& table : tables) {
        EXPECT_FALSE(table.rows.empty()) << table.name;
        for (const auto& row : table.rows) {
            EXPECT_EQ(row.size(), table.columns.size()) << table.name;
        }
    }
}

TEST(RunsTable, HoldsExactValuesBesideTheTexts) {
    const auto table = make_report_tables(runs_of({report_examples::modelled_fine_tuning()}))[0];
    EXPECT_EQ(cell(table, 0, "label").text, "imdb-demo");
    EXPECT_EQ(value(table, 0, "duration_s"), 124.6);
    EXPECT_EQ(value(table, 0, "energy_j"), 5338.4 + 361.3);
    EXPECT_EQ(value(table, 0, "score_accuracy"), 0.7812);
    EXPECT_THAT(cell(table, 0, "energy_j").text, HasSubstr(" kJ ("));
}

TEST(RunsTable, UnknownIsNeverZero) {
    const auto table = make_report_tables(runs_of({report_examples::run_without_samples()}))[0];
    for (const char* key : {"energy_j", "energy_j_low", "co2_kg", "duration_s", "tokens_per_s"}) {
        EXPECT_EQ(cell(table, 0, key).value, SettingValue()) << key;
    }
    EXPECT_EQ(cell(table, 0, "energy_j").text, "unknown");
    EXPECT_EQ(cell(table, 0, "energy_reason").text, "no source could be read; see finewatt doctor");
}

TEST(RepeatsTable, SeedsMayDifferAndSettingsMayNot) {
    const auto table = make_report_tables(runs_of(repeated_runs()))[1];
    ASSERT_EQ(table.rows.size(), 1U);
    EXPECT_EQ(value(table, 0, "runs"), 5);
    EXPECT_EQ(cell(table, 0, "name").text, "imdb-demo");
}

TEST(RepeatsTable, SumsUpMeanAndSampleDeviation) {
    const auto table = make_report_tables(runs_of(repeated_runs()))[1];
    const double first_j = 5338.4 + 361.3;
    // Factors 1.00, 1.01 … 1.04: mean 1.02, sample deviation 0.01 sqrt(2.5).
    EXPECT_NEAR(value(table, 0, "energy_j_mean"), first_j * 1.02, 1e-9 * first_j);
    EXPECT_NEAR(value(table, 0, "energy_j_sd"), first_j * 0.01 * std::sqrt(2.5), 1e-9 * first_j);
    EXPECT_NEAR(value(table, 0, "energy_j_max"), first_j * 1.04, 1e-9 * first_j);
    EXPECT_NEAR(value(table, 0, "score_accuracy_mean"), 0.784, 1e-12);
    EXPECT_EQ(cell(table, 0, "energy_j_mean").text, "5.814 ± 0.090 kJ");
    EXPECT_EQ(cell(table, 0, "duration_s_mean").text, "124.6 ± 0 s");
    EXPECT_EQ(cell(table, 0, "co2_kg_mean").text, "unknown");
}

TEST(RepeatsTable, RunsThatFailedOrHaveNoEnergyDoNotCount) {
    std::vector<RunRecord> runs = runs_of(repeated_runs());
    runs[0].status = "failed";
    runs[1].energy.energy.reset();
    EXPECT_EQ(value(make_report_tables(runs)[1], 0, "runs"), 3);
}

TEST(RepeatsTable, NamesCannotBeMistakenForSettings) {
    RunRecord one = runs_of(repeated_runs())[0];
    RunRecord other = one;
    one.settings = {{"a", "b3:c"}};
    other.settings = {{"a", "b"}, {"c", ""}};
    EXPECT_TRUE(make_report_tables(std::vector<RunRecord>{one, other})[1].rows.empty());
}

TEST(PhaseTotals, WindowsOfOneNameAreAddedUp) {
    RunRecord run = run_called("A");
    run.phases = {window("train", 0, 10, joules(100)), window("evaluate", 10, 1, joules(7)),
                  window("train", 11, 20, joules(250))};
    const auto totals = report::phase_totals(run);
    ASSERT_EQ(totals.size(), 2U);
    EXPECT_EQ(totals[0].name, "train");
    EXPECT_EQ(totals[0].windows, 2U);
    EXPECT_EQ(totals[0].duration_s, 30);
    EXPECT_EQ(totals[0].energy.energy, joules(350));
    EXPECT_EQ(totals[0].energy.energy_high, joules(350));
}

TEST(PhaseTotals, OneUnknownWindowMakesTheSumUnknown) {
    for (const std::size_t dark : {std::size_t{0}, std::size_t{1}, std::size_t{2}}) {
        RunRecord run = run_called("A");
        run.phases = {window("train", 0, 1, joules(1)), window("train", 1, 1, joules(1)),
                      window("train", 2, 1, joules(1))};
        run.phases[dark].energy.energy.reset();
        run.phases[dark].energy.reason = "no samples";
        const auto totals = report::phase_totals(run);
        ASSERT_EQ(totals.size(), 1U);
        EXPECT_FALSE(totals[0].energy.energy.has_value()) << dark;
        EXPECT_THAT(totals[0].energy.reason.value_or(""), HasSubstr("no samples")) << dark;
    }
}

TEST(ComponentsTable, SaysWhatIsNotInTheTotal) {
    RunRecord run = run_called("A");
    ComponentEnergy core;
    core.component = "cpu";
    core.energy = joules(3);
    core.counted = false;
    run.energy.components = {core};
    const auto table = make_report_tables(std::vector<RunRecord>{run})[3];
    EXPECT_EQ(cell(table, 0, "counted").value, SettingValue(false));
    EXPECT_EQ(value(table, 0, "energy_j"), 3);
}

}  // namespace
}  // namespace finewatt
