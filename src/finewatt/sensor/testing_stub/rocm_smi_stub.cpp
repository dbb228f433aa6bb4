#include "finewatt/sensor/testing_stub/rocm_smi_stub.h"

#include <cstdio>

namespace {

using finewatt::rocm_smi_stub::State;

State& state() {
    static State instance;
    return instance;
}

}  // namespace

extern "C" {

State* finewatt_rocm_smi_stub_state() {
    return &state();
}

unsigned rsmi_init(std::uint64_t) {
    return state().init_code;
}

unsigned rsmi_shut_down() {
    ++state().shutdowns;
    return 0;
}

unsigned rsmi_num_monitor_devices(std::uint32_t* count) {
    *count = state().count;
    return 0;
}

unsigned rsmi_dev_pci_id_get(std::uint32_t device, std::uint64_t* bdfid) {
    *bdfid = state().gpus[device].bdfid;
    return 0;
}

unsigned rsmi_status_string(unsigned status, const char** text) {
    *text = status == 2 ? "RSMI_STATUS_NOT_SUPPORTED" : "RSMI_STATUS_UNKNOWN_ERROR";
    return 0;
}

unsigned rsmi_dev_name_get(std::uint32_t, char* name, std::size_t size) {
    std::snprintf(name, size, "%s", "AMD Instinct MI100");
    return 0;
}

unsigned rsmi_dev_unique_id_get(std::uint32_t, std::uint64_t* id) {
    *id = 0x18f68e602b8a790f;
    return 0;
}

unsigned rsmi_dev_energy_count_get(std::uint32_t device, std::uint64_t* accumulator,
                                   float* resolution_uj, std::uint64_t* timestamp_ns) {
    *accumulator = state().gpus[device].energy_ticks;
    *resolution_uj = state().gpus[device].resolution_uj;
    *timestamp_ns = 1;
    return state().gpus[device].energy_code;
}

unsigned rsmi_dev_power_ave_get(std::uint32_t device, std::uint32_t, std::uint64_t* power_uw) {
    *power_uw = state().gpus[device].power_uw;
    return state().gpus[device].power_code;
}

unsigned rsmi_dev_power_cap_get(std::uint32_t device, std::uint32_t, std::uint64_t* cap_uw) {
    *cap_uw = state().gpus[device].cap_uw;
    return 0;
}
}
