// How discovery joins the GPUs of the vendors' libraries with those of hwmon and of whole boards.
#include "finewatt/sensor/discovery.h"
#include "finewatt/sensor/testing_stub/amdsmi_stub.h"
#include "finewatt/sensor/testing_stub/nvml_stub.h"
#include "finewatt/sensor/testing_stub/stub_library.h"
#include "finewatt/testing/fake_sensors.h"
#include "finewatt/testing/matchers.h"

namespace finewatt {
namespace {

using ::testing::Contains;
using testing::FakeMachine;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using testing::write_chip;

std::vector<std::string> ids_of(const Discovery& discovery) {
    std::vector<std::string> ids;
    for (const auto& source : discovery.sources) {
        for (const ChannelSpec& channel : source->channels()) {
            ids.push_back(channel.id);
        }
    }
    return ids;
}

void write_card(const FakeMachine& machine, const std::string& number, const std::string& vendor,
                const std::string& address) {
    const std::string device = "/sys/class/drm/card" + number + "/device/";
    machine.tree.write(device + "vendor", vendor + "\n");
    machine.tree.write(device + "uevent", "PCI_SLOT_NAME=" + address + "\n");
    machine.tree.write(device + "hwmon/hwmon1/power1_average", "1\n");
    machine.tree.write(device + "hwmon/hwmon1/power1_cap", "1\n");
}

TEST(DiscoveryOfGpus, CounterAndPowerOfNvmlAreBothKept) {
    StubLibrary<nvml_stub::State> stub(FINEWATT_NVML_STUB, "finewatt_nvml_stub_state");
    stub->gpus[0].uuid = "GPU-aaaa";
    FakeMachine machine;
    machine.tree.write("/dev/nvidiactl", "");
    machine.environment["FINEWATT_NVML_LIBRARY"] = FINEWATT_NVML_STUB;
    EXPECT_THAT(ids_of(discover(machine.options())),
                IsSupersetOf({"nvml:GPU-aaaa:energy", "nvml:GPU-aaaa:power"}));
}

TEST(DiscoveryOfGpus, HwmonServesTheCardThatAmdSmiCannotRead) {
    StubLibrary<amdsmi_stub::State> stub(FINEWATT_AMDSMI_STUB, "finewatt_amdsmi_stub_state");
    stub->count = 2;
    stub->gpus[0].bdfid = 0xc100;
    stub->gpus[0].energy_ticks = 5;
    stub->gpus[1].bdfid = 0xc600;
    stub->gpus[1].energy_code = 2;
    stub->gpus[1].power_code = 2;
    FakeMachine machine;
    machine.tree.write("/dev/kfd", "");
    machine.environment["FINEWATT_AMDSMI_LIBRARY"] = FINEWATT_AMDSMI_STUB;
    write_card(machine, "0", "0x1002", "0000:c1:00.0");
    write_card(machine, "1", "0x1002", "0000:c6:00.0");
    write_chip(machine.tree, "hwmon1", "amdgpu",
               {{"power1_average", "200000000"}, {"power1_cap", "300000000"}}, "0000:c1:00.0");
    write_chip(machine.tree, "hwmon2", "amdgpu",
               {{"power1_average", "200000000"}, {"power1_cap", "300000000"}}, "0000:c6:00.0");
    const Discovery found = discover(machine.options());
    EXPECT_THAT(ids_of(found), IsSupersetOf({"amdsmi:0000:c1:00.0:energy", "amdgpu:0000:c6:00.0"}));
    EXPECT_THAT(ids_of(found), Not(Contains("amdgpu:0000:c1:00.0")));
    for (const UnmeasuredComponent& missing : found.unmeasured) {
        EXPECT_NE(missing.component, "gpu") << missing.reason;
    }
}

TEST(DiscoveryOfGpus, ACardOfAnotherVendorDoesNotHideAnUnmeasuredGpu) {
    StubLibrary<nvml_stub::State> stub(FINEWATT_NVML_STUB, "finewatt_nvml_stub_state");
    stub->init_code = 999;
    FakeMachine machine;
    machine.tree.write("/dev/nvidiactl", "");
    machine.environment["FINEWATT_NVML_LIBRARY"] = FINEWATT_NVML_STUB;
    write_chip(machine.tree, "hwmon1", "amdgpu",
               {{"power1_average", "200000000"}, {"power1_cap", "300000000"}}, "0000:c1:00.0");
    const Discovery found = discover(machine.options());
    EXPECT_THAT(ids_of(found), Contains("amdgpu:0000:c1:00.0"));
    std::vector<std::string> missing;
    for (const UnmeasuredComponent& component : found.unmeasured) {
        missing.push_back(component.component + " " + component.device);
    }
    EXPECT_THAT(missing, Contains("gpu nvidia"));
}

}  // namespace
}  // namespace finewatt
