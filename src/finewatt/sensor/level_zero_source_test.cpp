#include "finewatt/sensor/gpu_probe_internal.h"
#include "finewatt/sensor/level_zero_library_internal.h"
#include "finewatt/sensor/testing_stub/level_zero_stub.h"
#include "finewatt/sensor/testing_stub/stub_library.h"
#include "finewatt/testing/fake_machine.h"
#include "finewatt/testing/matchers.h"

#include <cstddef>

namespace finewatt {
namespace {

using testing::channel_ids;
using ::testing::ElementsAre;
using testing::FakeMachine;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::poll_all;

// Sizes and offsets that level_zero 1.8's headers give on x86-64 and aarch64.
static_assert(sizeof(level_zero::CoreDeviceProperties) == 368);
static_assert(sizeof(level_zero::DeviceProperties) == 776);
static_assert(sizeof(level_zero::PciProperties) == 56);
static_assert(sizeof(level_zero::PowerProperties) == 40);
static_assert(sizeof(level_zero::PowerExtProperties) == 32);

constexpr unsigned kUnsupportedFeature = 0x78000003;
constexpr unsigned kDeviceLost = 0x70000001;
constexpr unsigned kNoRights = 0x70010000;

/// A machine with one Intel card that has a card-level counter.
class LevelZeroSourceTest : public ::testing::Test {
  protected:
    LevelZeroSourceTest() {
        machine_.tree.write("/dev/dri/renderD128", "");
        write_card("renderD128", "0000:3a:00.0");
        machine_.environment["FINEWATT_LEVEL_ZERO_LIBRARY"] = FINEWATT_LEVEL_ZERO_STUB;
        stub_->devices[0].bus = 0x3a;
        stub_->devices[0].domains[0].energy_uj = 123'456'789;
        stub_->devices[0].domains[0].default_limit_mw = 300'000;
    }

    void write_card(const std::string& node, const std::string& address) {
        const std::string device = "/sys/class/drm/" + node + "/device/";
        machine_.tree.write(device + "vendor", "0x8086\n");
        machine_.tree.write(device + "uevent", "DRIVER=i915\nPCI_SLOT_NAME=" + address + "\n");
    }

    GpuVendorProbe probe() { return probe_level_zero(machine_.options()); }

    FakeMachine machine_;
    StubLibrary<level_zero_stub::State> stub_{FINEWATT_LEVEL_ZERO_STUB,
                                              "finewatt_level_zero_stub_state"};
};

TEST_F(LevelZeroSourceTest, CardCounterInMicrojoules) {
    const GpuVendorProbe found = probe();
    ASSERT_EQ(found.sources.size(), 1U);
    EXPECT_THAT(channel_ids(found.sources[0].get()), ElementsAre("level-zero:0000:3a:00.0:energy"));
    const ChannelSpec& counter = found.sources[0]->channels()[0];
    EXPECT_EQ(counter.unit, "uJ");
    EXPECT_EQ(counter.device, "0000:3a:00.0");
    EXPECT_DOUBLE_EQ(counter.max_power_w.value_or(0), 600);
    EXPECT_EQ(poll_all(*found.sources[0])[0].raw, 123'456'789U);
    EXPECT_EQ(found.gpus.at(0).driver, "23.30");
}

TEST_F(LevelZeroSourceTest, TheLibraryIsNotOpenedWithoutAnIntelCard) {
    FakeMachine bare;
    bare.environment["FINEWATT_LEVEL_ZERO_LIBRARY"] = FINEWATT_LEVEL_ZERO_STUB;
    EXPECT_EQ(probe_level_zero(bare.options()).reports.at(0).status, SourceStatus::kAbsent);
    bare.tree.write("/dev/dri/renderD128", "");
    bare.tree.write("/sys/class/drm/renderD128/device/vendor", "0x8086\n");
    bare.tree.write("/sys/class/drm/renderD128/device/uevent", "PCI_SLOT_NAME=0000:00:02.0\n");
    EXPECT_THAT(probe_level_zero(bare.options()).reports.at(0).why, HasSubstr("processor"));
    EXPECT_EQ(stub_->inits, 0);
}

TEST_F(LevelZeroSourceTest, WithoutACardDomainTheWidestOfTheDeviceCounts) {
    level_zero_stub::Device& device = stub_->devices[0];
    device.has_card_domain = false;
    device.domain_count = 3;
    device.domains[0] = {.energy_uj = 1, .kind = 2};                           // package
    device.domains[1] = {.energy_uj = 2, .kind = 1};                           // card
    device.domains[2] = {.energy_uj = 3, .kind = 3, .is_on_subdevice = true};  // stack
    const GpuVendorProbe found = probe();
    ASSERT_EQ(found.sources.at(0)->channels().size(), 1U);
    EXPECT_EQ(poll_all(*found.sources[0])[0].raw, 2U);
}

TEST_F(LevelZeroSourceTest, TilesAreAddedOnlyWhereTheCardShowsNothing) {
    level_zero_stub::Device& device = stub_->devices[0];
    device.domain_count = 3;
    device.domains[0].energy_code = kUnsupportedFeature;
    device.domains[1] = {.energy_uj = 11, .is_on_subdevice = true, .subdevice = 0};
    device.domains[2] = {.energy_uj = 12, .is_on_subdevice = true, .subdevice = 1};
    const GpuVendorProbe found = probe();
    EXPECT_THAT(channel_ids(found.sources.at(0).get()),
                ElementsAre("level-zero:0000:3a:00.0/tile0:energy",
                            "level-zero:0000:3a:00.0/tile1:energy"));
    EXPECT_THAT(found.sources[0]->channels()[0].reason, HasSubstr("beside its tiles is missing"));
}

TEST_F(LevelZeroSourceTest, GraphicsInAProcessorIsPartOfItsPackage) {
    stub_->devices[0].flags = 1;
    const GpuVendorProbe found = probe();
    EXPECT_THAT(found.sources, IsEmpty());
    EXPECT_THAT(found.unread, IsEmpty());
    EXPECT_THAT(found.reports.at(0).why, HasSubstr("package contains it"));
}

TEST_F(LevelZeroSourceTest, OtherDevicesAndRepeatedCardsAreLeftOut) {
    stub_->count = 3;
    stub_->devices[1].bus = 0x3a;
    stub_->devices[2].bus = 0x3b;
    stub_->devices[2].type = 5;  // ZE_DEVICE_TYPE_VPU
    const GpuVendorProbe found = probe();
    EXPECT_EQ(found.sources.at(0)->channels().size(), 1U);
    EXPECT_EQ(found.gpus.size(), 1U);
}

TEST_F(LevelZeroSourceTest, ACounterWithoutRightsIsUnreadWithAdvice) {
    stub_->devices[0].domains[0].energy_code = kNoRights;
    const GpuVendorProbe found = probe();
    EXPECT_THAT(found.sources, IsEmpty());
    ASSERT_EQ(found.unread.size(), 1U);
    EXPECT_THAT(found.unread[0].reason, HasSubstr("insufficient permissions"));
    EXPECT_THAT(found.reports.at(0).fix, HasSubstr("group render"));
}

TEST_F(LevelZeroSourceTest, ALostDeviceIsGone) {
    const GpuVendorProbe found = probe();
    stub_->devices[0].domains[0].energy_code = kDeviceLost;
    EXPECT_EQ(poll_all(*found.sources.at(0))[0].outcome, PollOutcome::kGone);
}

TEST_F(LevelZeroSourceTest, AFailedStartSaysWhy) {
    stub_->init_code = 0x78000001;
    const GpuVendorProbe found = probe();
    EXPECT_EQ(found.reports.at(0).status, SourceStatus::kBroken);
    EXPECT_THAT(found.failure.value_or(""), HasSubstr("no driver for Intel GPUs"));
}

}  // namespace
}  // namespace finewatt
