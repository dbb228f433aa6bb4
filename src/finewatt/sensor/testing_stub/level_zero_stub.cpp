#include "finewatt/sensor/testing_stub/level_zero_stub.h"

#include "finewatt/sensor/level_zero_library_internal.h"

#include <cstdio>

namespace {

using finewatt::level_zero::Handle;
using finewatt::level_zero_stub::Device;
using finewatt::level_zero_stub::PowerDomain;
using finewatt::level_zero_stub::State;
namespace level_zero = finewatt::level_zero;

State& state() {
    static State instance;
    return instance;
}

}  // namespace

extern "C" {

State* finewatt_level_zero_stub_state() {
    return &state();
}

unsigned zesInit(std::uint32_t) {
    ++state().inits;
    return state().init_code;
}

unsigned zesDriverGet(std::uint32_t* count, Handle* drivers) {
    if (drivers != nullptr && *count > 0) {
        drivers[0] = &state();
    }
    *count = 1;
    return 0;
}

unsigned zesDeviceGet(Handle, std::uint32_t* count, Handle* devices) {
    for (std::uint32_t i = 0; devices != nullptr && i < *count && i < state().count; ++i) {
        devices[i] = &state().devices[i];
    }
    *count = static_cast<std::uint32_t>(state().count);
    return 0;
}

unsigned zesDeviceGetProperties(Handle handle, level_zero::DeviceProperties* properties) {
    const Device& device = *static_cast<Device*>(handle);
    if (properties->stype != level_zero::kTypeDeviceProperties) {
        return 0x78000004;  // ZE_RESULT_ERROR_INVALID_ARGUMENT
    }
    properties->core.type = device.type;
    properties->core.flags = device.flags;
    properties->core.uuid[0] = 0xab;
    std::snprintf(properties->core.name, sizeof(properties->core.name), "%s", device.name);
    std::snprintf(properties->driver_version, sizeof(properties->driver_version), "%s", "23.30");
    return 0;
}

unsigned zesDevicePciGetProperties(Handle handle, level_zero::PciProperties* properties) {
    properties->domain = 0;
    properties->bus = static_cast<Device*>(handle)->bus;
    properties->device = 0;
    properties->function = 0;
    return 0;
}

unsigned zesDeviceGetCardPowerDomain(Handle handle, Handle* domain) {
    Device& device = *static_cast<Device*>(handle);
    if (!device.has_card_domain) {
        return level_zero::kUnsupportedFeature;
    }
    *domain = &device.domains[0];
    return 0;
}

unsigned zesDeviceEnumPowerDomains(Handle handle, std::uint32_t* count, Handle* domains) {
    Device& device = *static_cast<Device*>(handle);
    for (std::uint32_t i = 0; domains != nullptr && i < *count && i < device.domain_count; ++i) {
        domains[i] = &device.domains[i];
    }
    *count = static_cast<std::uint32_t>(device.domain_count);
    return 0;
}

unsigned zesPowerGetProperties(Handle handle, level_zero::PowerProperties* properties) {
    const PowerDomain& domain = *static_cast<PowerDomain*>(handle);
    properties->on_subdevice = domain.is_on_subdevice ? 1 : 0;
    properties->subdevice_id = domain.subdevice;
    properties->default_limit_mw = domain.default_limit_mw;
    properties->max_limit_mw = -1;
    auto* ext = static_cast<level_zero::PowerExtProperties*>(properties->next);
    if (ext != nullptr && ext->stype == level_zero::kTypePowerExtProperties) {
        ext->domain = domain.kind;
    }
    return 0;
}

unsigned zesPowerGetEnergyCounter(Handle handle, level_zero::EnergyCounter* counter) {
    const PowerDomain& domain = *static_cast<PowerDomain*>(handle);
    counter->energy_uj = domain.energy_uj;
    counter->timestamp_us = 1;
    return domain.energy_code;
}
}
