// Control of the stub of libnvidia-ml that the tests load in place of the real one. Test-only.
#pragma once

#include <array>

namespace finewatt::nvml_stub {

inline constexpr unsigned kMaxGpus = 4;

/// One fake GPU: what each call answers. Codes are nvmlReturn_t.
struct Gpu {
    const char* name = "Stub GPU";
    const char* uuid = "GPU-00000000";
    int handle_code = 0;
    int energy_code = 0;
    unsigned long long energy_mj = 0;
    int field_code = 0;       ///< the field's own return code
    unsigned field_type = 1;  ///< nvmlValueType_t of the power field
    double power_field_mw = 0;
    int power_code = 0;
    unsigned power_mw = 0;
    int limit_code = 0;
    unsigned limit_mw = 300'000;
};

/// Everything the stub answers from, and how often it was initialised and shut down.
struct State {
    int init_code = 0;
    int count_code = 0;
    unsigned count = 1;
    std::array<Gpu, kMaxGpus> gpus{};
    int inits = 0;
    int shutdowns = 0;
};

/// Exported by the stub library under the name finewatt_nvml_stub_state.
using StateFunction = State* (*)();

}  // namespace finewatt::nvml_stub
