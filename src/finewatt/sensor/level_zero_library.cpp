#include "finewatt/sensor/level_zero_library_internal.h"

#include <type_traits>
#include <utility>

namespace finewatt::level_zero {

bool Library::load_functions() {
    const auto load = [this](auto& function, const char* name) {
        function = library_.symbol<std::remove_reference_t<decltype(function)>>(name);
        return function != nullptr;
    };
    load(call_.card_domain, "zesDeviceGetCardPowerDomain");
    const bool is_complete = load(call_.init, "zesInit") & load(call_.drivers, "zesDriverGet") &
                             load(call_.devices, "zesDeviceGet") &
                             load(call_.device_properties, "zesDeviceGetProperties") &
                             load(call_.pci_properties, "zesDevicePciGetProperties") &
                             load(call_.power_domains, "zesDeviceEnumPowerDomains") &
                             load(call_.power_properties, "zesPowerGetProperties") &
                             load(call_.energy_counter, "zesPowerGetEnergyCounter");
    return is_complete;
}

Result<std::shared_ptr<const Library>> Library::open(const std::string& name) {
    FINEWATT_ASSIGN(DynLib dynamic, DynLib::open(name));
    const std::shared_ptr<Library> library(new Library(std::move(dynamic)));
    if (!library->load_functions()) {
        return FINEWATT_ERROR(kUnsupported,
                              "{}: expected zesInit and the sysman functions, found an older "
                              "loader; update Level Zero to 1.9 or newer",
                              name);
    }
    const unsigned result = library->call_.init(0);
    if (result == kInsufficientPermissions) {
        return FINEWATT_ERROR(kPermission, "{}: zesInit: {}", name, result_text(result));
    }
    if (result != kSuccess) {
        return FINEWATT_ERROR(kIo, "{}: zesInit: {}", name, result_text(result));
    }
    return std::shared_ptr<const Library>(library);
}

std::string result_text(unsigned result) {
    const char* text = "unknown error";
    switch (result) {
        case kDeviceLost:
            text = "device lost";
            break;
        case kDeviceRequiresReset:
            text = "device requires a reset";
            break;
        case kInsufficientPermissions:
            text = "insufficient permissions";
            break;
        case kNotAvailable:
            text = "not available";
            break;
        case kUninitialized:
            text = "uninitialized: no driver for Intel GPUs";
            break;
        case kUnsupportedFeature:
            text = "unsupported feature";
            break;
        default:
            break;
    }
    return fmt::format("{} (Level Zero code {:#x})", text, result);
}

}  // namespace finewatt::level_zero
