#include "finewatt/base/csv.h"
#include "finewatt/exchange/codecarbon_csv_internal.h"
#include "finewatt/exchange/sample_runs_internal.h"
#include "finewatt/record/ulid.h"
#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace finewatt::exchange {
namespace {

/// The rows of a CSV text by column.
std::vector<std::map<std::string, std::string>> rows_of(std::string_view text) {
    std::vector<std::map<std::string, std::string>> rows;
    const Result<CsvTable> table = parse_csv(text, "test");
    if (!table) {
        ADD_FAILURE() << table.error().describe();
        return rows;
    }
    for (const std::vector<std::string>& row : table->rows) {
        rows.emplace_back();
        for (std::size_t i = 0; i < row.size(); ++i) {
            rows.back()[table->header[i]] = row[i];
        }
    }
    return rows;
}

std::string written(const std::vector<RunRecord>& runs) {
    return write_codecarbon(runs, {}).value();
}

Result<std::vector<ImportedRun>> read(std::string_view text, const ReadOptions& options = {}) {
    return read_codecarbon(text, "emissions.csv", options);
}

/// A file as CodeCarbon 2.1 wrote it: fewer columns, another order.
constexpr std::string_view kOldHeader =
    "timestamp,project_name,run_id,duration,emissions,emissions_rate,cpu_power,gpu_power,ram_power,"
    "cpu_energy,gpu_energy,ram_energy,energy_consumed,country_name,country_iso_code,region,"
    "cloud_provider,cloud_region,os,python_version,cpu_count,cpu_model,gpu_count,gpu_model,"
    "longitude,latitude,ram_total_size,tracking_mode,on_cloud\n";

std::string old_row(std::string_view run_id, std::string_view duration, std::string_view energy) {
    return fmt::format(
        "2022-03-01T12:00:00,demo,{},{},0.05,0.0005,42.5,,3.0,{},0,0.02,{},Germany,DEU,bavaria,,,"
        "Linux-5.10,3.8.10,8,\"Intel(R) Core(TM) i7, 8th\",,,11.5,48.1,16.0,machine,N\n",
        run_id, duration, energy, energy);
}

TEST(CodecarbonColumns, AreThe38OfRelease3InItsOrder) {
    const auto columns = codecarbon_columns();
    ASSERT_EQ(columns.size(), 38U);
    EXPECT_EQ(columns[0], "timestamp");
    EXPECT_EQ(columns[13], "energy_consumed");
    EXPECT_EQ(columns[14], "water_consumed");
    EXPECT_EQ(columns[37], "wue");
    const auto tasks = codecarbon_task_columns();
    ASSERT_EQ(tasks.size(), 36U);
    EXPECT_EQ(tasks[0], "task_name");
    EXPECT_EQ(std::count(tasks.begin(), tasks.end(), "experiment_id"), 0);
    EXPECT_EQ(tasks[35], "on_cloud");
}

TEST(WriteCodecarbon, EnergiesAreKilowattHoursOfTheFacility) {
    const auto rows = rows_of(written({sample_run()}));
    ASSERT_EQ(rows.size(), 1U);
    const auto& row = rows[0];
    EXPECT_EQ(row.size(), 38U);
    EXPECT_NEAR(std::stod(row.at("energy_consumed")), 0.011, 1e-15);  // 0.01 kWh x 1.1
    EXPECT_NEAR(std::stod(row.at("cpu_energy")), 0.0022, 1e-15);      // core is not counted
    EXPECT_NEAR(std::stod(row.at("ram_energy")), 0.00011, 1e-15);
    EXPECT_NEAR(std::stod(row.at("gpu_energy")), 0.00869, 1e-15);
    EXPECT_NEAR(std::stod(row.at("cpu_power")), 79.2, 1e-9);
    EXPECT_EQ(row.at("emissions"), "0.0052195");
    EXPECT_NEAR(std::stod(row.at("emissions_rate")), 5.2195e-5, 1e-15);
    EXPECT_EQ(row.at("pue"), "1.1");
    EXPECT_EQ(row.at("duration"), "100");
    EXPECT_EQ(row.at("timestamp"), "2026-11-23T04:29:40");  // the end
}

TEST(WriteCodecarbon, MachineAndPlaceStandInTheirColumns) {
    const auto row = rows_of(written({sample_run()})).at(0);
    EXPECT_EQ(row.at("country_iso_code"), "USA");
    EXPECT_EQ(row.at("region"), "RFCW");
    EXPECT_EQ(row.at("gpu_model"), "2 x NVIDIA A40");
    EXPECT_EQ(row.at("gpu_count"), "2");
    EXPECT_EQ(row.at("cpu_count"), "64");
    EXPECT_EQ(row.at("ram_total_size"), "192");
    EXPECT_EQ(row.at("codecarbon_version"), "finewatt 0.1.0");
    EXPECT_EQ(row.at("os"), "Linux-6.1.0-28-amd64");
}

TEST(WriteCodecarbon, CloudRegionHasColumnsOfItsOwn) {
    RunRecord run = sample_run();
    run.carbon->zone = "gcp/us-central1";
    run.carbon->edition = "Google 2024";
    const auto row = rows_of(written({run})).at(0);
    EXPECT_EQ(row.at("cloud_provider"), "gcp");
    EXPECT_EQ(row.at("cloud_region"), "us-central1");
    EXPECT_EQ(row.at("on_cloud"), "Y");
    EXPECT_EQ(row.at("region"), "");
}

TEST(WriteCodecarbon, WaterIsInLitres) {
    RunRecord run = sample_run();
    run.carbon->water_l = 1.75;
    EXPECT_EQ(rows_of(written({run})).at(0).at("water_consumed"), "1.75");
}

TEST(WriteCodecarbon, UnknownIsEmptyAndNeverZero) {
    const auto row = rows_of(written({unknown_run()})).at(0);
    for (const char* column : {"energy_consumed", "cpu_energy", "gpu_energy", "emissions",
                               "emissions_rate", "gpu_count", "cpu_power", "water_consumed"}) {
        EXPECT_EQ(row.at(column), "") << column;
    }
}

TEST(WriteCodecarbon, HostnameStaysOnTheMachine) {
    EXPECT_EQ(written({sample_run()}).find("secret-host"), std::string::npos);
}

TEST(WriteCodecarbonTasks, EachPhaseIsATask) {
    const std::vector<RunRecord> runs{sample_run()};
    const auto rows = rows_of(write_codecarbon_tasks(runs, {}).value());
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[1].at("task_name"), "train");
    EXPECT_EQ(rows[1].at("duration"), "80");
    EXPECT_NEAR(std::stod(rows[1].at("energy_consumed")), 0.0088, 1e-15);
    EXPECT_NEAR(std::stod(rows[1].at("emissions")), 0.0041756, 1e-12);
    EXPECT_EQ(rows[0].at("timestamp"), "2026-11-23T04:28:20");
}

TEST(WriteCodecarbonTasks, RunWithoutPhasesIsRefused) {
    const std::vector<RunRecord> runs{unknown_run()};
    EXPECT_ERROR(kInvalidArgument, write_codecarbon_tasks(runs, {}), "expected phases");
}

TEST(ExtendCodecarbon, KeepsTheFileAndAddsARow) {
    const std::string first = written({sample_run()});
    RunRecord other = sample_run();
    other.run_id = "01KASZ8B3M2C7D1E6F9G4H5J9M";
    ASSERT_OK_AND_ASSIGN(const std::string both,
                         extend_codecarbon(first, "e.csv", std::vector{other}));
    EXPECT_EQ(both.substr(0, first.size()), first);
    EXPECT_EQ(rows_of(both).size(), 2U);
    EXPECT_EQ(rows_of(both)[1].at("run_id"), other.run_id);
}

TEST(ExtendCodecarbon, OtherColumnsKeepTheirOrderAndNothingShifts) {
    const std::string old = std::string(kOldHeader) + old_row("a", "100", "0.5");
    ASSERT_OK_AND_ASSIGN(const std::string both,
                         extend_codecarbon(old, "e.csv", std::vector{sample_run()}));
    EXPECT_EQ(both.substr(0, old.size()), old);
    const auto row = rows_of(both).at(1);
    EXPECT_EQ(row.size(), 29U);
    EXPECT_EQ(row.at("emissions"), "0.0052195");
    EXPECT_EQ(row.at("tracking_mode"), "machine");
    EXPECT_EQ(row.at("longitude"), "");
}

TEST(ExtendCodecarbon, CrlfAndMissingLastLineEndAreRespected) {
    const std::string old = "timestamp,duration,emissions,energy_consumed\r\n2022-03-01,1,2,3";
    ASSERT_OK_AND_ASSIGN(const std::string both,
                         extend_codecarbon(old, "e.csv", std::vector{sample_run()}));
    EXPECT_EQ(both.substr(0, old.size() + 2), old + "\r\n");
    EXPECT_TRUE(both.ends_with("\r\n"));
    EXPECT_EQ(std::count(both.begin(), both.end(), '\n'), 3);
    EXPECT_EQ(std::count(both.begin(), both.end(), '\r'), 3);
}

TEST(ExtendCodecarbon, FileWithoutEssentialColumnsIsRefusedWithTheWayOut) {
    EXPECT_ERROR(kCorrupt, extend_codecarbon("a,b\n1,2\n", "e.csv", std::vector{sample_run()}),
                 "write to a new file instead");
}

TEST(ExtendCodecarbon, ShiftedFileIsLeftAlone) {
    const std::string old = std::string(kOldHeader) + "2022-03-01T12:00:00,demo\n";
    EXPECT_ERROR(kCorrupt, extend_codecarbon(old, "e.csv", std::vector{sample_run()}),
                 "row 2: expected 29 fields");
}

TEST(ExtendCodecarbon, SameRunTwiceIsRefused) {
    const std::string first = written({sample_run()});
    EXPECT_ERROR(kInvalidArgument, extend_codecarbon(first, "e.csv", std::vector{sample_run()}),
                 "is there already, in row 2");
}

TEST(ReadCodecarbon, WhatWasWrittenComesBack) {
    const RunRecord run = sample_run();
    ASSERT_OK_AND_ASSIGN(const auto runs, read(written({run})));
    ASSERT_EQ(runs.size(), 1U);
    const RunRecord& back = runs[0].run;
    EXPECT_EQ(back.run_id, run.run_id);
    EXPECT_EQ(back.name, run.name);
    EXPECT_EQ(back.started_at, run.started_at);
    EXPECT_EQ(back.duration_s, run.duration_s);
    EXPECT_NEAR(back.energy.energy.value().as_joules(), 36'000, 1e-6);
    EXPECT_EQ(back.carbon->co2_kg, run.carbon->co2_kg);
    EXPECT_NEAR(back.carbon->intensity.value().as_grams_per_kwh(), 474.5, 1e-9);
    EXPECT_EQ(back.carbon->pue, 1.1);
    ASSERT_EQ(back.energy.components.size(), 3U);
    EXPECT_NEAR(back.energy.components[1].energy.value().as_joules(), 28'440, 1e-6);
    EXPECT_EQ(runs[0].row, 2U);
}

TEST(ReadCodecarbon, OlderHeaderIsReadByName) {
    ASSERT_OK_AND_ASSIGN(const auto runs,
                         read(std::string(kOldHeader) + old_row("7d5e", "3600", "0.5")));
    ASSERT_EQ(runs.size(), 1U);
    const RunRecord& run = runs[0].run;
    EXPECT_EQ(run.energy.energy.value().as_joules(), 1'800'000);
    EXPECT_EQ(run.carbon->co2_kg, 0.05);
    EXPECT_EQ(run.carbon->zone, "DEU/bavaria");
    EXPECT_EQ(run.started_at, WallTime::parse_iso8601("2022-03-01T11:00:00Z").value());
    EXPECT_EQ(std::get<std::string>(run.machine.at("cpu_model")), "Intel(R) Core(TM) i7, 8th");
    EXPECT_EQ(runs[0].foreign_id, "7d5e");
    EXPECT_TRUE(is_ulid(run.run_id));
    EXPECT_NE(std::find(run.notes.begin(), run.notes.end(),
                        "the file does not tell the PUE in its figures; taken as 1"),
              run.notes.end());
}

TEST(ReadCodecarbon, RangesAreUnknownAndProvenanceIsTheWeakestPossible) {
    ASSERT_OK_AND_ASSIGN(const auto runs,
                         read(std::string(kOldHeader) + old_row("7d5e", "3600", "0.5")));
    const EnergySummary& energy = runs[0].run.energy;
    EXPECT_FALSE(energy.energy_low || energy.energy_high || energy.coverage);
    EXPECT_EQ(energy.provenance, "mixed");
    EXPECT_EQ(energy.components[0].provenance, "assumed");
    EXPECT_EQ(energy.components[1].provenance, "modelled");
    EXPECT_TRUE(energy.components[0].reason.has_value());
    EXPECT_NE(runs[0].run.notes[0].find("no range"), std::string::npos);
}

TEST(ReadCodecarbon, ZeroOfAGpuThatIsThereIsUnknown) {
    const std::string text =
        "timestamp,duration,emissions,energy_consumed,cpu_energy,gpu_energy,gpu_count\n"
        "2024-01-01T00:00:00,10,1,0.2,0.2,0,2\n"
        "2024-01-01T00:00:00,10,1,0.3,0.3,0,\n";
    ASSERT_OK_AND_ASSIGN(const auto runs, read(text));
    ASSERT_EQ(runs[0].run.energy.components.size(), 2U);
    const ComponentEnergy& gpu = runs[0].run.energy.components[1];
    EXPECT_FALSE(gpu.energy.has_value());
    EXPECT_FALSE(gpu.counted);
    EXPECT_TRUE(gpu.reason.has_value());
    EXPECT_EQ(runs[0].run.energy.domains, std::vector<std::string>{"package"});
    // Without a GPU there is no such component at all.
    EXPECT_EQ(runs[1].run.energy.components.size(), 1U);
}

TEST(ReadCodecarbon, LongestRowOfARunCountsAndItsIdStays) {
    const std::string early = std::string(kOldHeader) + old_row("a", "100", "0.1");
    const std::string late = early + old_row("b", "50", "0.3") + old_row("a", "200", "0.2");
    ASSERT_OK_AND_ASSIGN(const auto before, read(early));
    ASSERT_OK_AND_ASSIGN(const auto after, read(late));
    ASSERT_EQ(after.size(), 2U);
    EXPECT_EQ(after[0].run.duration_s, 200);
    EXPECT_NEAR(after[0].run.energy.energy.value().as_kwh(), 0.2, 1e-12);
    EXPECT_EQ(after[0].row, 4U);
    EXPECT_EQ(after[0].run.run_id, before[0].run.run_id);
    EXPECT_NE(after[1].run.run_id, before[0].run.run_id);
}

TEST(ReadCodecarbon, TwoReadingsGiveTheSameIds) {
    const std::string text =
        std::string(kOldHeader) + old_row("", "100", "0.1") + old_row("", "100", "0.2");
    ASSERT_OK_AND_ASSIGN(const auto first, read(text));
    ASSERT_OK_AND_ASSIGN(const auto second, read(text));
    ASSERT_EQ(first.size(), 2U);
    EXPECT_EQ(first[0].run.run_id, second[0].run.run_id);
    EXPECT_NE(first[0].run.run_id, first[1].run.run_id);
}

TEST(ReadCodecarbon, LocalTimesAreShiftedByTheOffset) {
    ASSERT_OK_AND_ASSIGN(const auto runs, read(std::string(kOldHeader) + old_row("a", "0", "0.1"),
                                               {.utc_offset = std::chrono::minutes(90)}));
    EXPECT_EQ(runs[0].run.started_at, WallTime::parse_iso8601("2022-03-01T10:30:00Z").value());
}

TEST(ReadCodecarbon, BrokenRowsAreRefusedWithNumberAndReason) {
    const std::string header = "timestamp,duration,emissions,energy_consumed,pue\n";
    EXPECT_ERROR(kCorrupt, read(header + "2024-01-01T00:00:00,10,1\n"),
                 "emissions.csv: row 2: expected 5 fields as in the header, found 3; older "
                 "CodeCarbon releases left empty columns out");
    EXPECT_ERROR(kCorrupt, read(header + "2024-01-01T00:00:00,10,1,-5,1\n"), "energy_consumed");
    EXPECT_ERROR(kCorrupt, read(header + "yesterday,10,1,5,1\n"), "expected a time like");
    EXPECT_ERROR(kCorrupt, read(header + "9999-01-01T00:00:00,10,1,5,1\n"), "expected a time");
    EXPECT_ERROR(kCorrupt, read(header + "2024-01-01T00:00:00,1e12,1,5,1\n"), "duration");
    EXPECT_ERROR(kCorrupt, read(header + "2024-01-01T00:00:00,10,1,5,0.5\n"), "'pue'");
    EXPECT_ERROR(kCorrupt, read(header + "2024-01-01T00:00:00,Linux,1,5,1\n"), "'duration'");
    EXPECT_ERROR(kCorrupt, read("timestamp,duration\n1,2\n"), "'energy_consumed'");
}

TEST(ReadCodecarbon, HeaderAloneHasNoRuns) {
    ASSERT_OK_AND_ASSIGN(const auto runs, read(kOldHeader));
    EXPECT_TRUE(runs.empty());
}

TEST(ReadCodecarbon, TaskFileBecomesOneRunWithPhases) {
    const std::vector<RunRecord> written_runs{sample_run()};
    ASSERT_OK_AND_ASSIGN(const std::string text, write_codecarbon_tasks(written_runs, {}));
    ASSERT_OK_AND_ASSIGN(const auto runs, read(text));
    ASSERT_EQ(runs.size(), 1U);
    const RunRecord& run = runs[0].run;
    ASSERT_EQ(run.phases.size(), 2U);
    EXPECT_EQ(run.phases[1].name, "train");
    EXPECT_EQ(run.phases[1].t_begin_s, 20);
    EXPECT_EQ(run.duration_s, 100);
    // A task file does not tell the PUE, so the figures stay those of the facility.
    EXPECT_NEAR(run.energy.energy.value().as_kwh(), 0.011, 1e-12);
    EXPECT_NEAR(run.carbon->co2_kg.value(), 0.0052195, 1e-12);
    EXPECT_EQ(run.energy.coverage, 1);
}

}  // namespace
}  // namespace finewatt::exchange
