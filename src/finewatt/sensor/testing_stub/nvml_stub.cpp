#include "finewatt/sensor/testing_stub/nvml_stub.h"

#include <cstdio>
#include <cstring>

namespace {

using finewatt::nvml::Device;
using finewatt::nvml::FieldValue;
using finewatt::nvml::ProcessSample;
using finewatt::nvml::Sample;
using finewatt::nvml_stub::Gpu;
using finewatt::nvml_stub::State;
namespace nvml = finewatt::nvml;

State& state() {
    static State instance;
    return instance;
}

Gpu& gpu_of(Device device) {
    return *reinterpret_cast<Gpu*>(device);
}

Device handle_of(Gpu& gpu) {
    return reinterpret_cast<Device>(&gpu);
}

void copy_text(const char* from, char* to, unsigned size) {
    std::snprintf(to, size, "%s", from);
}

}  // namespace

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
    return code == nvml::kNotSupported ? "Not Supported" : "Stub Error";
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
        return nvml::kInvalidArgument;
    }
    *device = handle_of(state().gpus[index]);
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

int nvmlDeviceGetPowerUsage(Device device, unsigned* power_mw) {
    *power_mw = gpu_of(device).power_mw;
    return gpu_of(device).power_code;
}

#ifndef FINEWATT_NVML_STUB_OLD

int nvmlDeviceGetTotalEnergyConsumption(Device device, unsigned long long* energy_mj) {
    if (state().on_energy_call != nullptr) {
        state().on_energy_call();
    }
    *energy_mj = gpu_of(device).energy_mj;
    return gpu_of(device).energy_code;
}

// Each field has a code of its own; the call itself succeeds.
int nvmlDeviceGetFieldValues(Device device, int count, FieldValue* values) {
    for (int i = 0; i < count; ++i) {
        FieldValue& value = values[i];
        state().last_scope = value.scope_id;
        if (value.field_id == nvml::kFieldTotalEnergy) {
            value.result = gpu_of(device).energy_field_code;
            value.value_type = nvml::kTypeUnsignedLongLong;
            value.value.as_unsigned_long_long = gpu_of(device).energy_mj;
            continue;
        }
        const bool is_instant = value.field_id == nvml::kFieldPowerInstant;
        const bool is_average = value.field_id == nvml::kFieldPowerAverage;
        value.result = is_instant   ? gpu_of(device).field_code
                       : is_average ? gpu_of(device).average_code
                                    : nvml::kInvalidArgument;
        value.value_type = gpu_of(device).field_type;
        const double power_mw =
            is_instant ? gpu_of(device).power_field_mw : gpu_of(device).average_mw;
        if (value.value_type == nvml::kTypeDouble) {
            value.value.as_double = power_mw;
        } else if (value.value_type == nvml::kTypeUnsignedInt) {
            value.value.as_unsigned = static_cast<unsigned>(power_mw);
        } else if (value.value_type == nvml::kTypeSignedInt) {
            value.value.as_int = static_cast<int>(power_mw);
        } else {
            value.value.as_unsigned_long_long = static_cast<unsigned long long>(power_mw);
        }
    }
    return 0;
}

int nvmlDeviceGetSamples(Device device, unsigned type, unsigned long long since_us,
                         unsigned* value_type, unsigned* count, Sample* samples) {
    if (type != nvml::kTotalPowerSamples || gpu_of(device).samples_code != 0) {
        return type != nvml::kTotalPowerSamples ? nvml::kInvalidArgument
                                                : gpu_of(device).samples_code;
    }
    *value_type = nvml::kTypeUnsignedInt;
    unsigned found = 0;
    for (const Sample& sample : gpu_of(device).samples) {
        if (sample.timestamp_us > since_us) {
            if (samples != nullptr && found < *count) {
                samples[found] = sample;
            }
            ++found;
        }
    }
    *count = found;
    return found == 0 ? nvml::kNotFound : 0;
}

int nvmlDeviceGetUtilizationRates(Device device, nvml::Utilization* utilization) {
    utilization->gpu = gpu_of(device).utilization_pct;
    return gpu_of(device).utilization_code;
}

int nvmlDeviceGetArchitecture(Device device, unsigned* architecture) {
    *architecture = gpu_of(device).architecture;
    return 0;
}

int nvmlDeviceGetPciInfo_v3(Device device, nvml::PciInfo* info) {
    std::memset(info, 0, sizeof(*info));
    info->bus = gpu_of(device).bus;
    std::snprintf(info->bus_id, sizeof(info->bus_id), "00000000:%02X:00.0", info->bus);
    return 0;
}

int nvmlDeviceGetMigMode(Device device, unsigned* current, unsigned* pending) {
    *current = gpu_of(device).mig_mode;
    *pending = *current;
    return 0;
}

// A slice has a handle of its own; here, the address of the pointer to its name.
int nvmlDeviceGetHandleByUUID(const char* uuid, Device* device) {
    if (std::strcmp(uuid, state().mig_uuid) == 0) {
        *device = reinterpret_cast<Device>(&state().mig_uuid);
        return 0;
    }
    return nvml::kNotFound;
}

int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(Device slice, Device* parent) {
    if (slice != reinterpret_cast<Device>(&state().mig_uuid)) {
        return nvml::kInvalidArgument;
    }
    *parent = handle_of(state().gpus[state().mig_parent]);
    return 0;
}

int nvmlDeviceGetProcessUtilization(Device device, ProcessSample* samples, unsigned* count,
                                    unsigned long long since_us) {
    if (gpu_of(device).process_code != 0) {
        return gpu_of(device).process_code;
    }
    unsigned found = 0;
    for (const ProcessSample& sample : gpu_of(device).processes) {
        if (sample.timestamp_us > since_us) {
            if (samples != nullptr && found < *count) {
                samples[found] = sample;
            }
            ++found;
        }
    }
    *count = found;
    if (found == 0) {
        return nvml::kNotFound;
    }
    return samples == nullptr ? nvml::kInsufficientSize : 0;
}

#endif

int nvmlDeviceGetEnforcedPowerLimit(Device device, unsigned* limit_mw) {
    *limit_mw = gpu_of(device).limit_mw;
    return gpu_of(device).limit_code;
}
}
