#include "finewatt/study/calibrate_run.h"

#include "finewatt/study/calibration_test_internal.h"
#include "finewatt/testing/fake_machine.h"
#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

#include <thread>

namespace finewatt {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

/// Sets the power of a machine for as long as it lives.
class PowerLoad : public Load {
  public:
    PowerLoad(LoadedMachine& machine, double power_w, Status status)
        : machine_(machine),
          status_(std::move(status)) {
        machine_.set_power(power_w);
    }

    PowerLoad(const PowerLoad&) = delete;
    PowerLoad& operator=(const PowerLoad&) = delete;

    ~PowerLoad() override { machine_.set_power(20); }

    Status check() override { return status_; }

  private:
    LoadedMachine& machine_;
    Status status_;
};

class CalibrateRun : public ::testing::Test {
  protected:
    CalibrateRun() : machine_(clock_) {
        // Two processors that do nothing.
        fake_.write_processors("Test CPU", 2, 2);
        plan_.root = SysRoot(fake_.tree.path());
        plan_.kinds = {"idle", "cpu", "gpu"};
        plan_.duration = std::chrono::milliseconds(120);
        plan_.settle = std::chrono::milliseconds(20);
        plan_.interval = std::chrono::milliseconds(2);
    }

    Result<LoadRecording> record(double gain, std::size_t stop_after = 1000) {
        std::vector<std::unique_ptr<Source>> sources;
        sources.push_back(
            std::make_unique<LoadedSource>(machine_, clock_, "pkg", Domain::kPackage, 1, 1));
        std::vector<WallMeter> wall;
        wall.push_back(
            {std::make_unique<LoadedSource>(machine_, clock_, "plug", Domain::kNode, gain, 1),
             update_s_});
        const LoadFactory loads = [this](std::string_view kind) -> Result<std::unique_ptr<Load>> {
            if (kind == "gpu") {
                return FINEWATT_ERROR(kUnsupported, "no GPU here");
            }
            const Status status =
                kind == failing_kind_ ? Status(FINEWATT_ERROR(kIo, "it ended")) : Status();
            return std::make_unique<PowerLoad>(machine_, kind == "idle" ? 20 : 120, status);
        };
        std::size_t waits = 0;
        return record_loads(std::move(sources), std::move(wall), plan_, loads, clock_,
                            [this, &waits, stop_after](std::chrono::nanoseconds time) {
                                std::this_thread::sleep_for(time);
                                if (is_busy_meanwhile_) {
                                    fake_.tree.write("/proc/stat",
                                                     testing::stat_text(busy_ticks_ += 20));
                                }
                                return ++waits <= stop_after;
                            });
    }

    SystemClock clock_;
    testing::FakeMachine fake_;
    LoadedMachine machine_;
    LoadPlan plan_;
    std::uint64_t busy_ticks_ = 1000;
    bool is_busy_meanwhile_ = false;
    std::string failing_kind_;
    std::optional<double> update_s_;
};

TEST_F(CalibrateRun, CoefficientComesOutOfLoadsAndReadings) {
    ASSERT_OK_AND_ASSIGN(const LoadRecording recording, record(1.09));
    EXPECT_EQ(recording.windows.size(), 6U);
    ASSERT_OK_AND_ASSIGN(const WallCalibration calibration, calibration_of(recording));
    ASSERT_EQ(calibration.coefficients.size(), 3U);
    // Windows of 0.12 s on a busy test machine: an edge may be a few milliseconds off.
    EXPECT_NEAR(calibration.coefficients[0].coefficient, 1.09, 0.06);
    EXPECT_EQ(calibration.coefficients[0].kind, "all");
    EXPECT_NEAR(calibration.coefficients[2].power_software.as_watts(), 120, 20);
    ASSERT_TRUE(calibration.idle_wall.has_value());
    EXPECT_NEAR(calibration.idle_wall->as_watts(), 20 * 1.09, 6);
    EXPECT_EQ(calibration.pairs.size(), 6U);
    EXPECT_THAT(calibration.notes, Contains(HasSubstr("gpu load skipped: no GPU here")));
}

TEST_F(CalibrateRun, LoadThatEndsByItselfIsSkippedWithTheReason) {
    failing_kind_ = "cpu";
    ASSERT_OK_AND_ASSIGN(const LoadRecording recording, record(1.09));
    EXPECT_THAT(recording.notes, Contains(HasSubstr("cpu load skipped: it ended")));
    ASSERT_OK_AND_ASSIGN(const WallCalibration calibration, calibration_of(recording));
    for (const CalibrationPair& pair : calibration.pairs) {
        EXPECT_EQ(pair.kind, "idle");
    }
}

TEST_F(CalibrateRun, ShortWindowsAreRefusedWithTheReason) {
    plan_.duration = std::chrono::milliseconds(20);
    plan_.repeats = 3;
    ASSERT_OK_AND_ASSIGN(const LoadRecording recording, record(1.09));
    EXPECT_ERROR(kInvalidArgument, calibration_of(recording), "expected 100 readings of the meter");
}

TEST_F(CalibrateRun, RenewalThatTheUserStatesCountsReadings) {
    update_s_ = 0.01;
    ASSERT_OK_AND_ASSIGN(const LoadRecording recording, record(1.09));
    EXPECT_EQ(recording.wall.at(0).update_ms, 10);
    EXPECT_ERROR(kInvalidArgument, calibration_of(recording), "found 1");
}

TEST_F(CalibrateRun, IdleWindowOfABusyMachineIsNoted) {
    is_busy_meanwhile_ = true;
    ASSERT_OK_AND_ASSIGN(const LoadRecording recording, record(1.09));
    EXPECT_THAT(recording.notes, Contains(HasSubstr("idle window 1 was not at rest")));
    is_busy_meanwhile_ = false;
    ASSERT_OK_AND_ASSIGN(const LoadRecording quiet, record(1.09));
    EXPECT_THAT(quiet.notes, Not(Contains(HasSubstr("not at rest"))));
}

TEST_F(CalibrateRun, StoppedByTheUserIsCancelled) {
    EXPECT_ERROR(kCancelled, record(1.09, 3), "nothing is kept");
}

TEST_F(CalibrateRun, WithoutAWallMeterNothingIsDriven) {
    EXPECT_ERROR(kInvalidArgument,
                 record_loads({}, {}, plan_, LoadFactory(), clock_, [](auto) { return true; }),
                 "--wall");
}

ChannelSpec outlet(const std::string& id, ChannelKind kind, const std::string& device) {
    ChannelSpec spec;
    spec.id = id;
    spec.kind = kind;
    spec.domain = Domain::kNode;
    spec.device = device;
    spec.update_ms = kind == ChannelKind::kGauge ? 1000.0 : 2000.0;
    return spec;
}

TEST(WallPower, OutletsOfAMachineAddUp) {
    PowerSeries a{"a/power", "node", "derived", {1, 2, 3, 4}, {100, 100, 200, 200}};
    PowerSeries b{"b/power", "node", "derived", {1, 2, 3, 4}, {50, 50, 50, 60}};
    ASSERT_OK_AND_ASSIGN(const WallPower power,
                         wall_power({outlet("a/power", ChannelKind::kGauge, "a"),
                                     outlet("b/power", ChannelKind::kGauge, "b")},
                                    {a, b}));
    EXPECT_EQ(power.spacing_s, 1);
    EXPECT_NEAR(power.curve.over(0, 4).energy_j, 600 + 210, 1e-9);
}

TEST(WallPower, OneChannelPerOutletCounts) {
    PowerSeries gauge{"a/power", "node", "derived", {1, 2, 3, 4}, {100, 100, 100, 100}};
    PowerSeries counter{"a/energy", "node", "measured", {2, 4}, {101, 101}};
    ASSERT_OK_AND_ASSIGN(const WallPower power,
                         wall_power({outlet("a/power", ChannelKind::kGauge, "a"),
                                     outlet("a/energy", ChannelKind::kCounter, "a")},
                                    {gauge, counter}));
    EXPECT_NEAR(power.curve.over(0, 4).energy_j, 404, 1e-9);
    EXPECT_EQ(power.spacing_s, 2);
}

TEST(WallPower, SilentMeterIsNamed) {
    EXPECT_ERROR(kInvalidArgument, wall_power({outlet("a/power", ChannelKind::kGauge, "a")}, {}),
                 "a/power");
}

}  // namespace
}  // namespace finewatt
