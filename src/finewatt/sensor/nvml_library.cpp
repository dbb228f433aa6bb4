#include "finewatt/sensor/nvml_library_internal.h"

#include <type_traits>
#include <utility>

namespace finewatt::nvml {

Library::~Library() {
    if (is_initialised_) {
        call_.shutdown();
    }
}

bool Library::load_functions() {
    const auto load = [this](auto& function, const char* name) {
        function = library_.symbol<std::remove_reference_t<decltype(function)>>(name);
    };
    load(call_.init, "nvmlInit_v2");
    load(call_.shutdown, "nvmlShutdown");
    load(call_.device_count, "nvmlDeviceGetCount_v2");
    load(call_.device_by_index, "nvmlDeviceGetHandleByIndex_v2");
    load(call_.device_name, "nvmlDeviceGetName");
    load(call_.device_uuid, "nvmlDeviceGetUUID");
    load(call_.error_string, "nvmlErrorString");
    load(call_.driver_version, "nvmlSystemGetDriverVersion");
    load(call_.total_energy_mj, "nvmlDeviceGetTotalEnergyConsumption");
    load(call_.power_usage_mw, "nvmlDeviceGetPowerUsage");
    load(call_.field_values, "nvmlDeviceGetFieldValues");
    load(call_.samples, "nvmlDeviceGetSamples");
    load(call_.enforced_limit_mw, "nvmlDeviceGetEnforcedPowerLimit");
    load(call_.management_limit_mw, "nvmlDeviceGetPowerManagementLimit");
    load(call_.utilization, "nvmlDeviceGetUtilizationRates");
    load(call_.architecture, "nvmlDeviceGetArchitecture");
    load(call_.pci_info, "nvmlDeviceGetPciInfo_v3");
    load(call_.mig_mode, "nvmlDeviceGetMigMode");
    load(call_.device_by_uuid, "nvmlDeviceGetHandleByUUID");
    load(call_.parent_of_mig, "nvmlDeviceGetDeviceHandleFromMigDeviceHandle");
    load(call_.process_utilization, "nvmlDeviceGetProcessUtilization");
    return call_.init != nullptr && call_.shutdown != nullptr && call_.device_count != nullptr &&
           call_.device_by_index != nullptr && call_.device_name != nullptr &&
           call_.device_uuid != nullptr;
}

Result<std::shared_ptr<const Library>> Library::open(const std::string& name) {
    FINEWATT_ASSIGN(DynLib dynamic, DynLib::open(name));
    const std::shared_ptr<Library> library(new Library(std::move(dynamic)));
    if (!library->load_functions()) {
        return FINEWATT_ERROR(kUnsupported,
                              "{}: expected nvmlInit_v2, nvmlDeviceGetCount_v2 and the functions "
                              "beside them, found an older library; update the NVIDIA driver",
                              name);
    }
    const int code = library->call_.init();
    if (code == kNoPermission) {
        return FINEWATT_ERROR(kPermission, "{}: nvmlInit_v2: {}", name, library->error_text(code));
    }
    if (code != kSuccess) {
        return FINEWATT_ERROR(kIo, "{}: nvmlInit_v2: {}", name, library->error_text(code));
    }
    library->is_initialised_ = true;
    return std::shared_ptr<const Library>(library);
}

std::string Library::error_text(int code) const {
    const char* text = call_.error_string != nullptr ? call_.error_string(code) : nullptr;
    return fmt::format("{} (NVML code {})", text != nullptr ? text : "unknown error", code);
}

}  // namespace finewatt::nvml
