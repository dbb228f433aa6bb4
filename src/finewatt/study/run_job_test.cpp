#include "finewatt/study/run_job.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

namespace finewatt {
namespace {

/// A machine with one package whose counter the job itself moves.
class RunJob : public ::testing::Test {
  protected:
    RunJob() {
        tree_.write("/proc/stat", "cpu 0 0 0 100 0 0 0 0 0 0\ncpu0 0 0 0 100 0 0 0 0 0 0\n");
        tree_.write("/proc/cpuinfo", "processor\t: 0\nmodel name\t: Test CPU\n");
        tree_.write("/proc/meminfo", "MemTotal:       8388608 kB\n");
        const std::string zone = "/sys/class/powercap/intel-rapl:0/";
        tree_.write(zone + "name", "package-0\n");
        tree_.write(zone + "max_energy_range_uj", "262143328850\n");
        counter_ = tree_.write(zone + "energy_uj", "1000000\n");
    }

    JobOptions job(const std::string& script) {
        JobOptions options;
        options.run_id = "01KAQZJ0000000000000000000";
        options.argv = {"sh", "-c", script};
        options.sysroot = SysRoot(tree_.path());
        return options;
    }

    /// A shell command that sets the package counter.
    std::string set_counter(int microjoules) const {
        return "echo " + std::to_string(microjoules) + " > " + counter_.string();
    }

    testing::TempTree tree_;
    std::filesystem::path counter_;
    SystemClock clock_;
};

const ComponentEnergy* find_component(const EnergySummary& energy, std::string_view name) {
    for (const ComponentEnergy& component : energy.components) {
        if (component.component == name) {
            return &component;
        }
    }
    return nullptr;
}

TEST_F(RunJob, MeasuredPackageEnergyIsWhatTheCounterCounted) {
    ASSERT_OK_AND_ASSIGN(const JobResult result, run_job(job(set_counter(3'500'000)), clock_));
    const ComponentEnergy* cpu = find_component(result.record.energy, "cpu");
    ASSERT_NE(cpu, nullptr);
    EXPECT_EQ(cpu->provenance, "measured");
    ASSERT_TRUE(cpu->energy.has_value());
    EXPECT_NEAR(cpu->energy->as_joules(), 2.5, 1e-9);
    EXPECT_EQ(result.record.status, "complete");
}

TEST_F(RunJob, EventsBecomePhasesWorkAndScores) {
    const std::string script =
        "out() { echo \"$1\" >&$FINEWATT_EVENT_FD; }\n"
        "eval \"out() { echo \\\"\\$1\\\" >&$FINEWATT_EVENT_FD; }\"\n"
        "out '{\"event\":\"phase\",\"name\":\"train\",\"edge\":\"begin\"}'\n" +
        set_counter(2'000'000) +
        "\nsleep 0.3\n"
        "out '{\"event\":\"work\",\"examples\":500,\"tokens_real\":1000,\"tokens_padded\":2000}'\n"
        "out '{\"event\":\"score\",\"name\":\"accuracy\",\"value\":0.75}'\n"
        "out '{\"event\":\"phase\",\"name\":\"train\",\"edge\":\"end\"}'\n";
    ASSERT_OK_AND_ASSIGN(const JobResult result, run_job(job(script), clock_));
    const RunRecord& record = result.record;
    ASSERT_EQ(record.phases.size(), 1U);
    EXPECT_EQ(record.phases[0].name, "train");
    EXPECT_GT(record.phases[0].duration_s, 0.25);
    ASSERT_TRUE(record.work.has_value());
    EXPECT_EQ(record.work->examples, 500);
    EXPECT_EQ(record.scores.at("accuracy"), 0.75);
    ASSERT_TRUE(record.energy.energy.has_value());
    EXPECT_DOUBLE_EQ(*record.derived.j_per_1k_examples, record.energy.energy->as_joules() * 2);
    EXPECT_NEAR(*record.derived.tokens_per_s, 1000 / record.phases[0].duration_s, 1e-9);
}

TEST_F(RunJob, PhaseLeftOpenEndsWithTheJob) {
    ASSERT_OK_AND_ASSIGN(
        const JobResult result,
        run_job(job("eval \"echo '{\\\"event\\\":\\\"phase\\\",\\\"name\\\":\\\"a\\\","
                    "\\\"edge\\\":\\\"begin\\\"}' >&$FINEWATT_EVENT_FD\""),
                clock_));
    ASSERT_EQ(result.record.phases.size(), 1U);
    EXPECT_EQ(result.record.phases[0].note, "phase not closed");
}

TEST_F(RunJob, FailedCommandIsAFailedRunWithItsEnergy) {
    ASSERT_OK_AND_ASSIGN(const JobResult result,
                         run_job(job(set_counter(2'000'000) + "; exit 9"), clock_));
    EXPECT_EQ(result.record.status, "failed");
    EXPECT_EQ(result.record.exit_status, 9);
    EXPECT_TRUE(result.record.energy.energy.has_value());
}

TEST_F(RunJob, WithoutSensorsRequireMeasuredRefusesToStart) {
    std::filesystem::remove_all(tree_.path() / "sys");
    JobOptions options = job("touch " + (tree_.path() / "started").string());
    options.require_measured = true;
    EXPECT_ERROR(kUnsupported, run_job(options, clock_), "doctor");
    EXPECT_FALSE(std::filesystem::exists(tree_.path() / "started"));
}

TEST_F(RunJob, WithoutSensorsTheEnergyIsModelledAndSaysSo) {
    std::filesystem::remove_all(tree_.path() / "sys");
    ASSERT_OK_AND_ASSIGN(const JobResult result, run_job(job("sleep 0.2"), clock_));
    const EnergySummary& energy = result.record.energy;
    ASSERT_TRUE(energy.energy.has_value()) << energy.reason.value_or("");
    EXPECT_TRUE(energy.provenance == "modelled" || energy.provenance == "assumed" ||
                energy.provenance == "mixed")
        << energy.provenance;
    EXPECT_LT(energy.energy_low->as_joules(), 0.8 * energy.energy->as_joules());
    EXPECT_GT(energy.energy_high->as_joules(), 1.2 * energy.energy->as_joules());
}

TEST_F(RunJob, CommandThatCannotStartLeavesNoJournal) {
    JobOptions options = job("");
    options.argv = {"no-such-program-here"};
    options.journal_path = tree_.path() / "run.jsonl";
    EXPECT_ERROR(kNotFound, run_job(options, clock_), "no-such-program-here");
    EXPECT_FALSE(std::filesystem::exists(options.journal_path));
}

TEST_F(RunJob, ProgressExpectsTheEndFromThePace) {
    std::vector<JobProgress> seen;
    JobOptions options =
        job("eval \"out() { echo \\\"\\$1\\\" >&$FINEWATT_EVENT_FD; }\"\n"
            "for i in 1 2 3 4 5 6; do\n"
            "  out '{\"event\":\"progress\",\"done\":'$i',\"of\":12,\"loss\":0.5}'; sleep 0.1\n"
            "done\n");
    options.progress_interval = std::chrono::milliseconds(50);
    options.on_progress = [&seen](const JobProgress& progress) { seen.push_back(progress); };
    ASSERT_OK(run_job(options, clock_));
    ASSERT_FALSE(seen.empty());
    const JobProgress& last = seen.back();
    ASSERT_TRUE(last.expected_s.has_value());
    EXPECT_EQ(last.progress->of, 12);
    EXPECT_EQ(last.progress->loss, 0.5);
    // Six of twelve after about 0.6 s: the end lies near 1.2 s; wide bounds, for a busy machine.
    EXPECT_GT(*last.expected_s, last.elapsed_s);
    EXPECT_LT(*last.expected_s, 10 * last.elapsed_s);
}

}  // namespace
}  // namespace finewatt
