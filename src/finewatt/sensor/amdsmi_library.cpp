#include "finewatt/sensor/amdsmi_library_internal.h"

#include <cstring>
#include <type_traits>
#include <utility>

namespace finewatt::amdsmi {
namespace {

/// amdsmi_power_info_t of library 24. All but the limit in W and mV.
struct PowerInfo24 {
    std::uint32_t current_socket_power;
    std::uint32_t average_socket_power;
    std::uint32_t gfx_voltage;
    std::uint32_t soc_voltage;
    std::uint32_t mem_voltage;
    std::uint32_t power_limit;
    std::uint32_t reserved[11];
};

/// amdsmi_power_info_t of libraries 25 and 26.
struct PowerInfo25 {
    std::uint64_t socket_power;
    std::uint32_t current_socket_power;
    std::uint32_t average_socket_power;
    std::uint64_t gfx_voltage;
    std::uint64_t soc_voltage;
    std::uint64_t mem_voltage;
    std::uint32_t power_limit;
    std::uint64_t reserved[18];
};

constexpr std::uint64_t kMostPowerW = 10'000;  // kAbsurdGpuPowerW; also refuses all ones

template <class Struct>
Struct view(const StructBuffer& buffer) {
    static_assert(sizeof(Struct) <= sizeof(buffer.bytes));
    Struct value;
    std::memcpy(&value, buffer.bytes.data(), sizeof(value));
    return value;
}

std::optional<std::uint64_t> power_of(std::uint64_t power_w) {
    return power_w <= kMostPowerW ? std::optional(power_w) : std::nullopt;
}

/// The limit is in W in some versions and in uW in others.
std::optional<double> limit_of(std::uint32_t limit) {
    const double limit_w = limit > kMostPowerW ? limit * 1e-6 : limit;
    constexpr double kLeastLimitW = 5;
    return limit_w >= kLeastLimitW && limit != UINT32_MAX ? std::optional(limit_w) : std::nullopt;
}

std::optional<std::uint64_t> first_of(std::optional<std::uint64_t> a,
                                      std::optional<std::uint64_t> b) {
    // 0 beside a value means that this member is not served on this chip.
    return a && *a > 0 ? a : (b ? b : a);
}

}  // namespace

PowerInfo parse_power_info(const StructBuffer& buffer, unsigned major) {
    if (major == 24) {
        const auto info = view<PowerInfo24>(buffer);
        return {first_of(power_of(info.current_socket_power), power_of(info.average_socket_power)),
                limit_of(info.power_limit)};
    }
    const auto info = view<PowerInfo25>(buffer);
    const auto current_or_average =
        first_of(power_of(info.current_socket_power), power_of(info.average_socket_power));
    return {first_of(power_of(info.socket_power), current_or_average), limit_of(info.power_limit)};
}

Library::~Library() {
    if (is_initialised_) {
        call_.shut_down();
    }
}

bool Library::load_functions() {
    const auto load = [this](auto& function, const char* name) {
        function = library_.symbol<std::remove_reference_t<decltype(function)>>(name);
    };
    load(call_.init, "amdsmi_init");
    load(call_.shut_down, "amdsmi_shut_down");
    load(call_.socket_handles, "amdsmi_get_socket_handles");
    load(call_.processor_handles, "amdsmi_get_processor_handles");
    load(call_.bdf_id, "amdsmi_get_gpu_bdf_id");
    load(call_.status_text, "amdsmi_status_code_to_string");
    load(call_.lib_version, "amdsmi_get_lib_version");
    load(call_.energy_count, "amdsmi_get_energy_count");
    load(call_.power_info, "amdsmi_get_power_info");
    load(call_.asic_info, "amdsmi_get_gpu_asic_info");
    load(call_.device_uuid, "amdsmi_get_gpu_device_uuid");
    return call_.init != nullptr && call_.shut_down != nullptr && call_.socket_handles != nullptr &&
           call_.processor_handles != nullptr && call_.bdf_id != nullptr;
}

void Library::read_version() {
    StructBuffer version;
    if (call_.lib_version != nullptr && call_.lib_version(version.bytes.data()) == kSuccess) {
        std::uint32_t first = 0;
        std::memcpy(&first, version.bytes.data(), sizeof(first));
        major_ = first;
    }
}

Result<std::shared_ptr<const Library>> Library::open(const std::string& name) {
    FINEWATT_ASSIGN(DynLib dynamic, DynLib::open(name));
    const std::shared_ptr<Library> library(new Library(std::move(dynamic)));
    if (!library->load_functions()) {
        return FINEWATT_ERROR(kUnsupported,
                              "{}: expected amdsmi_init, amdsmi_get_gpu_bdf_id and the functions "
                              "beside them, found an older library; update ROCm",
                              name);
    }
    const unsigned status = library->call_.init(kInitGpus);
    if (status == kNoPermission) {
        return FINEWATT_ERROR(kPermission, "{}: amdsmi_init: {}", name,
                              library->error_text(status));
    }
    if (status != kSuccess) {
        return FINEWATT_ERROR(kIo, "{}: amdsmi_init: {}", name, library->error_text(status));
    }
    library->is_initialised_ = true;
    library->read_version();
    return std::shared_ptr<const Library>(library);
}

std::string Library::error_text(unsigned status) const {
    const char* text = nullptr;
    if (call_.status_text != nullptr && call_.status_text(status, &text) != kSuccess) {
        text = nullptr;
    }
    return fmt::format("{} (AMD SMI code {})", text != nullptr ? text : "unknown error", status);
}

}  // namespace finewatt::amdsmi
