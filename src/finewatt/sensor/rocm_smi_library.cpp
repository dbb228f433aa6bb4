#include "finewatt/sensor/rocm_smi_library_internal.h"

#include <type_traits>
#include <utility>

namespace finewatt::rocm_smi {

Library::~Library() {
    if (is_initialised_) {
        call_.shut_down();
    }
}

bool Library::load_functions() {
    const auto load = [this](auto& function, const char* name) {
        function = library_.symbol<std::remove_reference_t<decltype(function)>>(name);
    };
    load(call_.init, "rsmi_init");
    load(call_.shut_down, "rsmi_shut_down");
    load(call_.device_count, "rsmi_num_monitor_devices");
    load(call_.pci_id, "rsmi_dev_pci_id_get");
    load(call_.status_text, "rsmi_status_string");
    load(call_.name, "rsmi_dev_name_get");
    load(call_.unique_id, "rsmi_dev_unique_id_get");
    load(call_.energy_count, "rsmi_dev_energy_count_get");
    load(call_.power_uw, "rsmi_dev_power_get");
    load(call_.average_power_uw, "rsmi_dev_power_ave_get");
    load(call_.power_cap_uw, "rsmi_dev_power_cap_get");
    return call_.init != nullptr && call_.shut_down != nullptr && call_.device_count != nullptr &&
           call_.pci_id != nullptr;
}

Result<std::shared_ptr<const Library>> Library::open(const std::string& name) {
    FINEWATT_ASSIGN(DynLib dynamic, DynLib::open(name));
    const std::shared_ptr<Library> library(new Library(std::move(dynamic)));
    if (!library->load_functions()) {
        return FINEWATT_ERROR(
            kUnsupported,
            "{}: expected rsmi_init, rsmi_dev_pci_id_get and the functions beside "
            "them, found an older library; update ROCm",
            name);
    }
    const unsigned status = library->call_.init(0);
    if (status == kPermission) {
        return FINEWATT_ERROR(kPermission, "{}: rsmi_init: {}", name, library->error_text(status));
    }
    if (status != kSuccess) {
        return FINEWATT_ERROR(kIo, "{}: rsmi_init: {}", name, library->error_text(status));
    }
    library->is_initialised_ = true;
    return std::shared_ptr<const Library>(library);
}

std::string Library::error_text(unsigned status) const {
    const char* text = nullptr;
    if (call_.status_text != nullptr && call_.status_text(status, &text) != kSuccess) {
        text = nullptr;
    }
    return fmt::format("{} (ROCm SMI code {})", text != nullptr ? text : "unknown error", status);
}

}  // namespace finewatt::rocm_smi
