#include "finewatt/study/calibrate_idle.h"

#include "finewatt/study/calibration_test_internal.h"
#include "finewatt/testing/fake_machine.h"
#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

#include <thread>

namespace finewatt {
namespace {

using ::testing::HasSubstr;

/// A machine with two processors and a package counter. The meter samples on a thread of its own,
/// so the real clock runs, for fractions of a second.
class CalibrateIdle : public ::testing::Test {
  protected:
    CalibrateIdle() : machine_(clock_) {
        fake_.write_processors("Test CPU", 2, 2);
        machine_.set_power(20);
        options_.duration = std::chrono::milliseconds(300);
        options_.interval = std::chrono::milliseconds(5);
    }

    std::vector<std::unique_ptr<Source>> sources() {
        std::vector<std::unique_ptr<Source>> list;
        list.push_back(
            std::make_unique<LoadedSource>(machine_, clock_, "pkg", Domain::kPackage, 1, 1));
        return list;
    }

    Result<IdleBaseline> measure(int busy_ticks_each_wait = 0) {
        const DiscoveryOptions sensors{.root = SysRoot(fake_.tree.path()), .clock = clock_};
        return measure_idle(
            sources(), sensors, {}, options_,
            [this, busy_ticks_each_wait](std::chrono::nanoseconds time) {
                // The first look takes a second of its own; it is shortened here.
                std::this_thread::sleep_for(
                    std::min<std::chrono::nanoseconds>(time, std::chrono::milliseconds(300)));
                busy_ticks_ += busy_ticks_each_wait;
                fake_.tree.write("/proc/stat", testing::stat_text(
                                                   static_cast<std::uint64_t>(1000 + busy_ticks_)));
                return !is_stopped_;
            });
    }

    SystemClock clock_;
    testing::FakeMachine fake_;
    LoadedMachine machine_;
    IdleOptions options_;
    int busy_ticks_ = 0;
    bool is_stopped_ = false;
};

TEST_F(CalibrateIdle, MeanPowerOfEachChannelIsKeptWithItsRange) {
    ASSERT_OK_AND_ASSIGN(const IdleBaseline baseline, measure());
    ASSERT_EQ(baseline.channels.size(), 1U);
    const ChannelIdle& idle = baseline.channels[0];
    EXPECT_EQ(idle.source, "pkg");
    EXPECT_NEAR(idle.power.as_watts(), 20, 1);
    EXPECT_LE(idle.power_low, idle.power);
    EXPECT_GE(idle.power_high, idle.power);
    EXPECT_EQ(baseline.machine.cpu_model, "Test CPU");
    EXPECT_EQ(baseline.machine.sources, std::vector<std::string>{"pkg"});
    EXPECT_EQ(baseline.busy_share, 0);
    EXPECT_TRUE(baseline.notes.empty());
}

TEST_F(CalibrateIdle, BusyMachineIsRefusedWithItsLoad) {
    // /proc/stat counts two busy columns; 60 ticks in 0.3 s of two processors.
    EXPECT_ERROR(kBusy, measure(30), "% of the time");
}

TEST_F(CalibrateIdle, ForcedOnABusyMachineItNotesTheLoad) {
    options_.is_forced = true;
    ASSERT_OK_AND_ASSIGN(const IdleBaseline baseline, measure(30));
    ASSERT_FALSE(baseline.notes.empty());
    EXPECT_THAT(baseline.notes.back(), HasSubstr("not at rest"));
    EXPECT_GT(*baseline.busy_share, kIdleBusyShare);
}

TEST_F(CalibrateIdle, UnknownLoadIsNoted) {
    std::filesystem::remove(fake_.tree.path() / "proc/cpuinfo");
    ASSERT_OK_AND_ASSIGN(const IdleBaseline baseline, measure());
    EXPECT_FALSE(baseline.busy_share.has_value());
    EXPECT_THAT(baseline.notes, ::testing::Contains(HasSubstr("at rest is unknown")));
}

TEST_F(CalibrateIdle, StoppedByTheUserLeavesNothing) {
    is_stopped_ = true;
    EXPECT_ERROR(kCancelled, measure(), "stopped");
}

TEST_F(CalibrateIdle, NoChannelIsUnsupported) {
    const DiscoveryOptions sensors{.root = SysRoot(fake_.tree.path()), .clock = clock_};
    EXPECT_ERROR(kUnsupported, measure_idle({}, sensors, {}, options_, [](auto) { return true; }),
                 "doctor");
}

TEST(IdleOf, RangeHoldsThePartsOfTheTime) {
    ComponentEnergy component;
    component.source = "pkg";
    component.energy = joules(6000);
    component.energy_low = joules(5990);
    component.energy_high = joules(6010);
    PowerSeries series;
    series.channel = "pkg";
    for (int i = 1; i <= 60; ++i) {
        series.t_s.push_back(i);
        series.power_w.push_back(i <= 10 ? 150 : 90);
    }
    const ChannelIdle idle = idle_of(component, 60, {series});
    EXPECT_DOUBLE_EQ(idle.power.as_watts(), 100);
    EXPECT_NEAR(idle.power_low.as_watts(), 90, 1e-9);
    EXPECT_NEAR(idle.power_high.as_watts(), 150, 1e-9);
}

}  // namespace
}  // namespace finewatt
