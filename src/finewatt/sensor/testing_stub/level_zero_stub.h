// Control of the stub of libze_loader that the tests load in place of the real one. Test-only.
//
// The stub's functions have the names and prototypes of zes_api.h 1.8 (spec 1.4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace finewatt::level_zero_stub {

inline constexpr std::size_t kMaxDevices = 3;
inline constexpr std::size_t kMaxDomains = 4;

/// One fake power domain. Codes are ze_result_t.
struct PowerDomain {
    std::uint64_t energy_uj = 0;
    unsigned energy_code = 0;
    unsigned kind = 0;  ///< zes_power_domain_t
    bool is_on_subdevice = false;
    std::uint32_t subdevice = 0;
    std::int32_t default_limit_mw = -1;
};

/// One fake device.
struct Device {
    const char* name = "Intel Stub GPU";
    unsigned type = 1;  ///< ze_device_type_t
    std::uint32_t flags = 0;
    std::uint32_t bus = 0;
    bool has_card_domain = true;  ///< then it is the first domain
    std::size_t domain_count = 1;
    std::array<PowerDomain, kMaxDomains> domains{};
};

/// Everything the stub answers from.
struct State {
    unsigned init_code = 0;
    std::size_t count = 1;
    std::array<Device, kMaxDevices> devices{};
    int inits = 0;
};

/// Exported by the stub library under the name finewatt_level_zero_stub_state.
using StateFunction = State* (*)();

}  // namespace finewatt::level_zero_stub
