// Control of the stub of librocm_smi64 that the tests load in place of the real one. Test-only.
//
// The stub's functions have the names and prototypes of rocm_smi/rocm_smi.h of ROCm 5.2; it lacks
// rsmi_dev_power_get, which came later.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace finewatt::rocm_smi_stub {

inline constexpr std::size_t kMaxGpus = 4;

/// One fake device. Codes are rsmi_status_t.
struct Gpu {
    std::uint64_t bdfid = 0;
    unsigned energy_code = 0;
    std::uint64_t energy_ticks = 0;
    float resolution_uj = 15.3F;
    unsigned power_code = 0;
    std::uint64_t power_uw = 0;
    std::uint64_t cap_uw = 300'000'000;
};

/// Everything the stub answers from.
struct State {
    unsigned init_code = 0;
    std::uint32_t count = 1;
    std::array<Gpu, kMaxGpus> gpus{};
    int shutdowns = 0;
};

/// Exported by the stub library under the name finewatt_rocm_smi_stub_state.
using StateFunction = State* (*)();

}  // namespace finewatt::rocm_smi_stub
