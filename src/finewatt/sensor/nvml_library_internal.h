// The few types, codes and functions of NVIDIA's management library that we call, and the loader.
// Written from the NVML API reference (docs.nvidia.com/deploy/nvml-api, vR615); its header is not
// needed.
//
// Main type: nvml::Library. Not for deciding what to read: nvml_queries_internal.h.
#pragma once

#include "finewatt/base/dyn_lib.h"
#include "finewatt/base/result.h"

#include <memory>
#include <string>

namespace finewatt::nvml {

// nvmlReturn_t, the codes we act on.
inline constexpr int kSuccess = 0;
inline constexpr int kUninitialized = 1;
inline constexpr int kInvalidArgument = 2;
inline constexpr int kNotSupported = 3;
inline constexpr int kNoPermission = 4;
inline constexpr int kNotFound = 6;
inline constexpr int kInsufficientSize = 7;
inline constexpr int kDriverNotLoaded = 9;
inline constexpr int kTimeout = 10;
inline constexpr int kFunctionNotFound = 13;
inline constexpr int kGpuIsLost = 15;
inline constexpr int kResetRequired = 16;
inline constexpr int kVersionMismatch = 18;
inline constexpr int kUnknown = 999;

// NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION, NVML_FI_DEV_POWER_AVERAGE, NVML_FI_DEV_POWER_INSTANT.
inline constexpr unsigned kFieldTotalEnergy = 83;
inline constexpr unsigned kFieldPowerAverage = 185;
inline constexpr unsigned kFieldPowerInstant = 186;
// NVML_POWER_SCOPE_GPU: the board alone. Scope 1 is the module, which on Grace-Hopper also holds
// the CPU, and scope 2 the memory; neither is asked for.
inline constexpr unsigned kScopeGpu = 0;

// nvmlValueType_t.
inline constexpr unsigned kTypeDouble = 0;
inline constexpr unsigned kTypeUnsignedInt = 1;
inline constexpr unsigned kTypeUnsignedLong = 2;
inline constexpr unsigned kTypeUnsignedLongLong = 3;
inline constexpr unsigned kTypeSignedLongLong = 4;
inline constexpr unsigned kTypeSignedInt = 5;
inline constexpr unsigned kTypeUnsignedShort = 6;

// nvmlSamplingType_t: NVML_TOTAL_POWER_SAMPLES.
inline constexpr unsigned kTotalPowerSamples = 0;

// NVML_DEVICE_UUID_V2_BUFFER_SIZE, NVML_DEVICE_NAME_V2_BUFFER_SIZE.
inline constexpr unsigned kTextSize = 96;

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

/// nvmlSample_t. The time is that of the CPU, since 1970.
struct Sample {
    unsigned long long timestamp_us;
    Value value;
};

/// nvmlUtilization_t: per cent of the time in which a kernel ran, or memory was busy.
struct Utilization {
    unsigned gpu;
    unsigned memory;
};

/// nvmlProcessUtilizationSample_t; shares in per cent.
struct ProcessSample {
    unsigned pid;
    unsigned long long timestamp_us;
    unsigned sm;
    unsigned memory;
    unsigned encoder;
    unsigned decoder;
};

/// nvmlPciInfo_t of nvmlDeviceGetPciInfo_v3.
struct PciInfo {
    char bus_id_legacy[16];
    unsigned domain;
    unsigned bus;
    unsigned device;
    unsigned pci_device_id;
    unsigned pci_subsystem_id;
    char bus_id[32];
};

/// The functions; those that an old driver lacks are null. Minimum: the first block.
struct Functions {
    int (*init)() = nullptr;
    int (*shutdown)() = nullptr;
    int (*device_count)(unsigned*) = nullptr;
    int (*device_by_index)(unsigned, Device*) = nullptr;
    int (*device_name)(Device, char*, unsigned) = nullptr;
    int (*device_uuid)(Device, char*, unsigned) = nullptr;

    const char* (*error_string)(int) = nullptr;
    int (*driver_version)(char*, unsigned) = nullptr;
    int (*total_energy_mj)(Device, unsigned long long*) = nullptr;
    int (*power_usage_mw)(Device, unsigned*) = nullptr;
    int (*field_values)(Device, int, FieldValue*) = nullptr;
    int (*samples)(Device, unsigned type, unsigned long long since_us, unsigned* value_type,
                   unsigned* count, Sample*) = nullptr;
    int (*enforced_limit_mw)(Device, unsigned*) = nullptr;
    int (*management_limit_mw)(Device, unsigned*) = nullptr;
    int (*utilization)(Device, Utilization*) = nullptr;
    int (*architecture)(Device, unsigned*) = nullptr;
    int (*pci_info)(Device, PciInfo*) = nullptr;
    int (*mig_mode)(Device, unsigned* current, unsigned* pending) = nullptr;
    int (*device_by_uuid)(const char*, Device*) = nullptr;
    int (*parent_of_mig)(Device, Device*) = nullptr;
    int (*process_utilization)(Device, ProcessSample*, unsigned* count,
                               unsigned long long since_us) = nullptr;
};

/// The opened and initialised library. NVML's functions may be called from any thread.
class Library {
  public:
    /// Open by name and call nvmlInit_v2. Shared: the channels of both NVML sources, the GPU model
    /// and the process reader keep it open. Errors: not found (no library), unsupported (functions
    /// missing), permission, io (initialisation failed).
    static Result<std::shared_ptr<const Library>> open(const std::string& name);

    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;
    ~Library();

    const Functions& call() const { return call_; }

    /// Return NVML's text for a code.
    std::string error_text(int code) const;

  private:
    explicit Library(DynLib library) : library_(std::move(library)) {}

    bool load_functions();

    DynLib library_;
    Functions call_;
    bool is_initialised_ = false;
};

}  // namespace finewatt::nvml
