// The few types, codes and functions of Level Zero's sysman that we call, and the loader. Written
// from level_zero/ze_api.h and zes_api.h 1.8 (spec 1.4); the vendor's header is not needed.
//
// Main type: level_zero::Library. Not for compute: only zesInit is called, never zeInit.
#pragma once

#include "finewatt/base/dyn_lib.h"
#include "finewatt/base/result.h"

#include <cstdint>
#include <memory>
#include <string>

namespace finewatt::level_zero {

// ze_result_t, the codes we act on.
inline constexpr unsigned kSuccess = 0;
inline constexpr unsigned kDeviceLost = 0x70000001;
inline constexpr unsigned kDeviceRequiresReset = 0x70000006;
inline constexpr unsigned kLowPowerState = 0x70000007;
inline constexpr unsigned kInsufficientPermissions = 0x70010000;
inline constexpr unsigned kNotAvailable = 0x70010001;
inline constexpr unsigned kUninitialized = 0x78000001;
inline constexpr unsigned kUnsupportedFeature = 0x78000003;

// zes_structure_type_t.
inline constexpr unsigned kTypeDeviceProperties = 0x1;
inline constexpr unsigned kTypePciProperties = 0x2;
inline constexpr unsigned kTypePowerProperties = 0xd;
inline constexpr unsigned kTypePowerExtProperties = 0x28;
// ZE_STRUCTURE_TYPE_DEVICE_PROPERTIES, and ZE_DEVICE_PROPERTY_FLAG_INTEGRATED.
inline constexpr unsigned kTypeCoreDeviceProperties = 0x3;
inline constexpr std::uint32_t kFlagIntegrated = 1;
// ze_device_type_t: ZE_DEVICE_TYPE_GPU.
inline constexpr unsigned kDeviceTypeGpu = 1;

// zes_power_domain_t.
inline constexpr unsigned kDomainUnknown = 0;
inline constexpr unsigned kDomainCard = 1;
inline constexpr unsigned kDomainPackage = 2;

/// zes_driver_handle_t, zes_device_handle_t, zes_pwr_handle_t: opaque.
using Handle = void*;

/// ze_device_properties_t.
struct CoreDeviceProperties {
    unsigned stype = kTypeCoreDeviceProperties;
    void* next = nullptr;
    unsigned type = 0;
    std::uint32_t vendor_id = 0;
    std::uint32_t device_id = 0;
    std::uint32_t flags = 0;
    std::uint32_t subdevice_id = 0;
    std::uint32_t core_clock_rate = 0;
    std::uint64_t max_mem_alloc_size = 0;
    std::uint32_t max_hardware_contexts = 0;
    std::uint32_t max_command_queue_priority = 0;
    std::uint32_t threads_per_eu = 0;
    std::uint32_t physical_eu_simd_width = 0;
    std::uint32_t eus_per_subslice = 0;
    std::uint32_t subslices_per_slice = 0;
    std::uint32_t slices = 0;
    std::uint64_t timer_resolution = 0;
    std::uint32_t timestamp_valid_bits = 0;
    std::uint32_t kernel_timestamp_valid_bits = 0;
    std::uint8_t uuid[16]{};
    char name[256]{};
};

/// zes_device_properties_t.
struct DeviceProperties {
    unsigned stype = kTypeDeviceProperties;
    void* next = nullptr;
    CoreDeviceProperties core;
    std::uint32_t subdevices = 0;
    char serial_number[64]{};
    char board_number[64]{};
    char brand_name[64]{};
    char model_name[64]{};
    char vendor_name[64]{};
    char driver_version[64]{};
};

/// zes_pci_properties_t, with zes_pci_address_t and zes_pci_speed_t written out.
struct PciProperties {
    unsigned stype = kTypePciProperties;
    void* next = nullptr;
    std::uint32_t domain = 0;
    std::uint32_t bus = 0;
    std::uint32_t device = 0;
    std::uint32_t function = 0;
    std::int32_t generation = 0;
    std::int32_t width = 0;
    std::int64_t max_bandwidth = 0;
    std::uint8_t have_bandwidth_counters = 0;
    std::uint8_t have_packet_counters = 0;
    std::uint8_t have_replay_counters = 0;
};

/// zes_power_ext_properties_t; `default_limit` points to a zes_power_limit_ext_desc_t or is null.
struct PowerExtProperties {
    unsigned stype = kTypePowerExtProperties;
    void* next = nullptr;
    unsigned domain = kDomainUnknown;
    void* default_limit = nullptr;
};

/// zes_power_properties_t. Limits in mW, -1 when unknown.
struct PowerProperties {
    unsigned stype = kTypePowerProperties;
    void* next = nullptr;
    std::uint8_t on_subdevice = 0;
    std::uint32_t subdevice_id = 0;
    std::uint8_t can_control = 0;
    std::uint8_t is_energy_threshold_supported = 0;
    std::int32_t default_limit_mw = -1;
    std::int32_t min_limit_mw = -1;
    std::int32_t max_limit_mw = -1;
};

/// zes_power_energy_counter_t.
struct EnergyCounter {
    std::uint64_t energy_uj = 0;
    std::uint64_t timestamp_us = 0;
};

/// The functions; card_domain is null in old loaders.
struct Functions {
    unsigned (*init)(std::uint32_t flags) = nullptr;
    unsigned (*drivers)(std::uint32_t* count, Handle* drivers) = nullptr;
    unsigned (*devices)(Handle driver, std::uint32_t* count, Handle* devices) = nullptr;
    unsigned (*device_properties)(Handle device, DeviceProperties*) = nullptr;
    unsigned (*pci_properties)(Handle device, PciProperties*) = nullptr;
    unsigned (*power_domains)(Handle device, std::uint32_t* count, Handle* domains) = nullptr;
    unsigned (*power_properties)(Handle domain, PowerProperties*) = nullptr;
    unsigned (*energy_counter)(Handle domain, EnergyCounter*) = nullptr;
    unsigned (*card_domain)(Handle device, Handle* domain) = nullptr;
};

/// The opened and initialised loader. Its functions may be called from any thread; Level Zero has
/// no call that ends it.
class Library {
  public:
    /// Open by name and call zesInit. Shared: every channel keeps it open. Errors: not found (no
    /// library), unsupported (functions missing), permission, io (initialisation failed).
    static Result<std::shared_ptr<const Library>> open(const std::string& name);

    const Functions& call() const { return call_; }

  private:
    explicit Library(DynLib library) : library_(std::move(library)) {}

    bool load_functions();

    DynLib library_;
    Functions call_;
};

/// Return the name of a result code, as the specification writes it, with the number.
std::string result_text(unsigned result);

}  // namespace finewatt::level_zero
