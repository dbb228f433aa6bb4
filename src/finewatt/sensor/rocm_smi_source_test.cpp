#include "finewatt/sensor/gpu_probe_internal.h"
#include "finewatt/sensor/testing_stub/rocm_smi_stub.h"
#include "finewatt/sensor/testing_stub/stub_library.h"
#include "finewatt/testing/fake_machine.h"
#include "finewatt/testing/matchers.h"

namespace finewatt {
namespace {

using testing::channel_ids;
using ::testing::ElementsAre;
using testing::FakeMachine;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::poll_all;

/// A machine with one card whose counter and power work.
class RocmSmiSourceTest : public ::testing::Test {
  protected:
    RocmSmiSourceTest() {
        machine_.tree.write("/dev/kfd", "");
        machine_.environment["FINEWATT_ROCM_SMI_LIBRARY"] = FINEWATT_ROCM_SMI_STUB;
        stub_->gpus[0] = {0x4300, 0, 4'000'000, 15.3F, 0, 87'654'321, 290'000'000};
    }

    GpuVendorProbe probe() { return probe_rocm_smi(machine_.options()); }

    FakeMachine machine_;
    StubLibrary<rocm_smi_stub::State> stub_{FINEWATT_ROCM_SMI_STUB, "finewatt_rocm_smi_stub_state"};
};

TEST_F(RocmSmiSourceTest, AccumulatorAndAveragePowerOfACard) {
    const GpuVendorProbe found = probe();
    ASSERT_EQ(found.sources.size(), 1U);
    EXPECT_THAT(channel_ids(found.sources[0].get()),
                ElementsAre("rocm-smi:0000:43:00.0:energy", "rocm-smi:0000:43:00.0:power"));
    const std::vector<Reading> readings = poll_all(*found.sources[0]);
    EXPECT_EQ(readings[0].raw, 4'000'000U);
    EXPECT_EQ(readings[1].raw, 87'654U) << "microwatts become milliwatts";
    EXPECT_EQ(found.sources[0]->channels()[1].unit, "mW");
    EXPECT_DOUBLE_EQ(found.sources[0]->channels()[0].max_power_w.value_or(0), 580);
    EXPECT_EQ(found.gpus.at(0).uuid, "GPU-18f68e602b8a790f");
}

TEST_F(RocmSmiSourceTest, CodesBecomeOutcomes) {
    const std::vector<std::tuple<unsigned, PollOutcome, std::string>> expected{
        {16, PollOutcome::kRetry, "EAGAIN"},
        {3, PollOutcome::kRetry, "EIO"},
        {2, PollOutcome::kGone, "GONE"},
        {4, PollOutcome::kGone, "GONE"},
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

TEST_F(RocmSmiSourceTest, ACardWithoutAnyReadingIsUnread) {
    stub_->gpus[0].energy_code = 2;
    stub_->gpus[0].power_code = 2;
    const GpuVendorProbe found = probe();
    EXPECT_THAT(found.sources, IsEmpty());
    ASSERT_EQ(found.unread.size(), 1U);
    EXPECT_THAT(found.unread[0].reason, HasSubstr("RSMI_STATUS_NOT_SUPPORTED"));
    EXPECT_DOUBLE_EQ(found.unread[0].limit_w.value_or(0), 290);
}

TEST_F(RocmSmiSourceTest, AFailedStartIsReportedAndTheLibraryIsShutDownOnlyOnce) {
    stub_->init_code = 8;
    EXPECT_EQ(probe().reports.at(0).status, SourceStatus::kBroken);
    EXPECT_EQ(stub_->shutdowns, 0);
    stub_->init_code = 0;
    { const GpuVendorProbe found = probe(); }
    EXPECT_EQ(stub_->shutdowns, 1);
}

}  // namespace
}  // namespace finewatt
