#include "finewatt/sensor/testing_stub/amdsmi_stub.h"

#include "finewatt/sensor/amdsmi_library_internal.h"

#include <cstdio>
#include <cstring>

namespace {

using finewatt::amdsmi::Handle;
using finewatt::amdsmi_stub::Gpu;
using finewatt::amdsmi_stub::State;
namespace amdsmi = finewatt::amdsmi;

State& state() {
    static State instance;
    return instance;
}

Gpu& gpu_of(Handle handle) {
    return *static_cast<Gpu*>(handle);
}

// amdsmi_power_info_t of ROCm 6.0 and of 6.4, as the headers of those releases declare it.
struct PowerInfoRocm60 {
    std::uint32_t current_socket_power;
    std::uint32_t average_socket_power;
    std::uint32_t gfx_voltage;
    std::uint32_t soc_voltage;
    std::uint32_t mem_voltage;
    std::uint32_t power_limit;
    std::uint32_t reserved[11];
};

struct PowerInfoRocm64 {
    std::uint64_t socket_power;
    std::uint32_t current_socket_power;
    std::uint32_t average_socket_power;
    std::uint64_t gfx_voltage;
    std::uint64_t soc_voltage;
    std::uint64_t mem_voltage;
    std::uint32_t power_limit;
    std::uint64_t reserved[18];
};

}  // namespace

extern "C" {

State* finewatt_amdsmi_stub_state() {
    return &state();
}

unsigned amdsmi_init(std::uint64_t flags) {
    state().init_flags = flags;
    return state().init_code;
}

unsigned amdsmi_shut_down() {
    ++state().shutdowns;
    return 0;
}

unsigned amdsmi_status_code_to_string(unsigned status, const char** text) {
    *text = status == amdsmi::kNotSupported ? "Feature not supported" : "Stub Error";
    return 0;
}

// amdsmi_version_t: year, major, minor, release, build in 24; major, minor, release, build after.
unsigned amdsmi_get_lib_version(void* version) {
    const std::uint32_t first = state().major;
    std::memcpy(version, &first, sizeof(first));
    return 0;
}

unsigned amdsmi_get_socket_handles(std::uint32_t* count, Handle* sockets) {
    for (std::uint32_t i = 0; sockets != nullptr && i < *count && i < state().count; ++i) {
        sockets[i] = &state().gpus[i];
    }
    *count = static_cast<std::uint32_t>(state().count);
    return 0;
}

unsigned amdsmi_get_processor_handles(Handle socket, std::uint32_t* count, Handle* processors) {
    if (processors != nullptr && *count > 0) {
        processors[0] = socket;
    }
    *count = 1;
    return 0;
}

unsigned amdsmi_get_gpu_bdf_id(Handle device, std::uint64_t* bdfid) {
    *bdfid = gpu_of(device).bdfid;
    return 0;
}

unsigned amdsmi_get_energy_count(Handle device, std::uint64_t* accumulator, float* resolution_uj,
                                 std::uint64_t* timestamp_ns) {
    *accumulator = gpu_of(device).energy_ticks;
    *resolution_uj = gpu_of(device).resolution_uj;
    *timestamp_ns = 1;
    return gpu_of(device).energy_code;
}

unsigned amdsmi_get_power_info(Handle device, void* info) {
    ++state().power_calls;
    const Gpu& gpu = gpu_of(device);
    if (state().major == 24) {
        PowerInfoRocm60 out{};
        out.current_socket_power = gpu.current_power_w;
        out.average_socket_power = gpu.average_power_w;
        out.power_limit = gpu.power_limit;
        std::memcpy(info, &out, sizeof(out));
    } else {
        PowerInfoRocm64 out{};
        out.socket_power =
            gpu.current_power_w != 0xffffffff ? gpu.current_power_w : gpu.average_power_w;
        out.current_socket_power = gpu.current_power_w;
        out.average_socket_power = gpu.average_power_w;
        out.power_limit = gpu.power_limit;
        std::memcpy(info, &out, sizeof(out));
    }
    return gpu.power_code;
}

unsigned amdsmi_get_gpu_asic_info(Handle device, void* info) {
    std::snprintf(static_cast<char*>(info), 64, "%s", gpu_of(device).name);
    return 0;
}

unsigned amdsmi_get_gpu_device_uuid(Handle device, unsigned* length, char* uuid) {
    std::snprintf(uuid, *length, "%s", gpu_of(device).uuid);
    return 0;
}
}
