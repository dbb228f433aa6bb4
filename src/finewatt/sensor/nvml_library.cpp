#include "finewatt/sensor/nvml_library_internal.h"

#include <utility>

namespace finewatt::nvml {

Library::Library(Library&& other) noexcept
    : device_count(other.device_count),
      device_by_index(other.device_by_index),
      device_name(other.device_name),
      device_uuid(other.device_uuid),
      total_energy_mj(other.total_energy_mj),
      power_usage_mw(other.power_usage_mw),
      field_values(other.field_values),
      enforced_limit_mw(other.enforced_limit_mw),
      driver_version(other.driver_version),
      device_by_uuid(other.device_by_uuid),
      parent_of_mig(other.parent_of_mig),
      library_(std::move(other.library_)),
      error_string_(other.error_string_),
      init_(other.init_),
      shutdown_(other.shutdown_),
      is_initialised_(std::exchange(other.is_initialised_, false)) {}

Library::~Library() {
    if (is_initialised_) {
        shutdown_();
    }
}

bool Library::load_functions() {
    const auto load = [this](auto& function, const char* name) {
        function = library_.symbol<std::remove_reference_t<decltype(function)>>(name);
    };
    load(init_, "nvmlInit_v2");
    load(shutdown_, "nvmlShutdown");
    load(error_string_, "nvmlErrorString");
    load(driver_version, "nvmlSystemGetDriverVersion");
    load(device_count, "nvmlDeviceGetCount_v2");
    load(device_by_index, "nvmlDeviceGetHandleByIndex_v2");
    load(device_name, "nvmlDeviceGetName");
    load(device_uuid, "nvmlDeviceGetUUID");
    load(total_energy_mj, "nvmlDeviceGetTotalEnergyConsumption");
    load(power_usage_mw, "nvmlDeviceGetPowerUsage");
    load(field_values, "nvmlDeviceGetFieldValues");
    load(enforced_limit_mw, "nvmlDeviceGetEnforcedPowerLimit");
    load(device_by_uuid, "nvmlDeviceGetHandleByUUID");
    load(parent_of_mig, "nvmlDeviceGetDeviceHandleFromMigDeviceHandle");
    return init_ != nullptr && shutdown_ != nullptr && device_count != nullptr &&
           device_by_index != nullptr && device_name != nullptr && device_uuid != nullptr;
}

Result<Library> Library::open(const std::string& name) {
    FINEWATT_ASSIGN(DynLib dynamic, DynLib::open(name));
    Library library(std::move(dynamic));
    if (!library.load_functions()) {
        return FINEWATT_ERROR(kUnsupported,
                              "{}: expected nvmlInit_v2, nvmlDeviceGetCount_v2 and the functions "
                              "beside them, found an older library; update the NVIDIA driver",
                              name);
    }
    const int code = library.init_();
    if (code == kNoPermission) {
        return FINEWATT_ERROR(kPermission, "{}: nvmlInit_v2: {}", name, library.error_text(code));
    }
    if (code != kSuccess) {
        return FINEWATT_ERROR(kIo, "{}: nvmlInit_v2: {}", name, library.error_text(code));
    }
    library.is_initialised_ = true;
    return library;
}

std::string Library::error_text(int code) const {
    const char* text = error_string_ != nullptr ? error_string_(code) : nullptr;
    return fmt::format("{} (NVML code {})", text != nullptr ? text : "unknown error", code);
}

}  // namespace finewatt::nvml
