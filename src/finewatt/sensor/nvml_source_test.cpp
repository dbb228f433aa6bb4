#include "finewatt/sensor/gpu_probe_internal.h"
#include "finewatt/sensor/testing_stub/nvml_stub.h"
#include "finewatt/sensor/testing_stub/stub_library.h"
#include "finewatt/testing/fake_machine.h"
#include "finewatt/testing/matchers.h"

#include <chrono>
#include <limits>

namespace finewatt {
namespace {

using testing::channel_ids;
using ::testing::ElementsAre;
using testing::FakeMachine;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::poll_all;

// Sizes of the vendor's structures on 64-bit machines, as nvidia-ml-py 13.615.71 declares them.
static_assert(sizeof(nvml::FieldValue) == 40);
static_assert(sizeof(nvml::Sample) == 16);
static_assert(sizeof(nvml::Utilization) == 8);
static_assert(sizeof(nvml::ProcessSample) == 32);
static_assert(sizeof(nvml::PciInfo) == 68);

constexpr int kNotSupported = 3;
constexpr int kNoPermission = 4;
constexpr int kTimeout = 10;
constexpr int kGpuIsLost = 15;
constexpr int kUnknown = 999;

/// A machine whose NVML is the stub, with one GPU that has a counter and field 186.
class NvmlSourceTest : public ::testing::Test {
  protected:
    NvmlSourceTest() {
        stub_->gpus[0].name = "NVIDIA A100-PCIE-40GB";
        stub_->gpus[0].uuid = "GPU-aaaa";
        stub_->gpus[1].name = "NVIDIA A100-PCIE-40GB";
        stub_->gpus[1].uuid = "GPU-bbbb";
        machine_.tree.write("/dev/nvidiactl", "");
        machine_.environment["FINEWATT_NVML_LIBRARY"] = FINEWATT_NVML_STUB;
    }

    GpuVendorProbe probe() { return probe_nvml(machine_.options()); }

    /// The source of this name, or null.
    static Source* find(const GpuVendorProbe& probe, std::string_view name) {
        for (const auto& source : probe.sources) {
            if (source->name() == name) {
                return source.get();
            }
        }
        return nullptr;
    }

    /// Poll the first channel of a source.
    static Reading poll_first(const GpuVendorProbe& probe, std::string_view name) {
        Source* source = find(probe, name);
        return source != nullptr ? poll_all(*source).at(0) : Reading{};
    }

    FakeMachine machine_;
    StubLibrary<nvml_stub::State> stub_{FINEWATT_NVML_STUB, "finewatt_nvml_stub_state"};
};

TEST_F(NvmlSourceTest, WithoutADeviceNodeTheLibraryIsNotOpened) {
    FakeMachine bare;
    bare.environment["FINEWATT_NVML_LIBRARY"] = FINEWATT_NVML_STUB;
    const GpuVendorProbe found = probe_nvml(bare.options());
    EXPECT_THAT(found.sources, IsEmpty());
    EXPECT_EQ(found.reports.at(0).status, SourceStatus::kAbsent);
    EXPECT_EQ(stub_->inits, 0);
}

TEST_F(NvmlSourceTest, CounterAndPowerAreTwoSources) {
    stub_->gpus[0].energy_mj = 5'000'000'000'000;  // beyond 32 bits
    stub_->gpus[0].power_field_mw = 251'500;
    const GpuVendorProbe found = probe();
    EXPECT_THAT(channel_ids(find(found, "nvml")), ElementsAre("nvml:GPU-aaaa:energy"));
    EXPECT_THAT(channel_ids(find(found, "nvml-power")), ElementsAre("nvml:GPU-aaaa:power"));
    EXPECT_EQ(poll_first(found, "nvml").raw, 5'000'000'000'000U);
    EXPECT_EQ(poll_first(found, "nvml-power").raw, 251'500U);
    EXPECT_EQ(stub_->last_scope, 0U) << "the GPU, not the module that holds the CPU";
}

TEST_F(NvmlSourceTest, ChannelsSayWhatTheyAre) {
    const GpuVendorProbe found = probe();
    ASSERT_NE(find(found, "nvml"), nullptr);
    const ChannelSpec& counter = find(found, "nvml")->channels()[0];
    EXPECT_EQ(counter.kind, ChannelKind::kCounter);
    EXPECT_EQ(counter.provenance, Provenance::kMeasured);
    EXPECT_EQ(counter.device, "GPU-aaaa");
    EXPECT_EQ(counter.unit, "mJ");
    EXPECT_EQ(counter.range, std::nullopt);
    EXPECT_DOUBLE_EQ(counter.max_power_w.value_or(0), 600);  // twice the limit of 300 W
    ASSERT_NE(find(found, "nvml-power"), nullptr);
    const ChannelSpec& gauge = find(found, "nvml-power")->channels()[0];
    EXPECT_EQ(gauge.kind, ChannelKind::kGauge);
    EXPECT_EQ(gauge.provenance, Provenance::kDerived);
    EXPECT_THAT(gauge.reason, HasSubstr("not counted"));
}

TEST_F(NvmlSourceTest, AKnownBoardHasWindowPeriodAndGainError) {
    const GpuVendorProbe found = probe();
    ASSERT_EQ(found.sources.size(), 2U);
    const ChannelSpec& gauge = find(found, "nvml-power")->channels()[0];
    EXPECT_DOUBLE_EQ(gauge.update_ms.value_or(0), 104);
    EXPECT_NEAR(gauge.window_ms.value_or(0), 24, 1);
    // The table's worst error is -5.78 %: the true value is up to 1 / 0.9422 of the reading.
    EXPECT_NEAR(gauge.gain_error_high.value_or(0), 0.0613, 1e-4);
    EXPECT_DOUBLE_EQ(gauge.gain_error_low.value_or(-1), 0);
    const ChannelSpec& counter = find(found, "nvml")->channels()[0];
    EXPECT_EQ(counter.gain_error_high, gauge.gain_error_high) << "the counter has the same sensor";
    EXPECT_THAT(counter.reason, HasSubstr("sensor table: NVIDIA A100-PCIE-40GB, driver 535"));
}

TEST_F(NvmlSourceTest, AnUnknownBoardSaysSo) {
    stub_->gpus[0].name = "NVIDIA Z900";
    stub_->gpus[0].architecture = 10;
    const GpuVendorProbe found = probe();
    ASSERT_NE(find(found, "nvml-power"), nullptr);
    const ChannelSpec& gauge = find(found, "nvml-power")->channels()[0];
    EXPECT_EQ(gauge.window_ms, std::nullopt);
    EXPECT_EQ(gauge.gain_error_high, std::nullopt);
    EXPECT_THAT(gauge.reason, HasSubstr("no board like it"));
}

/// The clock of the test that times the counter's call; the stub's hook has no argument.
testing::ManualClock* timed_clock = nullptr;

void let_a_millisecond_pass() {
    timed_clock->advance(std::chrono::milliseconds(1));
}

TEST_F(NvmlSourceTest, ASlowCounterIsReadOnceASecondAndPowerEachRound) {
    timed_clock = &machine_.clock;
    stub_->on_energy_call = let_a_millisecond_pass;
    const GpuVendorProbe found = probe();
    ASSERT_EQ(found.sources.size(), 2U);
    EXPECT_EQ(find(found, "nvml")->poll_period(), std::chrono::seconds(1));
    EXPECT_EQ(find(found, "nvml-power")->poll_period(), std::chrono::seconds(0));
    EXPECT_THAT(found.reports.at(0).why, HasSubstr("reading the counter takes 1.0 ms"));
    EXPECT_THAT(found.reports.at(0).why, HasSubstr("opened in"));
}

TEST_F(NvmlSourceTest, AFastCounterIsReadEachRound) {
    const GpuVendorProbe found = probe();
    ASSERT_NE(find(found, "nvml"), nullptr);
    EXPECT_EQ(find(found, "nvml")->poll_period(), std::chrono::seconds(0));
}

TEST_F(NvmlSourceTest, ThePowerFieldMayBeOfAnyNumberType) {
    for (const unsigned type : {0U, 1U, 3U, 5U}) {
        stub_->gpus[0].field_type = type;
        stub_->gpus[0].power_field_mw = 70'000;
        EXPECT_EQ(poll_first(probe(), "nvml-power").raw, 70'000U) << "type " << type;
    }
}

TEST_F(NvmlSourceTest, PowerComesFromTheBestQueryThatWorks) {
    nvml_stub::Gpu& gpu = stub_->gpus[0];
    gpu.power_mw = 40'000;
    gpu.field_code = kNotSupported;
    gpu.average_code = 0;
    gpu.average_mw = 39'000;
    EXPECT_EQ(poll_first(probe(), "nvml-power").raw, 39'000U) << "field 185 after field 186";
    gpu.average_code = kNotSupported;
    gpu.samples_code = 0;
    gpu.samples[0] = {1'000, {.as_unsigned = 38'000}};
    EXPECT_EQ(poll_first(probe(), "nvml-power").raw, 38'000U) << "then the buffer of samples";
    gpu.samples_code = kNotSupported;
    const GpuVendorProbe last = probe();
    EXPECT_EQ(poll_first(last, "nvml-power").raw, 40'000U) << "then nvmlDeviceGetPowerUsage";
    EXPECT_THAT(find(last, "nvml-power")->channels()[0].reason,
                HasSubstr("nvmlDeviceGetPowerUsage"));
}

TEST_F(NvmlSourceTest, TheBufferOfSamplesGivesTheMeanSinceTheLastPoll) {
    nvml_stub::Gpu& gpu = stub_->gpus[0];
    gpu.field_code = kNotSupported;
    gpu.samples_code = 0;
    gpu.samples[0] = {1'000, {.as_unsigned = 10'000}};
    gpu.samples[1] = {2'000, {.as_unsigned = 50'000}};
    const GpuVendorProbe found = probe();
    EXPECT_EQ(poll_first(found, "nvml-power").raw, 50'000U) << "the newest at first";
    gpu.samples[2] = {3'000, {.as_unsigned = 60'000}};
    gpu.samples[3] = {4'000, {.as_unsigned = 80'000}};
    EXPECT_EQ(poll_first(found, "nvml-power").raw, 70'000U);
    EXPECT_EQ(poll_first(found, "nvml-power").raw, 80'000U - 10'000U) << "nothing new: it stays";
    machine_.clock.advance(std::chrono::seconds(3));
    EXPECT_EQ(poll_first(found, "nvml-power").error, "EAGAIN") << "but not for ever";
}

TEST_F(NvmlSourceTest, WithoutCounterThePowerAloneIsUsedAndSaysWhy) {
    stub_->gpus[0].energy_code = kNotSupported;
    const GpuVendorProbe found = probe();
    EXPECT_EQ(find(found, "nvml"), nullptr);
    ASSERT_NE(find(found, "nvml-power"), nullptr);
    EXPECT_THAT(find(found, "nvml-power")->channels()[0].reason,
                HasSubstr("energy counter cannot be read: energy counter: Not Supported"));
    EXPECT_THAT(found.reports.at(0).fix, HasSubstr("Volta and later"));
    EXPECT_THAT(found.unread, IsEmpty());
}

TEST_F(NvmlSourceTest, Field83StandsInForTheCounterFunction) {
    stub_->gpus[0].energy_code = kNotSupported;
    stub_->gpus[0].energy_field_code = 0;
    stub_->gpus[0].energy_mj = 777;
    EXPECT_EQ(poll_first(probe(), "nvml").raw, 777U);
}

TEST_F(NvmlSourceTest, AMissingRightDropsTheCounterWithAdvice) {
    stub_->gpus[0].energy_code = kNoPermission;
    const GpuVendorProbe found = probe();
    EXPECT_EQ(find(found, "nvml"), nullptr);
    EXPECT_THAT(found.reports.at(0).fix, HasSubstr("may read the GPU's energy"));
}

TEST_F(NvmlSourceTest, AGpuWithNeitherGoesToTheModelWithItsLimitAndUse) {
    stub_->gpus[0].energy_code = kNotSupported;
    stub_->gpus[0].field_code = kNotSupported;
    stub_->gpus[0].power_code = kNotSupported;
    stub_->gpus[0].utilization_pct = 40;
    const GpuVendorProbe found = probe();
    EXPECT_THAT(found.sources, IsEmpty());
    ASSERT_EQ(found.unread.size(), 1U);
    EXPECT_EQ(found.unread[0].device, "GPU-aaaa");
    EXPECT_DOUBLE_EQ(found.unread[0].limit_w.value_or(0), 300);
    ASSERT_TRUE(found.unread[0].busy_share);
    EXPECT_DOUBLE_EQ(found.unread[0].busy_share().value_or(-1), 0.4);
    EXPECT_EQ(found.reports.at(0).status, SourceStatus::kBroken);
}

TEST_F(NvmlSourceTest, AConstantZeroIsNoPowerReading) {
    stub_->gpus[0].energy_code = kNotSupported;
    stub_->gpus[0].power_field_mw = 0;
    stub_->gpus[0].power_mw = 0;
    const GpuVendorProbe found = probe();
    EXPECT_THAT(found.sources, IsEmpty());
    ASSERT_EQ(found.unread.size(), 1U);
    EXPECT_THAT(found.unread[0].reason, HasSubstr("0 W"));
}

TEST_F(NvmlSourceTest, GarbageAtTheStartIsNotUsed) {
    stub_->gpus[0].field_type = 0;
    stub_->gpus[0].power_field_mw = std::numeric_limits<double>::quiet_NaN();
    stub_->gpus[0].power_mw = 55'000;
    EXPECT_EQ(poll_first(probe(), "nvml-power").raw, 55'000U);
}

TEST_F(NvmlSourceTest, GarbageLaterIsAFailedReading) {
    const GpuVendorProbe found = probe();
    stub_->gpus[0].power_field_mw = 4'000'000'000;  // 4 MW
    EXPECT_EQ(poll_first(found, "nvml-power").error, "RANGE");
    EXPECT_EQ(poll_first(found, "nvml-power").outcome, PollOutcome::kRetry);
    stub_->gpus[0].energy_mj = std::numeric_limits<unsigned long long>::max();
    EXPECT_EQ(poll_first(found, "nvml").error, "RANGE");
}

TEST_F(NvmlSourceTest, ALostGpuIsGoneForGoodAndTheOtherGoesOn) {
    stub_->count = 2;
    const GpuVendorProbe found = probe();
    ASSERT_EQ(found.sources.size(), 2U);
    Source& counters = *find(found, "nvml");
    ASSERT_EQ(counters.channels().size(), 2U);
    stub_->gpus[0].energy_code = kGpuIsLost;
    EXPECT_EQ(poll_all(counters)[0].outcome, PollOutcome::kGone);
    stub_->gpus[0].energy_code = 0;
    EXPECT_EQ(poll_all(counters)[0].outcome, PollOutcome::kGone);
    EXPECT_EQ(poll_all(counters)[1].outcome, PollOutcome::kOk);
}

TEST_F(NvmlSourceTest, CodesBecomeOutcomes) {
    const std::vector<std::tuple<int, PollOutcome, std::string>> expected{
        {kTimeout, PollOutcome::kRetry, "ETIMEDOUT"}, {kUnknown, PollOutcome::kRetry, "EIO"},
        {kNotSupported, PollOutcome::kGone, "GONE"},  {kNoPermission, PollOutcome::kGone, "GONE"},
        {kGpuIsLost, PollOutcome::kGone, "GONE"},
    };
    for (const auto& [code, outcome, name] : expected) {
        stub_->gpus[0].energy_code = 0;
        const GpuVendorProbe found = probe();
        stub_->gpus[0].energy_code = code;
        const Reading reading = poll_first(found, "nvml");
        EXPECT_EQ(reading.outcome, outcome) << code;
        EXPECT_EQ(reading.error, name) << code;
    }
}

TEST_F(NvmlSourceTest, ATimeOutAtTheStartKeepsTheCounter) {
    stub_->gpus[0].energy_code = kTimeout;
    const GpuVendorProbe found = probe();
    EXPECT_THAT(channel_ids(find(found, "nvml")), ElementsAre("nvml:GPU-aaaa:energy"));
    stub_->gpus[0].energy_code = 0;
    EXPECT_EQ(poll_first(found, "nvml").outcome, PollOutcome::kOk);
}

TEST_F(NvmlSourceTest, OnlyVisibleGpusAreMeasuredButAllAreListed) {
    stub_->count = 2;
    machine_.environment["CUDA_VISIBLE_DEVICES"] = "GPU-bb";
    const GpuVendorProbe found = probe();
    EXPECT_THAT(channel_ids(find(found, "nvml")), ElementsAre("nvml:GPU-bbbb:energy"));
    ASSERT_EQ(found.gpus.size(), 2U);
    EXPECT_FALSE(found.gpus[0].is_selected);
}

TEST_F(NvmlSourceTest, IndicesFollowThePciOrderNotNvmls) {
    stub_->count = 2;
    stub_->gpus[0].bus = 0x82;
    stub_->gpus[1].bus = 0x07;
    stub_->gpus[1].name = "NVIDIA T4";
    machine_.environment["CUDA_VISIBLE_DEVICES"] = "0";
    machine_.environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID";
    EXPECT_THAT(channel_ids(find(probe(), "nvml")), ElementsAre("nvml:GPU-bbbb:energy"));
}

TEST_F(NvmlSourceTest, IndicesOfDifferentGpusMeasureAllAndSaySo) {
    stub_->count = 2;
    stub_->gpus[1].name = "NVIDIA T4";
    machine_.environment["CUDA_VISIBLE_DEVICES"] = "1";
    const GpuVendorProbe found = probe();
    EXPECT_EQ(channel_ids(find(found, "nvml")).size(), 2U);
    EXPECT_THAT(found.reports.at(0).why, HasSubstr("FASTEST_FIRST"));
    EXPECT_THAT(found.reports.at(0).fix, HasSubstr("CUDA_DEVICE_ORDER=PCI_BUS_ID"));
}

TEST_F(NvmlSourceTest, AMigSliceMeasuresItsWholeGpuAndSaysSo) {
    stub_->count = 2;
    stub_->mig_uuid = "MIG-1234";
    stub_->mig_parent = 1;
    stub_->gpus[1].mig_mode = 1;
    machine_.environment["CUDA_VISIBLE_DEVICES"] = "MIG-1234";
    const GpuVendorProbe found = probe();
    ASSERT_THAT(channel_ids(find(found, "nvml")), ElementsAre("nvml:GPU-bbbb:energy"));
    EXPECT_THAT(found.reports.at(0).why, HasSubstr("slice has no share of its own"));
    EXPECT_THAT(find(found, "nvml")->channels()[0].reason, HasSubstr("no share of its own"));
}

TEST_F(NvmlSourceTest, HiddenGpusAreAbsentNotBroken) {
    for (const char* hidden : {"", "-1"}) {
        machine_.environment["CUDA_VISIBLE_DEVICES"] = hidden;
        const GpuVendorProbe found = probe();
        EXPECT_THAT(found.sources, IsEmpty()) << hidden;
        EXPECT_THAT(found.unread, IsEmpty()) << hidden;
        EXPECT_EQ(found.reports.at(0).status, SourceStatus::kAbsent) << hidden;
    }
}

TEST_F(NvmlSourceTest, AFailedStartIsReported) {
    stub_->init_code = kUnknown;
    const GpuVendorProbe broken = probe();
    EXPECT_EQ(broken.reports.at(0).status, SourceStatus::kBroken);
    EXPECT_TRUE(broken.failure);
    EXPECT_EQ(stub_->shutdowns, 0);
    machine_.environment["FINEWATT_NVML_LIBRARY"] = "/nonexistent/libnvidia-ml.so.1";
    EXPECT_THAT(probe().reports.at(0).why, HasSubstr("/nonexistent/libnvidia-ml.so.1"));
}

TEST_F(NvmlSourceTest, AnUnknownNumberOfGpusIsAFailure) {
    stub_->count_code = kUnknown;
    const GpuVendorProbe found = probe();
    EXPECT_EQ(found.reports.at(0).status, SourceStatus::kBroken);
    EXPECT_THAT(found.failure.value_or(""), HasSubstr("number of GPUs"));
}

TEST_F(NvmlSourceTest, AGpuWithoutAHandleIsUnread) {
    stub_->count = 2;
    stub_->gpus[0].handle_code = kGpuIsLost;
    const GpuVendorProbe found = probe();
    ASSERT_EQ(found.unread.size(), 1U);
    EXPECT_EQ(found.unread[0].device, "nvml-index-0");
    EXPECT_THAT(channel_ids(find(found, "nvml")), ElementsAre("nvml:GPU-bbbb:energy"));
}

TEST_F(NvmlSourceTest, TheLibraryStaysOpenWhileOneSourceLives) {
    GpuVendorProbe found = probe();
    ASSERT_EQ(found.sources.size(), 2U);
    found.sources.pop_back();
    EXPECT_EQ(stub_->shutdowns, 0);
    found.sources.clear();
    EXPECT_EQ(stub_->inits, 1);
    EXPECT_EQ(stub_->shutdowns, 1);
}

TEST(NvmlSource, AnOldDriverGivesPowerAlone) {
    StubLibrary<nvml_stub::State> stub(FINEWATT_NVML_STUB_OLD, "finewatt_nvml_stub_state");
    stub->gpus[0].name = "Tesla K80";
    stub->gpus[0].power_mw = 61'000;
    FakeMachine machine;
    machine.tree.write("/dev/nvidiactl", "");
    machine.environment["FINEWATT_NVML_LIBRARY"] = FINEWATT_NVML_STUB_OLD;
    const GpuVendorProbe found = probe_nvml(machine.options());
    ASSERT_EQ(found.sources.size(), 1U);
    EXPECT_EQ(poll_all(*found.sources[0])[0].raw, 61'000U);
    EXPECT_THAT(found.sources[0]->channels()[0].reason, HasSubstr("NVML code 13"));
    EXPECT_NEAR(found.sources[0]->channels()[0].gain_error_high.value_or(0), 0.0977, 1e-4);
}

}  // namespace
}  // namespace finewatt
