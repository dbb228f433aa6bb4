// Control of the stub of libnvidia-ml that the tests load in place of the real one. Test-only.
//
// The stub's functions have the names and prototypes of the NVML API reference (vR615). Built
// twice: finewatt_nvml_stub, and finewatt_nvml_stub_old, which lacks what a driver of 2016 lacks.
#pragma once

#include "finewatt/sensor/nvml_library_internal.h"

#include <array>
#include <cstddef>

namespace finewatt::nvml_stub {

inline constexpr std::size_t kMaxGpus = 4;
inline constexpr std::size_t kMaxSamples = 8;

/// One fake GPU: what each call answers. Codes are nvmlReturn_t.
struct Gpu {
    const char* name = "Stub GPU";
    const char* uuid = "GPU-00000000";
    unsigned bus = 0;  ///< of its PCI address
    unsigned architecture = 7;
    int handle_code = 0;
    int energy_code = 0;
    unsigned long long energy_mj = 0;
    int energy_field_code = 3;  ///< of field 83; not supported unless told
    int field_code = 0;         ///< of field 186, the field's own return code
    unsigned field_type = 1;    ///< nvmlValueType_t of the power fields
    double power_field_mw = 100'000;
    int average_code = 3;  ///< of field 185
    double average_mw = 0;
    int samples_code = 3;
    std::array<nvml::Sample, kMaxSamples> samples{};  ///< unsigned values; time 0 = no sample
    int power_code = 0;
    unsigned power_mw = 0;
    int limit_code = 0;
    unsigned limit_mw = 300'000;
    int utilization_code = 0;
    unsigned utilization_pct = 0;
    unsigned mig_mode = 0;
    int process_code = 0;
    std::array<nvml::ProcessSample, kMaxSamples> processes{};  ///< time 0 = no sample
};

/// Everything the stub answers from, and what was called.
struct State {
    int init_code = 0;
    int count_code = 0;
    unsigned count = 1;
    std::array<Gpu, kMaxGpus> gpus{};
    const char* mig_uuid = "";   ///< a slice, "MIG-..."
    std::size_t mig_parent = 0;  ///< the index of its GPU
    unsigned last_scope = 99;    ///< scopeId of the last field that was asked for
    int inits = 0;
    int shutdowns = 0;
    /// Called by each read of the energy counter; a test lets its clock run here.
    void (*on_energy_call)() = nullptr;
};

/// Exported by the stub library under the name finewatt_nvml_stub_state.
using StateFunction = State* (*)();

}  // namespace finewatt::nvml_stub
