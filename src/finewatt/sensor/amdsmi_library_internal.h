// The few types, codes and functions of AMD's management library that we call, and the loader.
// Written from amd_smi/amdsmi.h of ROCm 6.0 (library 24), 6.4 (25) and 7.0 (26); no vendor header.
//
// Main type: amdsmi::Library. Structures changed between library majors 24, 25 and 26, so calls
// with plain arguments are preferred, and the one structure that is read has a layout per major.
#pragma once

#include "finewatt/base/dyn_lib.h"
#include "finewatt/base/result.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace finewatt::amdsmi {

// amdsmi_status_t, the codes we act on.
inline constexpr unsigned kSuccess = 0;
inline constexpr unsigned kNotSupported = 2;
inline constexpr unsigned kNotYetImplemented = 3;
inline constexpr unsigned kTimeout = 8;
inline constexpr unsigned kRetry = 9;
inline constexpr unsigned kNoPermission = 10;
inline constexpr unsigned kBusy = 30;
inline constexpr unsigned kNotFound = 31;
inline constexpr unsigned kNotInitialised = 32;
inline constexpr unsigned kDriverNotLoaded = 34;

// amdsmi_init_flags_t: AMDSMI_INIT_AMD_GPUS.
inline constexpr std::uint64_t kInitGpus = 1U << 1;

/// amdsmi_socket_handle and amdsmi_processor_handle: opaque.
using Handle = void*;

/// Room for any structure that the library writes, zeroed before each call. The largest that we ask
/// for (amdsmi_asic_info_t) is below 1.5 kB in every version.
struct alignas(16) StructBuffer {
    std::array<unsigned char, 4096> bytes{};
};

/// The functions; those that a version lacks are null. Minimum: the first block.
struct Functions {
    unsigned (*init)(std::uint64_t flags) = nullptr;
    unsigned (*shut_down)() = nullptr;
    unsigned (*socket_handles)(std::uint32_t* count, Handle* sockets) = nullptr;
    unsigned (*processor_handles)(Handle socket, std::uint32_t* count,
                                  Handle* processors) = nullptr;
    unsigned (*bdf_id)(Handle processor, std::uint64_t* bdfid) = nullptr;

    unsigned (*status_text)(unsigned status, const char** text) = nullptr;
    unsigned (*lib_version)(void* version) = nullptr;
    unsigned (*energy_count)(Handle processor, std::uint64_t* accumulator, float* resolution_uj,
                             std::uint64_t* timestamp_ns) = nullptr;
    unsigned (*power_info)(Handle processor, void* info) = nullptr;
    unsigned (*asic_info)(Handle processor, void* info) = nullptr;
    unsigned (*device_uuid)(Handle processor, unsigned* length, char* uuid) = nullptr;
};

/// Power of one device as amdsmi_power_info_t tells it, in watts.
struct PowerInfo {
    std::optional<std::uint64_t> power_w;
    std::optional<double> limit_w;
};

/// Read amdsmi_power_info_t as library `major` (24, 25, 26) wrote it. Members that a device does
/// not support hold all ones and give nothing.
PowerInfo parse_power_info(const StructBuffer& buffer, unsigned major);

/// The opened and initialised library. Its functions may be called from any thread.
class Library {
  public:
    /// Open by name and call amdsmi_init for GPUs. Shared: every channel keeps it open. Errors: not
    /// found (no library), unsupported (functions missing), permission, io (initialisation failed).
    static Result<std::shared_ptr<const Library>> open(const std::string& name);

    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;
    ~Library();

    const Functions& call() const { return call_; }

    /// The major version (24, 25, 26, ...), 0 when unknown. It was called year until 24; later
    /// versions begin the structure with the major, which goes on counting, so one field serves
    /// both.
    unsigned major() const { return major_; }

    /// Whether the layout of amdsmi_power_info_t is known for this major.
    bool has_known_power_info() const { return major_ >= 24 && major_ <= 26; }

    /// Return the library's text for a status.
    std::string error_text(unsigned status) const;

  private:
    explicit Library(DynLib library) : library_(std::move(library)) {}

    bool load_functions();
    void read_version();

    DynLib library_;
    Functions call_;
    unsigned major_ = 0;
    bool is_initialised_ = false;
};

}  // namespace finewatt::amdsmi
