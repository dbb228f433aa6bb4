// Control of the stub of libamd_smi that the tests load in place of the real one. Test-only.
//
// The stub's functions have the names and prototypes of amd_smi/amdsmi.h; what it writes into a
// structure follows `major`: 24 (ROCm 6.0), 25 (6.4) or 26 (7.0).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace finewatt::amdsmi_stub {

inline constexpr std::size_t kMaxGpus = 4;

/// One fake device, in a socket of its own. Codes are amdsmi_status_t.
struct Gpu {
    const char* name = "AMD Instinct MI210";
    const char* uuid = "5cff740f-0000-1000-8000-000000000000";
    std::uint64_t bdfid = 0;
    unsigned energy_code = 0;
    std::uint64_t energy_ticks = 0;
    float resolution_uj = 15.3F;
    unsigned power_code = 0;
    std::uint32_t current_power_w = 0xffffffff;  ///< all ones: not supported
    std::uint32_t average_power_w = 0xffffffff;
    std::uint32_t power_limit = 300;  ///< as the version writes it
};

/// Everything the stub answers from, and what was called.
struct State {
    unsigned major = 25;
    unsigned init_code = 0;
    std::uint64_t init_flags = 0;
    std::size_t count = 1;
    std::array<Gpu, kMaxGpus> gpus{};
    int shutdowns = 0;
    int power_calls = 0;
};

/// Exported by the stub library under the name finewatt_amdsmi_stub_state.
using StateFunction = State* (*)();

}  // namespace finewatt::amdsmi_stub
