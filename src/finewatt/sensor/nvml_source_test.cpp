#include "finewatt/sensor/nvml_source.h"

#include "finewatt/base/dyn_lib.h"
#include "finewatt/sensor/testing_stub/nvml_stub.h"
#include "finewatt/testing/fake_machine.h"
#include "finewatt/testing/matchers.h"

#include <optional>

namespace finewatt {
namespace {

using testing::channel_ids;
using ::testing::ElementsAre;
using testing::FakeMachine;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::poll_all;

constexpr int kNotSupported = 3;
constexpr int kNoPermission = 4;
constexpr int kTimeout = 10;
constexpr int kGpuIsLost = 15;
constexpr int kUnknown = 999;

/// A machine whose NVML is the stub. The stub's state is shared by all users of the library, so
/// each test starts from a fresh one.
class NvmlSourceTest : public ::testing::Test {
  protected:
    void SetUp() override {
        Result<DynLib> library = DynLib::open(FINEWATT_NVML_STUB);
        ASSERT_OK(library);
        library_.emplace(std::move(*library));
        const auto get = library_->symbol<nvml_stub::StateFunction>("finewatt_nvml_stub_state");
        ASSERT_NE(get, nullptr);
        stub_ = get();
        *stub_ = nvml_stub::State{};
        stub_->gpus[0].name = "Stub A100";
        stub_->gpus[0].uuid = "GPU-aaaa";
        stub_->gpus[1].name = "Stub A100";
        stub_->gpus[1].uuid = "GPU-bbbb";
        machine_.tree.write("/dev/nvidiactl", "");
        machine_.environment["FINEWATT_NVML_LIBRARY"] = FINEWATT_NVML_STUB;
    }

    FakeMachine machine_;
    std::optional<DynLib> library_;
    nvml_stub::State* stub_ = nullptr;
};

TEST_F(NvmlSourceTest, WithoutADeviceNodeTheLibraryIsNotOpened) {
    FakeMachine bare;
    bare.environment["FINEWATT_NVML_LIBRARY"] = FINEWATT_NVML_STUB;
    const SourceProbe probe = NvmlSource::probe(bare.options());
    EXPECT_EQ(probe.source, nullptr);
    EXPECT_EQ(probe.reports.at(0).status, SourceStatus::kAbsent);
    EXPECT_EQ(stub_->inits, 0);
}

TEST_F(NvmlSourceTest, CounterInMillijoulesWithInstantPowerBesideIt) {
    stub_->gpus[0].energy_mj = 5'000'000'000'000;  // beyond 32 bits
    stub_->gpus[0].power_field_mw = 251'500;
    const SourceProbe probe = NvmlSource::probe(machine_.options());
    ASSERT_NE(probe.source, nullptr);
    EXPECT_THAT(channel_ids(probe.source.get()),
                ElementsAre("nvml:GPU-aaaa:energy", "nvml:GPU-aaaa:power"));
    const ChannelSpec& counter = probe.source->channels()[0];
    EXPECT_EQ(counter.kind, ChannelKind::kCounter);
    EXPECT_EQ(counter.device, "GPU-aaaa");
    EXPECT_EQ(counter.unit, "mJ");
    EXPECT_EQ(counter.range, std::nullopt);
    EXPECT_DOUBLE_EQ(counter.max_power_w.value_or(0), 600);  // twice the limit of 300 W
    const ChannelSpec& gauge = probe.source->channels()[1];
    EXPECT_EQ(gauge.kind, ChannelKind::kGauge);
    EXPECT_EQ(gauge.provenance, Provenance::kDerived);
    EXPECT_THAT(gauge.reason, HasSubstr("not counted"));
    const std::vector<Reading> readings = poll_all(*probe.source);
    EXPECT_EQ(readings[0].raw, 5'000'000'000'000U);
    EXPECT_EQ(readings[1].raw, 251'500U);
}

TEST_F(NvmlSourceTest, ThePowerFieldMayBeOfAnyNumberType) {
    for (const unsigned type : {0U, 1U, 3U}) {
        stub_->gpus[0].field_type = type;
        stub_->gpus[0].power_field_mw = 70'000;
        const SourceProbe probe = NvmlSource::probe(machine_.options());
        ASSERT_NE(probe.source, nullptr);
        EXPECT_EQ(poll_all(*probe.source)[1].raw, 70'000U) << "type " << type;
    }
}

TEST_F(NvmlSourceTest, WithoutCounterThePowerAloneIsUsedAndSaysWhy) {
    stub_->gpus[0].energy_code = kNotSupported;
    stub_->gpus[0].field_code = kNotSupported;
    stub_->gpus[0].power_mw = 40'000;
    const SourceProbe probe = NvmlSource::probe(machine_.options());
    EXPECT_THAT(channel_ids(probe.source.get()), ElementsAre("nvml:GPU-aaaa:power"));
    EXPECT_THAT(probe.source->channels()[0].reason, HasSubstr("energy counter cannot be read"));
    EXPECT_EQ(poll_all(*probe.source)[0].raw, 40'000U);
    EXPECT_THAT(probe.unmeasured, IsEmpty());
}

TEST_F(NvmlSourceTest, AGpuWithNeitherIsUnmeasuredAndNeverZero) {
    stub_->gpus[0].energy_code = kNotSupported;
    stub_->gpus[0].field_code = kNotSupported;
    stub_->gpus[0].power_code = kNoPermission;
    const SourceProbe probe = NvmlSource::probe(machine_.options());
    EXPECT_EQ(probe.source, nullptr);
    ASSERT_EQ(probe.unmeasured.size(), 1U);
    EXPECT_EQ(probe.unmeasured[0].device, "GPU-aaaa");
    EXPECT_THAT(probe.unmeasured[0].reason, HasSubstr("Not Supported"));
    EXPECT_EQ(probe.gpus.size(), 1U);
}

TEST_F(NvmlSourceTest, ALostGpuIsGoneForGoodAndTheOtherGoesOn) {
    stub_->count = 2;
    const SourceProbe probe = NvmlSource::probe(machine_.options());
    ASSERT_NE(probe.source, nullptr);
    ASSERT_EQ(probe.source->channels().size(), 4U);
    stub_->gpus[0].energy_code = kGpuIsLost;
    EXPECT_EQ(poll_all(*probe.source)[0].outcome, PollOutcome::kGone);
    stub_->gpus[0].energy_code = 0;
    EXPECT_EQ(poll_all(*probe.source)[0].outcome, PollOutcome::kGone);
    EXPECT_EQ(poll_all(*probe.source)[2].outcome, PollOutcome::kOk);
}

TEST_F(NvmlSourceTest, CodesBecomeOutcomes) {
    const SourceProbe probe = NvmlSource::probe(machine_.options());
    ASSERT_NE(probe.source, nullptr);
    const std::vector<std::pair<int, std::string>> retries{
        {kTimeout, "ETIMEDOUT"}, {kNoPermission, "EACCES"}, {kUnknown, "EIO"}};
    for (const auto& [code, name] : retries) {
        stub_->gpus[0].energy_code = code;
        const Reading reading = poll_all(*probe.source)[0];
        EXPECT_EQ(reading.outcome, PollOutcome::kRetry) << code;
        EXPECT_EQ(reading.error, name) << code;
    }
    stub_->gpus[0].energy_code = 0;
    EXPECT_EQ(poll_all(*probe.source)[0].outcome, PollOutcome::kOk);
}

TEST_F(NvmlSourceTest, ATimeOutAtTheStartKeepsTheCounter) {
    stub_->gpus[0].energy_code = kTimeout;
    const SourceProbe probe = NvmlSource::probe(machine_.options());
    EXPECT_THAT(channel_ids(probe.source.get()),
                ElementsAre("nvml:GPU-aaaa:energy", "nvml:GPU-aaaa:power"));
}

TEST_F(NvmlSourceTest, OnlyVisibleGpusAreMeasuredButAllAreListed) {
    stub_->count = 2;
    machine_.environment["CUDA_VISIBLE_DEVICES"] = "GPU-bb";
    const SourceProbe probe = NvmlSource::probe(machine_.options());
    EXPECT_THAT(channel_ids(probe.source.get()),
                ElementsAre("nvml:GPU-bbbb:energy", "nvml:GPU-bbbb:power"));
    ASSERT_EQ(probe.gpus.size(), 2U);
    EXPECT_FALSE(probe.gpus[0].is_selected);
}

TEST_F(NvmlSourceTest, AFailedStartIsReportedAndTheGpuIsUnmeasured) {
    stub_->init_code = kUnknown;
    const SourceProbe broken = NvmlSource::probe(machine_.options());
    EXPECT_EQ(broken.reports.at(0).status, SourceStatus::kBroken);
    EXPECT_EQ(broken.unmeasured.size(), 1U);
    EXPECT_EQ(stub_->shutdowns, 0);
    machine_.environment["FINEWATT_NVML_LIBRARY"] = "/nonexistent/libnvidia-ml.so.1";
    const SourceProbe missing = NvmlSource::probe(machine_.options());
    EXPECT_THAT(missing.reports.at(0).why, HasSubstr("/nonexistent/libnvidia-ml.so.1"));
}

TEST_F(NvmlSourceTest, AnUnknownNumberOfGpusIsUnmeasured) {
    stub_->count_code = kUnknown;
    const SourceProbe probe = NvmlSource::probe(machine_.options());
    EXPECT_EQ(probe.reports.at(0).status, SourceStatus::kBroken);
    EXPECT_EQ(probe.unmeasured.size(), 1U);
}

TEST_F(NvmlSourceTest, IndicesOfDifferentGpusMeasureAllAndSaySo) {
    stub_->count = 2;
    stub_->gpus[1].name = "Stub T4";
    machine_.environment["CUDA_VISIBLE_DEVICES"] = "1";
    const SourceProbe probe = NvmlSource::probe(machine_.options());
    EXPECT_EQ(channel_ids(probe.source.get()).size(), 4U);
    EXPECT_THAT(probe.reports.at(0).fix, HasSubstr("CUDA_DEVICE_ORDER=PCI_BUS_ID"));
}

TEST_F(NvmlSourceTest, TheLibraryIsShutDownWithTheSource) {
    { const SourceProbe probe = NvmlSource::probe(machine_.options()); }
    EXPECT_EQ(stub_->inits, 1);
    EXPECT_EQ(stub_->shutdowns, 1);
}

std::vector<GpuInfo> gpus(const std::vector<std::pair<std::string, std::string>>& names) {
    std::vector<GpuInfo> out;
    for (const auto& [name, uuid] : names) {
        out.push_back({name, uuid, "", true});
    }
    return out;
}

TEST(SelectVisibleGpus, FollowsCudasRules) {
    const auto equal = gpus({{"A", "GPU-1a"}, {"A", "GPU-1b"}, {"A", "GPU-2c"}});
    const auto select = [&](const char* visible) {
        return select_visible_gpus(equal, visible, std::nullopt);
    };
    EXPECT_THAT(*select_visible_gpus(equal, std::nullopt, std::nullopt),
                ElementsAre(true, true, true));
    EXPECT_THAT(*select(""), ElementsAre(false, false, false));
    EXPECT_THAT(*select("2,0"), ElementsAre(true, false, true));
    EXPECT_THAT(*select("0,-1,1"), ElementsAre(true, false, false));
    EXPECT_THAT(*select("GPU-2"), ElementsAre(false, false, true));
    EXPECT_THAT(*select("GPU-1"), ElementsAre(false, false, false)) << "prefix of two";
    EXPECT_THAT(*select("MIG-GPU-1b/1/0"), ElementsAre(false, true, false));
    EXPECT_THAT(*select("7"), ElementsAre(false, false, false));
}

TEST(SelectVisibleGpus, IndicesOfDifferentGpusNeedThePciOrder) {
    const auto mixed = gpus({{"A", "GPU-1"}, {"B", "GPU-2"}});
    EXPECT_EQ(select_visible_gpus(mixed, "1", std::nullopt), std::nullopt);
    EXPECT_THAT(*select_visible_gpus(mixed, "1", "PCI_BUS_ID"), ElementsAre(false, true));
    EXPECT_THAT(*select_visible_gpus(mixed, "GPU-2", std::nullopt), ElementsAre(false, true));
}

}  // namespace
}  // namespace finewatt
