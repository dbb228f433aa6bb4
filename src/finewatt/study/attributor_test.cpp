#include "finewatt/study/attributor.h"

#include "finewatt/study/workload.h"
#include "finewatt/testing/manual_clock.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <deque>

namespace finewatt {
namespace {

using ::testing::HasSubstr;

/// Gives the answers of a script; the last one is repeated.
class FakeGpuReader : public GpuProcessReader {
  public:
    explicit FakeGpuReader(std::deque<Result<std::vector<GpuProcessUse>>> answers)
        : answers_(std::move(answers)) {}

    Result<std::vector<GpuProcessUse>> read() override {
        Result<std::vector<GpuProcessUse>> answer = answers_.front();
        if (answers_.size() > 1) {
            answers_.pop_front();
        }
        return answer;
    }

  private:
    std::deque<Result<std::vector<GpuProcessUse>>> answers_;
};

/// Above the largest id that Linux gives (2^22), so that no real process has them.
constexpr int kRun = 5'000'010;
constexpr int kChild = 5'000'011;
constexpr int kStranger = 5'000'099;

/// A machine without control groups, where process kRun is the run.
class AttributorTest : public ::testing::Test {
  protected:
    AttributorTest() {
        write_machine(1000);
        write_process(kRun, 1, 0);
    }

    void write_machine(int busy_ticks) const {
        tree_.write("/proc/stat", fmt::format("cpu  {} 0 0 9 9 0 0 0 0 0\n", busy_ticks));
    }

    void write_process(int pid, int parent, int own_ticks) const {
        tree_.write(fmt::format("/proc/{}/stat", pid),
                    fmt::format("{} (a) R {} 0 0 0 0 0 0 0 0 0 {} 0 0 0 20 0 1 0 5 0 0", pid,
                                parent, own_ticks));
    }

    Attributor prepare(std::unique_ptr<GpuProcessReader> gpus = nullptr) {
        return Attributor::prepare(SysRoot(tree_.path()), "run", std::move(gpus), "no reader",
                                   clock_);
    }

    testing::TempTree tree_;
    testing::ManualClock clock_;
};

TEST_F(AttributorTest, TreeIsSetAgainstTheMachineOverTheSameTime) {
    Attributor attributor = prepare();
    EXPECT_FALSE(attributor.cgroup_fd().has_value());
    attributor.start(kRun, false);
    write_process(kRun, 1, 300);
    write_process(kChild, kRun, 100);
    write_machine(1800);
    attributor.sample();
    const MeasuredShares shares = attributor.finish(std::nullopt);
    EXPECT_EQ(shares.method, "process-tree");
    const double tick_s = 1 / clock_ticks_per_second();
    EXPECT_DOUBLE_EQ(*shares.cpu_s, 400 * tick_s);
    EXPECT_DOUBLE_EQ(*shares.machine_cpu_s, 800 * tick_s);
    EXPECT_DOUBLE_EQ(shares.cpu_s_missing, 4 * tick_s) << "two processes";
    EXPECT_DOUBLE_EQ(cpu_share_of(shares)->best, 0.5);
}

TEST_F(AttributorTest, HiddenTreeFallsBackToWhatWaitingGives) {
    Attributor attributor = prepare();
    attributor.start(kStranger, false);
    attributor.sample();
    write_machine(1200);
    const MeasuredShares shares = attributor.finish(1.5);
    EXPECT_EQ(shares.method, "waited-children");
    EXPECT_EQ(shares.cpu_s, 1.5);
}

TEST_F(AttributorTest, HiddenMachineIsUnknownWithTheReason) {
    std::filesystem::remove(tree_.path() / "proc/stat");
    Attributor attributor = prepare();
    attributor.start(kRun, false);
    const MeasuredShares shares = attributor.finish(1.5);
    EXPECT_FALSE(shares.machine_cpu_s.has_value());
    EXPECT_THAT(shares.cpu_reason.value_or(""), HasSubstr("/proc/stat"));
    EXPECT_FALSE(cpu_share_of(shares).has_value());
}

TEST_F(AttributorTest, GroupOfTheRunIsPreferred) {
    tree_.write("/proc/self/cgroup", "0::/job\n");
    tree_.write("/sys/fs/cgroup/cgroup.controllers", "");
    tree_.write("/sys/fs/cgroup/job/cgroup.procs", fmt::format("{}\n", ::getpid()));
    tree_.write("/sys/fs/cgroup/job/cpu.stat", "usage_usec 5000000\n");
    Attributor attributor = prepare();
    attributor.start(kRun, false);
    tree_.write("/sys/fs/cgroup/job/cpu.stat", "usage_usec 9000000\n");
    write_machine(1800);
    const MeasuredShares shares = attributor.finish(std::nullopt);
    EXPECT_EQ(shares.method, "cgroup");
    // Less this process's own time meanwhile.
    EXPECT_LE(*shares.cpu_s, 4.0);
    EXPECT_GT(*shares.cpu_s, 3.0);
}

TEST_F(AttributorTest, GpuTimeOfTheTreeIsSetAgainstThatOfAll) {
    using Uses = std::vector<GpuProcessUse>;
    auto reader = std::make_unique<FakeGpuReader>(std::deque<Result<Uses>>{
        Uses{{"GPU-a", kRun, 1.0}},  // before the run
        Uses{{"GPU-a", kRun, 0.6}, {"GPU-a", kStranger, 0.2}, {"GPU-b", kStranger, 0.5}},
        FINEWATT_ERROR(kIo, "busy"),
        Uses{{"GPU-a", kChild, 0.3}, {"GPU-a", kStranger, 0.1}},
    });
    Attributor attributor = prepare(std::move(reader));
    attributor.start(kRun, false);
    write_process(kChild, kRun, 1);
    clock_.advance(std::chrono::seconds(1));
    attributor.sample();
    clock_.advance(std::chrono::seconds(1));
    attributor.sample();
    clock_.advance(std::chrono::seconds(1));
    attributor.sample();
    const MeasuredShares shares = attributor.finish(std::nullopt);
    // GPU-a: 0.6 s + 0.3 x 2 s of 0.8 s + 0.4 x 2 s.
    EXPECT_NEAR(shares.gpu.at("GPU-a").best, 1.2 / 1.6, 1e-12);
    EXPECT_EQ(shares.gpu.at("GPU-b").best, 0);
    EXPECT_NEAR(*shares.gpu_share, 1.2 / 2.1, 1e-12);
    EXPECT_FALSE(shares.gpu_reason.has_value());
}

TEST_F(AttributorTest, DriverThatCannotTellLeavesWholeDevices) {
    auto reader = std::make_unique<FakeGpuReader>(std::deque<Result<std::vector<GpuProcessUse>>>{
        FINEWATT_ERROR(kUnsupported, "no utilisation by process")});
    Attributor attributor = prepare(std::move(reader));
    attributor.start(kRun, false);
    const MeasuredShares shares = attributor.finish(std::nullopt);
    EXPECT_TRUE(shares.gpu.empty());
    EXPECT_THAT(shares.gpu_reason.value_or(""), HasSubstr("no utilisation by process"));
}

TEST(AttributorReal, CommandThatCannotStartInAGroupIsNamed) {
    const SystemClock clock;
    const Attributor attributor = Attributor::prepare(
        SysRoot(), fmt::format("attributor-test-{}", ::getpid()), nullptr, "", clock);
    if (!attributor.cgroup_fd()) {
        GTEST_SKIP() << "no control group (v2) can be made here";
    }
    sigset_t none;
    sigemptyset(&none);
    EXPECT_ERROR(kNotFound,
                 Workload::start({"no-such-program-here"}, {}, none, attributor.cgroup_fd()),
                 "command 'no-such-program-here' cannot be started");
}

TEST(AttributorReal, RunOfTheRealMachineHasWhatWaitingGives) {
    const SystemClock clock;
    Attributor attributor = Attributor::prepare(
        SysRoot(), fmt::format("attributor-test-{}", ::getpid()), nullptr, "", clock);
    sigset_t none;
    sigemptyset(&none);
    ASSERT_OK_AND_ASSIGN(
        Workload workload,
        Workload::start({"sh", "-c",
                         "work() { j=0; while [ $j -lt 60000 ]; do j=$((j+1)); done; }\n"
                         "for i in 1 2 3; do (work); done; work"},
                        {}, none, attributor.cgroup_fd()));
    attributor.start(workload.pid(), workload.is_in_cgroup());
    while (!workload.has_ended()) {
        attributor.sample();
    }
    attributor.sample();
    ASSERT_OK_AND_ASSIGN(const auto end, workload.poll_end());
    ASSERT_TRUE(end.has_value());
    const MeasuredShares shares = attributor.finish(end->cpu_s);
    EXPECT_EQ(shares.method, workload.is_in_cgroup() ? "cgroup" : "process-tree");
    // Ticks of 10 ms, of each of four numbers; the group counts the start of the child too.
    EXPECT_NEAR(*shares.cpu_s, end->cpu_s, 0.05);
    const auto share = cpu_share_of(shares);
    ASSERT_TRUE(share.has_value());
    EXPECT_LE(share->low, share->best);
    EXPECT_LE(share->best, share->high);
    EXPECT_GT(share->best, 0);
}

}  // namespace
}  // namespace finewatt
