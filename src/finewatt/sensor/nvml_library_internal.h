// The few types, codes and functions of NVIDIA's management library that we call, and the loader.
// Written from the NVML API reference (docs.nvidia.com/deploy/nvml-api); its header is not needed.
#pragma once

#include "finewatt/base/dyn_lib.h"
#include "finewatt/base/result.h"

#include <string>

namespace finewatt::nvml {

// nvmlReturn_t, the codes we act on.
inline constexpr int kSuccess = 0;
inline constexpr int kNotSupported = 3;
inline constexpr int kNoPermission = 4;
inline constexpr int kDriverNotLoaded = 9;
inline constexpr int kTimeout = 10;
inline constexpr int kGpuIsLost = 15;
inline constexpr int kResetRequired = 16;
inline constexpr int kUnknown = 999;

// NVML_FI_DEV_POWER_INSTANT, and the scope "GPU" (0) of nvmlPowerScopeType_t: the board alone, not
// the module that also holds the CPU.
inline constexpr unsigned kFieldPowerInstant = 186;
inline constexpr unsigned kScopeGpu = 0;

// nvmlValueType_t.
inline constexpr unsigned kTypeDouble = 0;
inline constexpr unsigned kTypeUnsignedInt = 1;
inline constexpr unsigned kTypeUnsignedLong = 2;
inline constexpr unsigned kTypeUnsignedLongLong = 3;

/// nvmlDevice_t: an opaque handle.
using Device = struct nvmlDevice_st*;

/// nvmlValue_t.
union Value {
    double as_double;
    int as_int;
    unsigned as_unsigned;
    unsigned long as_unsigned_long;
    unsigned long long as_unsigned_long_long;
    long long as_long_long;
    unsigned short as_unsigned_short;
};

/// nvmlFieldValue_t.
struct FieldValue {
    unsigned field_id;
    unsigned scope_id;
    long long timestamp_us;
    long long latency_us;
    unsigned value_type;
    int result;
    Value value;
};

/// The opened and initialised library. Functions that old drivers lack are null.
class Library {
  public:
    /// Open by name and call nvmlInit_v2. Errors: not found (no library), unsupported (functions
    /// missing), permission, io (initialisation failed).
    static Result<Library> open(const std::string& name);

    Library(Library&& other) noexcept;
    Library& operator=(Library&&) = delete;
    ~Library();

    /// Return NVML's text for a code.
    std::string error_text(int code) const;

    int (*device_count)(unsigned*) = nullptr;
    int (*device_by_index)(unsigned, Device*) = nullptr;
    int (*device_name)(Device, char*, unsigned) = nullptr;
    int (*device_uuid)(Device, char*, unsigned) = nullptr;
    int (*total_energy_mj)(Device, unsigned long long*) = nullptr;
    int (*power_usage_mw)(Device, unsigned*) = nullptr;
    int (*field_values)(Device, int, FieldValue*) = nullptr;
    int (*enforced_limit_mw)(Device, unsigned*) = nullptr;
    int (*driver_version)(char*, unsigned) = nullptr;
    int (*device_by_uuid)(const char*, Device*) = nullptr;
    int (*parent_of_mig)(Device, Device*) = nullptr;

  private:
    explicit Library(DynLib library) : library_(std::move(library)) {}

    bool load_functions();

    DynLib library_;
    const char* (*error_string_)(int) = nullptr;
    int (*init_)() = nullptr;
    int (*shutdown_)() = nullptr;
    bool is_initialised_ = false;
};

}  // namespace finewatt::nvml
