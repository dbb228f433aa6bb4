#include "finewatt/sensor/gpu_discovery.h"

#include "finewatt/sensor/gpu_pci_internal.h"
#include "finewatt/sensor/gpu_probe_internal.h"
#include "finewatt/sensor/gpu_vendor_calls_internal.h"
#include "finewatt/sensor/testing_stub/amdsmi_stub.h"
#include "finewatt/sensor/testing_stub/nvml_stub.h"
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

constexpr int kNotSupported = 3;

/// All that probe_gpus found, in one place.
struct Found {
    std::vector<std::string> names;
    std::vector<Source*> sources;
    std::vector<SourceReport> reports;
    std::vector<UnmeasuredComponent> unmeasured;
    std::vector<SourceProbe> probes;
};

Found probe_all(const DiscoveryOptions& options) {
    Found found;
    found.probes = probe_gpus(options);
    for (const SourceProbe& probe : found.probes) {
        if (probe.source) {
            found.names.emplace_back(probe.source->name());
            found.sources.push_back(probe.source.get());
        }
        found.reports.insert(found.reports.end(), probe.reports.begin(), probe.reports.end());
        found.unmeasured.insert(found.unmeasured.end(), probe.unmeasured.begin(),
                                probe.unmeasured.end());
    }
    return found;
}

void write_nvidia_proc(const FakeMachine& machine, const std::string& address,
                       const std::string& model, const std::string& uuid) {
    machine.tree.write("/proc/driver/nvidia/gpus/" + address + "/information",
                       "Model: \t\t " + model + "\nIRQ:   \t\t 58\nGPU UUID: \t " + uuid +
                           "\nBus Type: \t PCIe\nBus Location: \t " + address + "\n");
}

void write_drm_card(const FakeMachine& machine, const std::string& vendor,
                    const std::string& address, const std::string& hwmon_file = "") {
    const std::string device = "/sys/class/drm/card" + address.substr(5, 2) + "/device/";
    machine.tree.write(device + "vendor", vendor + "\n");
    machine.tree.write(device + "device", "0x1234\n");
    machine.tree.write(device + "uevent", "PCI_ID=1:2\nPCI_SLOT_NAME=" + address + "\n");
    if (!hwmon_file.empty()) {
        machine.tree.write(device + "hwmon/hwmon3/" + hwmon_file, "1000000\n");
    }
}

/// A machine whose NVML is the stub.
class GpuDiscoveryTest : public ::testing::Test {
  protected:
    GpuDiscoveryTest() {
        machine_.tree.write("/dev/nvidiactl", "");
        machine_.environment["FINEWATT_NVML_LIBRARY"] = FINEWATT_NVML_STUB;
        stub_->gpus[0].name = "NVIDIA Quadro RTX 8000";
        stub_->gpus[0].uuid = "GPU-aaaa";
        stub_->gpus[0].bus = 0x3b;
    }

    /// A GPU that shows neither energy nor power, only its limit and use.
    void hide_all_sensors() {
        stub_->gpus[0].energy_code = kNotSupported;
        stub_->gpus[0].field_code = kNotSupported;
        stub_->gpus[0].power_code = kNotSupported;
    }

    FakeMachine machine_;
    StubLibrary<nvml_stub::State> stub_{FINEWATT_NVML_STUB, "finewatt_nvml_stub_state"};
};

TEST(GpuDiscovery, AMachineWithoutGpusHasReportsOnly) {
    FakeMachine machine;
    const Found found = probe_all(machine.options());
    EXPECT_THAT(found.names, IsEmpty());
    EXPECT_THAT(found.unmeasured, IsEmpty());
    ASSERT_EQ(found.reports.size(), 3U) << "NVML, AMD SMI, Level Zero";
    for (const SourceReport& report : found.reports) {
        EXPECT_EQ(report.status, SourceStatus::kAbsent) << report.source;
        EXPECT_FALSE(report.why.empty()) << report.source;
    }
}

TEST_F(GpuDiscoveryTest, AMeasuredGpuIsListedOnce) {
    write_nvidia_proc(machine_, "0000:3b:00.0", "Quadro RTX 8000", "GPU-aaaa");
    write_drm_card(machine_, "0x10de", "0000:3b:00.0");
    const Found found = probe_all(machine_.options());
    EXPECT_THAT(found.names, ElementsAre("nvml", "nvml-power"));
    EXPECT_THAT(found.unmeasured, IsEmpty());
}

TEST_F(GpuDiscoveryTest, WithoutSensorsThePowerIsModelledFromLimitAndUse) {
    hide_all_sensors();
    stub_->gpus[0].utilization_pct = 50;
    const Found found = probe_all(machine_.options());
    ASSERT_THAT(found.names, ElementsAre("gpu-model"));
    const ChannelSpec& channel = found.sources[0]->channels()[0];
    EXPECT_EQ(channel.id, "gpu-model:GPU-aaaa");
    EXPECT_EQ(channel.provenance, Provenance::kModelled);
    // 300 W x (0.1 + 0.9 x 0.5)
    EXPECT_EQ(poll_all(*found.sources[0])[0].raw, 165'000U);
    // At full use the range goes down to idle, 30 W.
    EXPECT_NEAR(300 * (1 - channel.gain_error_low.value_or(0)), 30, 1e-9);
    stub_->gpus[0].utilization_code = 999;
    EXPECT_EQ(poll_all(*found.sources[0])[0].outcome, PollOutcome::kRetry);
}

TEST_F(GpuDiscoveryTest, AnIdleGpuWithoutSensorsIsNotZero) {
    hide_all_sensors();
    const Found found = probe_all(machine_.options());
    ASSERT_EQ(found.sources.size(), 1U);
    EXPECT_EQ(poll_all(*found.sources[0])[0].raw, 30'000U);
}

TEST_F(GpuDiscoveryTest, WithoutUseThePowerIsAssumedBetweenIdleAndLimit) {
    hide_all_sensors();
    stub_->gpus[0].utilization_code = kNotSupported;
    const Found found = probe_all(machine_.options());
    ASSERT_THAT(found.names, ElementsAre("gpu-model"));
    const ChannelSpec& channel = found.sources[0]->channels()[0];
    EXPECT_EQ(channel.provenance, Provenance::kAssumed);
    const double power_w = static_cast<double>(poll_all(*found.sources[0])[0].raw) * 1e-3;
    EXPECT_NEAR(power_w * (1 - channel.gain_error_low.value_or(0)), 30, 0.01);
    EXPECT_NEAR(power_w * (1 + channel.gain_error_high.value_or(0)), 300, 0.1);
}

TEST_F(GpuDiscoveryTest, WithoutALimitTheTdpTableHelps) {
    hide_all_sensors();
    stub_->gpus[0].limit_code = kNotSupported;
    stub_->gpus[0].utilization_pct = 100;
    const Found found = probe_all(machine_.options());
    ASSERT_EQ(found.sources.size(), 1U);
    EXPECT_EQ(poll_all(*found.sources[0])[0].raw, 260'000U);
    EXPECT_THAT(found.sources[0]->channels()[0].reason, HasSubstr("TDP of RTX 8000"));
}

TEST_F(GpuDiscoveryTest, AnUnknownGpuWithoutLimitIsUnmeasuredAndNeverZero) {
    hide_all_sensors();
    stub_->gpus[0].name = "NVIDIA Z900";
    stub_->gpus[0].limit_code = kNotSupported;
    const Found found = probe_all(machine_.options());
    EXPECT_THAT(found.names, IsEmpty());
    ASSERT_EQ(found.unmeasured.size(), 1U);
    EXPECT_EQ(found.unmeasured[0].device, "GPU-aaaa");
    EXPECT_THAT(found.unmeasured[0].reason, HasSubstr("Not Supported"));
    EXPECT_THAT(found.unmeasured[0].advice, HasSubstr("total is unknown"));
}

TEST_F(GpuDiscoveryTest, WithoutModelsAGpuWithoutSensorsIsUnmeasured) {
    hide_all_sensors();
    DiscoveryOptions options = machine_.options();
    options.allow_models = false;
    const Found found = probe_all(options);
    EXPECT_THAT(found.names, IsEmpty());
    ASSERT_EQ(found.unmeasured.size(), 1U);
    EXPECT_THAT(found.unmeasured[0].reason, HasSubstr("switched off"));
}

TEST_F(GpuDiscoveryTest, ABrokenLibraryLeavesTheGpusThatTheDriverShows) {
    stub_->init_code = 999;
    write_nvidia_proc(machine_, "0000:3b:00.0", "Tesla V100-SXM2-32GB", "GPU-cccc");
    write_nvidia_proc(machine_, "0000:86:00.0", "Z900", "GPU-?");
    const Found found = probe_all(machine_.options());
    ASSERT_THAT(found.names, ElementsAre("gpu-model"));
    EXPECT_THAT(channel_ids(found.sources[0]), ElementsAre("gpu-model:GPU-cccc"));
    EXPECT_EQ(found.sources[0]->channels()[0].provenance, Provenance::kAssumed);
    ASSERT_EQ(found.unmeasured.size(), 1U);
    EXPECT_EQ(found.unmeasured[0].device, "0000:86:00.0");
}

TEST_F(GpuDiscoveryTest, ABrokenLibraryWithoutAnyNameIsStillUnmeasured) {
    stub_->init_code = 999;
    const Found found = probe_all(machine_.options());
    ASSERT_EQ(found.unmeasured.size(), 1U);
    EXPECT_EQ(found.unmeasured[0].component, "gpu");
}

TEST_F(GpuDiscoveryTest, ALostGpuIsNamedByTheDriverAndCountedOnce) {
    stub_->count = 2;
    stub_->gpus[1].handle_code = 15;
    write_nvidia_proc(machine_, "0000:3b:00.0", "Quadro RTX 8000", "GPU-aaaa");
    write_nvidia_proc(machine_, "0000:86:00.0", "Z900", "GPU-dddd");
    const Found found = probe_all(machine_.options());
    EXPECT_THAT(found.names, ElementsAre("nvml", "nvml-power"));
    ASSERT_EQ(found.unmeasured.size(), 1U);
    EXPECT_EQ(found.unmeasured[0].device, "GPU-dddd");
    EXPECT_THAT(found.unmeasured[0].reason, HasSubstr("NVML code 15"));
}

TEST_F(GpuDiscoveryTest, HiddenGpusAreNotMissed) {
    write_nvidia_proc(machine_, "0000:3b:00.0", "Quadro RTX 8000", "GPU-aaaa");
    machine_.environment["CUDA_VISIBLE_DEVICES"] = "";
    EXPECT_THAT(probe_all(machine_.options()).unmeasured, IsEmpty());
    stub_->init_code = 999;
    const Found broken = probe_all(machine_.options());
    EXPECT_THAT(broken.names, IsEmpty());
    EXPECT_THAT(broken.unmeasured, IsEmpty());
}

TEST(GpuDiscovery, AnNvidiaCardWithoutItsDriverIsUnmeasured) {
    FakeMachine machine;
    write_drm_card(machine, "0x10de", "0000:01:00.0", "power1_input");
    const Found found = probe_all(machine.options());
    ASSERT_EQ(found.unmeasured.size(), 1U);
    EXPECT_EQ(found.unmeasured[0].device, "0000:01:00.0");
    EXPECT_THAT(found.unmeasured[0].reason, HasSubstr("NVIDIA GPU 0x1234"));
}

TEST(GpuDiscovery, CardsWithHwmonFilesAndPartsOfProcessorsAreLeftToOthers) {
    FakeMachine machine;
    write_drm_card(machine, "0x1002", "0000:c1:00.0", "power1_average");
    write_drm_card(machine, "0x1002", "0000:c1:00.0", "power1_cap");
    write_drm_card(machine, "0x1002", "0000:04:00.0", "in1_input");
    write_drm_card(machine, "0x8086", "0000:00:02.0");
    EXPECT_THAT(probe_all(machine.options()).unmeasured, IsEmpty());
    write_drm_card(machine, "0x1002", "0000:c6:00.0");
    const Found found = probe_all(machine.options());
    ASSERT_EQ(found.unmeasured.size(), 1U);
    EXPECT_EQ(found.unmeasured[0].device, "0000:c6:00.0");
}

TEST(GpuDiscovery, RocmSmiServesWhereAmdSmiIsMissing) {
    StubLibrary<rocm_smi_stub::State> stub(FINEWATT_ROCM_SMI_STUB, "finewatt_rocm_smi_stub_state");
    stub->gpus[0].energy_ticks = 1;
    FakeMachine machine;
    machine.tree.write("/dev/kfd", "");
    machine.environment["FINEWATT_AMDSMI_LIBRARY"] = "/nonexistent/libamd_smi.so";
    machine.environment["FINEWATT_ROCM_SMI_LIBRARY"] = FINEWATT_ROCM_SMI_STUB;
    const Found found = probe_all(machine.options());
    EXPECT_THAT(found.names, ElementsAre("rocm-smi"));
    ASSERT_EQ(found.reports.size(), 4U);
    EXPECT_EQ(found.reports[1].source, "amdsmi");
    EXPECT_EQ(found.reports[2].source, "rocm-smi");
}

TEST(GpuDiscovery, AnAmdCardThatItsLibraryCannotReadIsLeftToHwmon) {
    StubLibrary<amdsmi_stub::State> stub(FINEWATT_AMDSMI_STUB, "finewatt_amdsmi_stub_state");
    stub->gpus[0].bdfid = 0xc100;
    stub->gpus[0].energy_code = 2;
    stub->gpus[0].power_code = 2;
    FakeMachine machine;
    machine.tree.write("/dev/kfd", "");
    machine.environment["FINEWATT_AMDSMI_LIBRARY"] = FINEWATT_AMDSMI_STUB;
    write_drm_card(machine, "0x1002", "0000:c1:00.0", "power1_average");
    const Found with_hwmon = probe_all(machine.options());
    EXPECT_THAT(with_hwmon.names, IsEmpty());
    EXPECT_THAT(with_hwmon.unmeasured, IsEmpty());
}

TEST(OpenLibrary, TakesTheFirstNameThatIsThere) {
    const EnvLookup no_env = [](const std::string&) { return std::nullopt; };
    const auto found = open_library<nvml::Library>(no_env, "FINEWATT_NVML_LIBRARY",
                                                   {"/nonexistent/libone.so", FINEWATT_NVML_STUB});
    EXPECT_OK(found);
    const auto none = open_library<nvml::Library>(
        no_env, "FINEWATT_NVML_LIBRARY", {"/nonexistent/libone.so", "/nonexistent/libtwo.so"});
    EXPECT_ERROR(kNotFound, none, "/nonexistent/libone.so");
}

TEST(ListPciGpus, JoinsWhatTheDriverAndTheBusShow) {
    FakeMachine machine;
    write_nvidia_proc(machine, "0000:3b:00.0", "Tesla T4", "GPU-aaaa");
    write_drm_card(machine, "0x10de", "0000:3b:00.0");
    write_drm_card(machine, "0x1a03", "0000:02:00.0");  // a server's display chip
    const std::vector<PciGpu> gpus = list_pci_gpus(machine.options().root);
    ASSERT_EQ(gpus.size(), 1U);
    EXPECT_EQ(gpus[0].name, "Tesla T4");
    EXPECT_EQ(gpus[0].uuid, "GPU-aaaa");
    EXPECT_EQ(gpus[0].device_id, "0x1234");
}

TEST(KernelPciAddress, ShortensNvmlsDomainOnly) {
    EXPECT_EQ(kernel_pci_address("00000000:C1:00.0"), "0000:c1:00.0");
    EXPECT_EQ(kernel_pci_address("0000:c1:00.0"), "0000:c1:00.0");
    EXPECT_EQ(kernel_pci_address("10000:01:00.0"), "10000:01:00.0");
}

}  // namespace
}  // namespace finewatt
