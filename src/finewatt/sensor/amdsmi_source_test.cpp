#include "finewatt/sensor/gpu_amd_internal.h"
#include "finewatt/sensor/gpu_probe_internal.h"
#include "finewatt/sensor/testing_stub/amdsmi_stub.h"
#include "finewatt/sensor/testing_stub/stub_library.h"
#include "finewatt/testing/fake_machine.h"
#include "finewatt/testing/matchers.h"

#include <limits>

namespace finewatt {
namespace {

using testing::channel_ids;
using ::testing::ElementsAre;
using testing::FakeMachine;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::poll_all;

constexpr unsigned kNotSupported = 2;
constexpr unsigned kTimeout = 8;
constexpr unsigned kRetryCode = 9;
constexpr unsigned kNoPermission = 10;

/// The number of a card at bus `bus`; partitions count from 0.
std::uint64_t bdfid(unsigned bus, unsigned partition = 0) {
    return (std::uint64_t{partition} << 28) | (bus << 8);
}

/// A machine with one card whose counter and power work.
class AmdSmiSourceTest : public ::testing::Test {
  protected:
    AmdSmiSourceTest() {
        machine_.tree.write("/dev/kfd", "");
        machine_.environment["FINEWATT_AMDSMI_LIBRARY"] = FINEWATT_AMDSMI_STUB;
        for (unsigned i = 0; i < stub_->gpus.size(); ++i) {
            stub_->gpus[i].bdfid = bdfid(0xc1 + i);
            stub_->gpus[i].energy_ticks = 1'000'000;
            stub_->gpus[i].average_power_w = 90;
        }
    }

    GpuVendorProbe probe() { return probe_amdsmi(machine_.options()); }

    FakeMachine machine_;
    StubLibrary<amdsmi_stub::State> stub_{FINEWATT_AMDSMI_STUB, "finewatt_amdsmi_stub_state"};
};

TEST_F(AmdSmiSourceTest, WithoutADeviceNodeTheLibraryIsNotOpened) {
    FakeMachine bare;
    bare.environment["FINEWATT_AMDSMI_LIBRARY"] = FINEWATT_AMDSMI_STUB;
    const GpuVendorProbe found = probe_amdsmi(bare.options());
    EXPECT_EQ(found.reports.at(0).status, SourceStatus::kAbsent);
    EXPECT_EQ(stub_->init_flags, 0U);
}

TEST_F(AmdSmiSourceTest, AccumulatorAndPowerOfACard) {
    const GpuVendorProbe found = probe();
    ASSERT_EQ(found.sources.size(), 1U);
    EXPECT_THAT(channel_ids(found.sources[0].get()),
                ElementsAre("amdsmi:0000:c1:00.0:energy", "amdsmi:0000:c1:00.0:power"));
    const ChannelSpec& counter = found.sources[0]->channels()[0];
    EXPECT_EQ(counter.unit, "ticks");
    EXPECT_DOUBLE_EQ(counter.unit_size, 1.0 / 65536);
    EXPECT_EQ(counter.range, std::nullopt);
    EXPECT_EQ(counter.device, "0000:c1:00.0");
    EXPECT_DOUBLE_EQ(counter.max_power_w.value_or(0), 600);
    const std::vector<Reading> readings = poll_all(*found.sources[0]);
    EXPECT_EQ(readings[0].raw, 1'000'000U);
    EXPECT_EQ(readings[1].raw, 90U);
    EXPECT_EQ(stub_->init_flags, 2U) << "GPUs only";
    EXPECT_EQ(found.gpus.at(0).name, "AMD Instinct MI210");
}

TEST_F(AmdSmiSourceTest, EachLibraryMajorHasItsOwnPowerStructure) {
    for (const unsigned major : {24U, 25U, 26U}) {
        stub_->major = major;
        stub_->gpus[0].current_power_w = 431;
        stub_->gpus[0].power_limit = 750;
        const GpuVendorProbe found = probe();
        ASSERT_EQ(found.sources.size(), 1U);
        EXPECT_EQ(poll_all(*found.sources[0])[1].raw, 431U) << major;
        EXPECT_DOUBLE_EQ(found.sources[0]->channels()[0].max_power_w.value_or(0), 1500) << major;
    }
}

TEST_F(AmdSmiSourceTest, AnUnknownMajorIsNotAskedForStructures) {
    stub_->major = 27;
    const GpuVendorProbe found = probe();
    EXPECT_THAT(channel_ids(found.sources.at(0).get()), ElementsAre("amdsmi:0000:c1:00.0:energy"));
    EXPECT_EQ(stub_->power_calls, 0);
}

TEST_F(AmdSmiSourceTest, ALimitInMicrowattsIsUnderstood) {
    stub_->major = 26;
    stub_->gpus[0].power_limit = 350'000'000;
    const GpuVendorProbe found = probe();
    EXPECT_DOUBLE_EQ(found.sources.at(0)->channels()[0].max_power_w.value_or(0), 700);
}

TEST_F(AmdSmiSourceTest, TheSecondDieBelongsToTheFirst) {
    stub_->count = 2;
    stub_->gpus[1].energy_ticks = 0;
    stub_->gpus[1].average_power_w = 0;
    const GpuVendorProbe found = probe();
    EXPECT_THAT(channel_ids(found.sources.at(0).get()),
                ElementsAre("amdsmi:0000:c1:00.0:energy", "amdsmi:0000:c1:00.0:power"));
    EXPECT_THAT(found.reports.at(0).why, HasSubstr("0000:c2:00.0 is the second die of"));
    EXPECT_THAT(found.unread, IsEmpty());
    EXPECT_EQ(found.gpus.size(), 2U);
}

TEST_F(AmdSmiSourceTest, AFailedReadDoesNotMakeASecondDie) {
    stub_->count = 2;
    stub_->gpus[1].energy_code = kTimeout;
    stub_->gpus[1].power_code = kTimeout;
    EXPECT_EQ(channel_ids(probe().sources.at(0).get()).size(), 4U);
}

TEST_F(AmdSmiSourceTest, PartitionsOfACardAreCountedOnce) {
    stub_->count = 2;
    stub_->gpus[0].bdfid = bdfid(0xc1, 1);
    stub_->gpus[1].bdfid = bdfid(0xc1, 0);
    stub_->gpus[1].energy_ticks = 5;
    const GpuVendorProbe found = probe();
    ASSERT_EQ(channel_ids(found.sources.at(0).get()).size(), 2U);
    EXPECT_EQ(poll_all(*found.sources[0])[0].raw, 5U) << "partition 0";
    EXPECT_THAT(found.reports.at(0).why, HasSubstr("partition 1"));
}

TEST_F(AmdSmiSourceTest, GraphicsInAProcessorIsPartOfItsPackage) {
    const std::string device = "/sys/class/drm/card0/device/";
    machine_.tree.write(device + "vendor", "0x1002\n");
    machine_.tree.write(device + "uevent", "PCI_SLOT_NAME=0000:c1:00.0\n");
    machine_.tree.write(device + "hwmon/hwmon2/power1_input", "15000000\n");
    const GpuVendorProbe part = probe();
    EXPECT_THAT(part.sources, IsEmpty());
    EXPECT_THAT(part.unread, IsEmpty());
    EXPECT_THAT(part.reports.at(0).why, HasSubstr("package contains it"));
    machine_.tree.write(device + "hwmon/hwmon2/power1_cap", "300000000\n");
    EXPECT_EQ(probe().sources.size(), 1U) << "a card has a power cap";
}

TEST_F(AmdSmiSourceTest, ACounterThatRunsBackwardsIsHandedOnForTheMeterToRefuse) {
    const GpuVendorProbe found = probe();
    stub_->gpus[0].energy_ticks = 10;
    const Reading reading = poll_all(*found.sources.at(0))[0];
    EXPECT_EQ(reading.raw, 10U);
    EXPECT_EQ(reading.outcome, PollOutcome::kOk);
}

TEST_F(AmdSmiSourceTest, VariablesThatHideCardsAreNamedAsNotFollowed) {
    machine_.environment["HIP_VISIBLE_DEVICES"] = "0";
    EXPECT_THAT(probe().reports.at(0).why, HasSubstr("HIP_VISIBLE_DEVICES=0 is not followed"));
}

TEST_F(AmdSmiSourceTest, ACounterThatStandsAtZeroWhilePowerFlowsIsNotUsed) {
    stub_->gpus[0].energy_ticks = 0;
    const GpuVendorProbe found = probe();
    ASSERT_THAT(channel_ids(found.sources.at(0).get()), ElementsAre("amdsmi:0000:c1:00.0:power"));
    EXPECT_THAT(found.sources[0]->channels()[0].reason, HasSubstr("reads 0"));
}

TEST_F(AmdSmiSourceTest, AGuestWithoutAnyReadingIsUnread) {
    stub_->gpus[0].energy_code = kNotSupported;
    stub_->gpus[0].power_code = kNotSupported;
    const GpuVendorProbe found = probe();
    EXPECT_THAT(found.sources, IsEmpty());
    ASSERT_EQ(found.unread.size(), 1U);
    EXPECT_THAT(found.unread[0].reason, HasSubstr("Feature not supported"));
    EXPECT_EQ(found.reports.at(0).status, SourceStatus::kBroken);
}

TEST_F(AmdSmiSourceTest, GarbageIsNotUsed) {
    stub_->gpus[0].resolution_uj = std::numeric_limits<float>::quiet_NaN();
    stub_->gpus[0].average_power_w = 65'535;
    EXPECT_THAT(probe().sources, IsEmpty());
}

TEST_F(AmdSmiSourceTest, CodesBecomeOutcomes) {
    const std::vector<std::tuple<unsigned, PollOutcome, std::string>> expected{
        {kTimeout, PollOutcome::kRetry, "ETIMEDOUT"},
        {kRetryCode, PollOutcome::kRetry, "EAGAIN"},
        {12, PollOutcome::kRetry, "EIO"},
        {kNoPermission, PollOutcome::kGone, "GONE"},
        {34, PollOutcome::kGone, "GONE"},
    };
    for (const auto& [code, outcome, name] : expected) {
        stub_->gpus[0].energy_code = 0;
        const GpuVendorProbe found = probe();
        stub_->gpus[0].energy_code = code;
        const Reading reading = poll_all(*found.sources.at(0))[0];
        EXPECT_EQ(reading.outcome, outcome) << code;
        EXPECT_EQ(reading.error, name) << code;
    }
}

TEST_F(AmdSmiSourceTest, AFailedStartSaysWhy) {
    stub_->init_code = kNoPermission;
    const GpuVendorProbe denied = probe();
    EXPECT_EQ(denied.reports.at(0).status, SourceStatus::kDenied);
    EXPECT_THAT(denied.reports.at(0).fix, HasSubstr("groups render and video"));
    machine_.environment["FINEWATT_AMDSMI_LIBRARY"] = "/nonexistent/libamd_smi.so";
    EXPECT_EQ(probe().reports.at(0).status, SourceStatus::kAbsent);
}

TEST_F(AmdSmiSourceTest, TheLibraryIsShutDownWithTheSource) {
    { const GpuVendorProbe found = probe(); }
    EXPECT_EQ(stub_->shutdowns, 1);
}

TEST(JoulesPerTick, TheKernelsTickIsMeantByBothNumbersOfTheLibraries) {
    EXPECT_DOUBLE_EQ(joules_per_tick(15.3).value_or(0), 1.0 / 65536);
    EXPECT_DOUBLE_EQ(joules_per_tick(15.259).value_or(0), 1.0 / 65536);
    EXPECT_DOUBLE_EQ(joules_per_tick(1).value_or(0), 1e-6);
    EXPECT_EQ(joules_per_tick(0), std::nullopt);
    EXPECT_EQ(joules_per_tick(-1), std::nullopt);
}

}  // namespace
}  // namespace finewatt
