#include "finewatt/study/calibrations.h"

#include "finewatt/base/file.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

namespace finewatt {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kDayNs = 86'400'000'000'000;
constexpr WallTime kNow = WallTime::from_unix_ns(1'795'408'080'000'000'000);

std::string days_ago(int days) {
    return WallTime::from_unix_ns(kNow.as_unix_ns() - days * kDayNs).to_iso8601();
}

ComponentEnergy counted(const std::string& source, const std::string& domain, double energy_j) {
    ComponentEnergy component;
    component.source = source;
    component.domain = domain;
    component.energy = joules(energy_j);
    component.energy_low = joules(0.99 * energy_j);
    component.energy_high = joules(1.02 * energy_j);
    return component;
}

/// 100 s at 100 W on the package and 20 W in the memory; a GPU that is hidden.
RunRecord run_of_100_s() {
    RunRecord run;
    run.started_at = kNow;
    run.duration_s = 100;
    run.machine["cpu_model"] = "Test CPU";
    run.machine["memory_bytes"] = std::int64_t{64'000'000'000};
    run.machine["gpu_0_uuid"] = "GPU-1";
    run.energy.components = {counted("powercap:package-0", "package", 10'000),
                             counted("powercap:dram-0", "dram", 2000)};
    ComponentEnergy core = counted("powercap:core-0", "core", 9000);
    core.counted = false;
    run.energy.components.push_back(core);
    run.energy.energy = joules(12'000);
    run.energy.energy_low = joules(11'880);
    run.energy.energy_high = joules(12'240);
    run.energy.domains = {"package", "dram"};
    return run;
}

IdleBaseline baseline_of(const RunRecord& run, int age_days = 3) {
    IdleBaseline baseline;
    baseline.id = "01KAQIDLE";
    baseline.created_at = days_ago(age_days);
    baseline.machine = identity_of(run);
    baseline.channels = {
        {"powercap:package-0", "package", "cpu0", watts(30), watts(28), watts(33), "measured"},
        {"powercap:dram-0", "dram", "cpu0", watts(5), watts(4), watts(6), "measured"},
        {"powercap:core-0", "core", "cpu0", watts(9), watts(9), watts(9), "measured"}};
    return baseline;
}

WallCalibration calibration_of(const RunRecord& run, int age_days = 3) {
    WallCalibration calibration;
    calibration.id = "01KAQWALL";
    calibration.created_at = days_ago(age_days);
    calibration.machine = identity_of(run);
    calibration.coefficients = {{"all", 1.08, 1.05, 1.11, 9, watts(200), watts(216)},
                                {"idle", 1.6, 1.5, 1.7, 3, watts(35), watts(56)},
                                {"cpu", 1.1, 1.09, 1.12, 3, watts(150), watts(165)},
                                {"gpu", 1.06, 1.05, 1.07, 3, watts(415), watts(440)}};
    return calibration;
}

TEST(Baseline, NetIsTheTotalLessPowerAtRestTimesTime) {
    RunRecord run = run_of_100_s();
    const std::vector<IdleBaseline> stored{baseline_of(run)};
    apply_baseline(run, stored, kCalibrationMaxAgeDays);
    ASSERT_TRUE(run.baseline.has_value());
    EXPECT_EQ(run.baseline->id, "01KAQIDLE");
    // 30 + 5 W of the counted channels; the core lies inside the package.
    EXPECT_DOUBLE_EQ(run.baseline->power->as_watts(), 35);
    EXPECT_DOUBLE_EQ(run.baseline->energy_idle->as_joules(), 3500);
    EXPECT_DOUBLE_EQ(run.baseline->energy_net->as_joules(), 8500);
    EXPECT_DOUBLE_EQ(run.baseline->energy_net_low->as_joules(), 11'880 - 3900);
    EXPECT_DOUBLE_EQ(run.baseline->energy_net_high->as_joules(), 12'240 - 3200);
    EXPECT_EQ(run.baseline->provenance, "derived");
    EXPECT_DOUBLE_EQ(run.energy.energy->as_joules(), 12'000) << "the total stays";
}

TEST(Baseline, NetNeverFallsBelowZeroAndSaysSo) {
    RunRecord run = run_of_100_s();
    std::vector<IdleBaseline> stored{baseline_of(run)};
    stored[0].channels[0].power = watts(500);
    stored[0].channels[0].power_high = watts(510);
    apply_baseline(run, stored, kCalibrationMaxAgeDays);
    EXPECT_EQ(run.baseline->energy_net->as_joules(), 0);
    EXPECT_THAT(run.baseline->reason.value_or(""), HasSubstr("held at 0"));
}

TEST(Baseline, UnknownTotalGivesAnUnknownNet) {
    RunRecord run = run_of_100_s();
    run.energy.energy.reset();
    run.energy.reason = "counter reset";
    const std::vector<IdleBaseline> stored{baseline_of(run)};
    apply_baseline(run, stored, kCalibrationMaxAgeDays);
    EXPECT_FALSE(run.baseline->energy_net.has_value());
    EXPECT_THAT(run.baseline->reason.value_or(""), HasSubstr("counter reset"));
}

TEST(Baseline, ForeignOrStaleOnesAreRefusedWithTheReason) {
    struct Case {
        const char* name;
        std::function<void(IdleBaseline&)> change;
        const char* reason;
    };

    const std::vector<Case> cases{
        {"cpu", [](IdleBaseline& b) { b.machine.cpu_model = "Other"; }, "another processor"},
        {"memory", [](IdleBaseline& b) { b.machine.memory_bytes = 32e9; }, "32.0 GB"},
        {"gpu", [](IdleBaseline& b) { b.machine.gpu_uuids = {"GPU-2"}; }, "other GPUs: [GPU-2]"},
        {"domains", [](IdleBaseline& b) { b.channels.erase(b.channels.begin() + 1); },
         "powercap:dram-0"},
        {"age", [](IdleBaseline& b) { b.created_at = days_ago(190); }, "190 days old"},
        {"date", [](IdleBaseline& b) { b.created_at = "soon"; }, "no date"}};
    for (const Case& refused : cases) {
        RunRecord run = run_of_100_s();
        std::vector<IdleBaseline> stored{baseline_of(run)};
        refused.change(stored[0]);
        apply_baseline(run, stored, kCalibrationMaxAgeDays);
        EXPECT_FALSE(run.baseline.has_value()) << refused.name;
        ASSERT_EQ(run.notes.size(), 1U) << refused.name;
        EXPECT_THAT(run.notes[0], HasSubstr(refused.reason)) << refused.name;
    }
}

TEST(Baseline, OlderOneThatHoldsIsTakenBeforeANewerForeignOne) {
    RunRecord run = run_of_100_s();
    std::vector<IdleBaseline> stored{baseline_of(run, 1), baseline_of(run, 100)};
    stored[0].machine.cpu_model = "Other";
    stored[1].id = "older";
    apply_baseline(run, stored, kCalibrationMaxAgeDays);
    ASSERT_TRUE(run.baseline.has_value());
    EXPECT_EQ(run.baseline->id, "older");
}

TEST(Baseline, NoneStoredIsNoNote) {
    RunRecord run = run_of_100_s();
    apply_baseline(run, {}, kCalibrationMaxAgeDays);
    EXPECT_FALSE(run.baseline.has_value());
    EXPECT_TRUE(run.notes.empty());
}

TEST(Baseline, MemoryMayDifferByWhatAKernelTakes) {
    RunRecord run = run_of_100_s();
    std::vector<IdleBaseline> stored{baseline_of(run)};
    stored[0].machine.memory_bytes = 64.6e9;
    EXPECT_EQ(find_baseline(stored, run, kCalibrationMaxAgeDays), &stored[0]);
}

TEST(Identity, KnownChannelsAndAMeasuredRunGiveTheSame) {
    const auto channel = [](const std::string& id, Domain domain) {
        ChannelSpec spec;
        spec.id = id;
        spec.domain = domain;
        spec.device = "cpu0";
        return spec;
    };
    const std::vector<ChannelSpec> channels{channel("powercap:package-0", Domain::kPackage),
                                            channel("powercap:core-0", Domain::kCore),
                                            channel("powercap:dram-0", Domain::kDram)};
    const RunRecord run = run_of_100_s();
    const MachineIdentity known = identity_of(run.machine, channels);
    const MachineIdentity measured = identity_of(run);
    EXPECT_EQ(known.domains, measured.domains);
    EXPECT_EQ(known.sources, measured.sources);
    EXPECT_EQ(known.gpu_uuids, measured.gpu_uuids);
    EXPECT_EQ(known.memory_bytes, measured.memory_bytes);
}

TEST(WallCalibrationUse, AdjustedEnergyIsCoefficientTimesTotalWithAWiderRange) {
    RunRecord run = run_of_100_s();
    const std::vector<WallCalibration> stored{calibration_of(run)};
    apply_wall_calibration(run, stored, kCalibrationMaxAgeDays);
    ASSERT_TRUE(run.calibration.has_value());
    const CalibrationUse& use = *run.calibration;
    // The run had 120 W; cpu was taken at 150 W, idle at 35 W.
    EXPECT_EQ(use.kind, "cpu");
    EXPECT_THAT(use.reason.value_or(""), HasSubstr("taken at 150 W, this run had 120 W"));
    EXPECT_DOUBLE_EQ(use.energy_adjusted->as_joules(), 1.1 * 12'000);
    EXPECT_DOUBLE_EQ(use.energy_adjusted_low->as_joules(), 1.09 * 11'880);
    EXPECT_DOUBLE_EQ(use.energy_adjusted_high->as_joules(), 1.12 * 12'240);
    EXPECT_EQ(use.provenance, "derived");
    EXPECT_FALSE(run.calibration_reason.has_value());
    EXPECT_DOUBLE_EQ(run.energy.energy->as_joules(), 12'000) << "the total stays";
}

TEST(WallCalibrationUse, KindFollowsThePowerOfTheRun) {
    struct Case {
        double energy_j;
        const char* kind;
    };

    for (const Case& run_case : {Case{3600, "idle"}, Case{14'000, "cpu"}, Case{50'000, "gpu"}}) {
        RunRecord run = run_of_100_s();
        const std::vector<WallCalibration> stored{calibration_of(run)};
        run.energy.energy = joules(run_case.energy_j);
        apply_wall_calibration(run, stored, kCalibrationMaxAgeDays);
        EXPECT_EQ(run.calibration->kind, run_case.kind) << run_case.energy_j;
    }
}

TEST(WallCalibrationUse, PooledCoefficientServesWhereNoKindHasOne) {
    RunRecord run = run_of_100_s();
    std::vector<WallCalibration> stored{calibration_of(run)};
    stored[0].coefficients.resize(1);
    apply_wall_calibration(run, stored, kCalibrationMaxAgeDays);
    EXPECT_EQ(run.calibration->kind, "all");
}

TEST(WallCalibrationUse, ForeignOrStaleOnesAreRefusedWithTheReason) {
    struct Case {
        const char* name;
        std::function<void(WallCalibration&)> change;
        const char* reason;
    };

    const std::vector<Case> cases{
        {"cpu", [](WallCalibration& c) { c.machine.cpu_model = "Other"; }, "another processor"},
        {"gpu", [](WallCalibration& c) { c.machine.gpu_uuids.clear(); }, "other GPUs"},
        {"domains", [](WallCalibration& c) { c.machine.domains = {"package"}; },
         "for the domains [package], this run counts [package, dram]"},
        {"channels",
         [](WallCalibration& c) {
             c.machine.sources = {"cpu-model", "ram-model"};
         },
         "for the channels"},
        {"age", [](WallCalibration& c) { c.created_at = days_ago(181); }, "181 days old"},
        {"empty", [](WallCalibration& c) { c.coefficients.clear(); }, "no coefficient"}};
    for (const Case& refused : cases) {
        RunRecord run = run_of_100_s();
        std::vector<WallCalibration> stored{calibration_of(run)};
        refused.change(stored[0]);
        apply_wall_calibration(run, stored, kCalibrationMaxAgeDays);
        EXPECT_FALSE(run.calibration.has_value()) << refused.name;
        EXPECT_THAT(run.calibration_reason.value_or(""), HasSubstr(refused.reason)) << refused.name;
        EXPECT_THAT(run.calibration_reason.value_or(""), HasSubstr("01KAQWALL")) << refused.name;
    }
}

TEST(WallCalibrationUse, AgeLimitIsASetting) {
    RunRecord run = run_of_100_s();
    const std::vector<WallCalibration> stored{calibration_of(run, 181)};
    apply_wall_calibration(run, stored, 365);
    EXPECT_TRUE(run.calibration.has_value());
}

TEST(WallCalibrationUse, UnknownTotalKeepsTheCalibrationAndSaysWhy) {
    RunRecord run = run_of_100_s();
    run.energy.energy.reset();
    run.energy.reason = "gpu GPU-1: no counter";
    const std::vector<WallCalibration> stored{calibration_of(run)};
    apply_wall_calibration(run, stored, kCalibrationMaxAgeDays);
    ASSERT_TRUE(run.calibration.has_value());
    EXPECT_FALSE(run.calibration->energy_adjusted.has_value());
    EXPECT_THAT(run.calibration->reason.value_or(""), HasSubstr("no counter"));
}

class CalibrationFiles : public ::testing::Test {
  protected:
    std::filesystem::path folder() const { return tree_.path() / "data" / "calibrations"; }

    void save_two() const {
        const RunRecord run = run_of_100_s();
        ASSERT_OK(save_calibration(folder(), baseline_of(run)));
        ASSERT_OK(save_calibration(folder(), calibration_of(run)));
    }

    testing::TempTree tree_;
};

TEST_F(CalibrationFiles, WhatWasSavedIsLoaded) {
    save_two();
    WallCalibration newer = calibration_of(run_of_100_s(), 1);
    newer.id = "01KAQNEWER";
    ASSERT_OK(save_calibration(folder(), newer));
    ASSERT_OK_AND_ASSIGN(const StoredCalibrations stored, load_calibrations(folder()));
    ASSERT_EQ(stored.wall.size(), 2U);
    EXPECT_EQ(stored.wall[0].id, "01KAQNEWER");
    EXPECT_EQ(stored.wall[1].coefficients[2].kind, "cpu");
    ASSERT_EQ(stored.idle.size(), 1U);
    EXPECT_EQ(stored.idle[0].channels[1].power, watts(5));
    EXPECT_TRUE(stored.warnings.empty());
}

TEST_F(CalibrationFiles, DamagedFileIsAWarningAndHidesNoOther) {
    save_two();
    tree_.write("data/calibrations/torn.json", R"({"finewatt_calibration":1,"type":"wall")");
    tree_.write("data/calibrations/note.txt", "not ours");
    ASSERT_OK_AND_ASSIGN(const StoredCalibrations stored, load_calibrations(folder()));
    EXPECT_EQ(stored.wall.size(), 1U);
    EXPECT_EQ(stored.idle.size(), 1U);
    ASSERT_EQ(stored.warnings.size(), 1U);
    EXPECT_THAT(stored.warnings[0], HasSubstr("torn.json"));
}

TEST_F(CalibrationFiles, MissingFolderHoldsNothing) {
    ASSERT_OK_AND_ASSIGN(const StoredCalibrations stored, load_calibrations(folder()));
    EXPECT_TRUE(stored.idle.empty() && stored.wall.empty());
}

TEST_F(CalibrationFiles, BeginningOfAnIdIsEnoughWhenItIsTheOnlyOne) {
    save_two();
    ASSERT_OK_AND_ASSIGN(StoredCalibrations stored, load_calibrations(folder()));
    ASSERT_OK_AND_ASSIGN(const std::string id, resolve_calibration(stored, "01kaqw"));
    EXPECT_EQ(id, "01KAQWALL");
    EXPECT_ERROR(kInvalidArgument, resolve_calibration(stored, "01KAQ"), "01KAQIDLE, 01KAQWALL");
    EXPECT_ERROR(kNotFound, resolve_calibration(stored, "9"), "calibrate list");
    EXPECT_ERROR(kInvalidArgument, keep_wall_calibration(stored, "01KAQI"), "idle");
}

TEST(CalibrationFolder, FollowsTheDataHome) {
    const auto only = [](const char* wanted, const char* value) {
        return [=](const char* name) { return std::string_view(name) == wanted ? value : nullptr; };
    };
    ASSERT_OK_AND_ASSIGN(const auto data, default_calibration_folder(only("XDG_DATA_HOME", "/d")));
    EXPECT_EQ(data, "/d/finewatt/calibrations");
    ASSERT_OK_AND_ASSIGN(const auto home, default_calibration_folder(only("HOME", "/h")));
    EXPECT_EQ(home, "/h/.local/share/finewatt/calibrations");
    EXPECT_ERROR(kNotFound, default_calibration_folder(only("", "")), "XDG_DATA_HOME");
}

}  // namespace
}  // namespace finewatt
