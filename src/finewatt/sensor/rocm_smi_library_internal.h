// The few codes and functions of the older ROCm SMI library that we call, and the loader. Written
// from rocm_smi/rocm_smi.h of ROCm 5.2 and 6.0; no vendor header. All calls have plain arguments.
//
// Main type: rocm_smi::Library. Used only where AMD SMI is not there.
#pragma once

#include "finewatt/base/dyn_lib.h"
#include "finewatt/base/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace finewatt::rocm_smi {

// rsmi_status_t, the codes we act on.
inline constexpr unsigned kSuccess = 0;
inline constexpr unsigned kNotSupported = 2;
inline constexpr unsigned kPermission = 4;
inline constexpr unsigned kNotYetImplemented = 9;
inline constexpr unsigned kNotFound = 10;
inline constexpr unsigned kInterrupt = 12;
inline constexpr unsigned kNoData = 14;
inline constexpr unsigned kBusy = 16;

/// The functions; those that a version lacks are null. Minimum: the first block.
struct Functions {
    unsigned (*init)(std::uint64_t flags) = nullptr;
    unsigned (*shut_down)() = nullptr;
    unsigned (*device_count)(std::uint32_t* count) = nullptr;
    unsigned (*pci_id)(std::uint32_t device, std::uint64_t* bdfid) = nullptr;

    unsigned (*status_text)(unsigned status, const char** text) = nullptr;
    unsigned (*name)(std::uint32_t device, char* name, std::size_t size) = nullptr;
    unsigned (*unique_id)(std::uint32_t device, std::uint64_t* id) = nullptr;
    unsigned (*energy_count)(std::uint32_t device, std::uint64_t* accumulator, float* resolution_uj,
                             std::uint64_t* timestamp_ns) = nullptr;
    /// rsmi_dev_power_get (ROCm 6): current or average power, and which of the two.
    unsigned (*power_uw)(std::uint32_t device, std::uint64_t* power, unsigned* type) = nullptr;
    unsigned (*average_power_uw)(std::uint32_t device, std::uint32_t sensor,
                                 std::uint64_t* power) = nullptr;
    unsigned (*power_cap_uw)(std::uint32_t device, std::uint32_t sensor,
                             std::uint64_t* cap) = nullptr;
};

/// The opened and initialised library. Its functions may be called from any thread.
class Library {
  public:
    /// Open by name and call rsmi_init. Shared: every channel keeps it open. Errors: not found (no
    /// library), unsupported (functions missing), permission, io (initialisation failed).
    static Result<std::shared_ptr<const Library>> open(const std::string& name);

    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;
    ~Library();

    const Functions& call() const { return call_; }

    /// Return the library's text for a status.
    std::string error_text(unsigned status) const;

  private:
    explicit Library(DynLib library) : library_(std::move(library)) {}

    bool load_functions();

    DynLib library_;
    Functions call_;
    bool is_initialised_ = false;
};

}  // namespace finewatt::rocm_smi
