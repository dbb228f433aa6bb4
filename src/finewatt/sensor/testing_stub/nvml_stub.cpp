#include "finewatt/sensor/testing_stub/nvml_stub.h"

#include "finewatt/sensor/nvml_library_internal.h"

#include <cstdio>
#include <cstring>

namespace {

using finewatt::nvml::Device;
using finewatt::nvml::FieldValue;
using finewatt::nvml_stub::Gpu;
using finewatt::nvml_stub::State;

constexpr int kInvalidArgument = 2;

State& state() {
    static State instance;
    return instance;
}

Gpu& gpu_of(Device device) {
    return *reinterpret_cast<Gpu*>(device);
}

void copy_text(const char* from, char* to, unsigned size) {
    std::snprintf(to, size, "%s", from);
}

}  // namespace

// The names and signatures of the NVML API reference.
extern "C" {

State* finewatt_nvml_stub_state() {
    return &state();
}

int nvmlInit_v2() {
    ++state().inits;
    return state().init_code;
}

int nvmlShutdown() {
    ++state().shutdowns;
    return 0;
}

const char* nvmlErrorString(int code) {
    return code == finewatt::nvml::kNotSupported ? "Not Supported" : "Stub Error";
}

int nvmlSystemGetDriverVersion(char* version, unsigned size) {
    copy_text("535.54.03", version, size);
    return 0;
}

int nvmlDeviceGetCount_v2(unsigned* count) {
    *count = state().count;
    return state().count_code;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device* device) {
    if (index >= state().count) {
        return kInvalidArgument;
    }
    *device = reinterpret_cast<Device>(&state().gpus[index]);
    return state().gpus[index].handle_code;
}

int nvmlDeviceGetName(Device device, char* name, unsigned size) {
    copy_text(gpu_of(device).name, name, size);
    return 0;
}

int nvmlDeviceGetUUID(Device device, char* uuid, unsigned size) {
    copy_text(gpu_of(device).uuid, uuid, size);
    return 0;
}

int nvmlDeviceGetTotalEnergyConsumption(Device device, unsigned long long* energy_mj) {
    *energy_mj = gpu_of(device).energy_mj;
    return gpu_of(device).energy_code;
}

int nvmlDeviceGetPowerUsage(Device device, unsigned* power_mw) {
    *power_mw = gpu_of(device).power_mw;
    return gpu_of(device).power_code;
}

int nvmlDeviceGetFieldValues(Device device, int count, FieldValue* values) {
    for (int i = 0; i < count; ++i) {
        FieldValue& value = values[i];
        const bool is_known = value.field_id == finewatt::nvml::kFieldPowerInstant;
        value.result = is_known ? gpu_of(device).field_code : kInvalidArgument;
        value.value_type = gpu_of(device).field_type;
        const double power_mw = gpu_of(device).power_field_mw;
        if (value.value_type == finewatt::nvml::kTypeDouble) {
            value.value.as_double = power_mw;
        } else if (value.value_type == finewatt::nvml::kTypeUnsignedInt) {
            value.value.as_unsigned = static_cast<unsigned>(power_mw);
        } else {
            value.value.as_unsigned_long_long = static_cast<unsigned long long>(power_mw);
        }
    }
    return 0;
}

int nvmlDeviceGetEnforcedPowerLimit(Device device, unsigned* limit_mw) {
    *limit_mw = gpu_of(device).limit_mw;
    return gpu_of(device).limit_code;
}
}
