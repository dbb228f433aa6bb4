// What every source needs to look for its hardware, and what it says of what it found. One probe
// function per source file pair; discovery.h calls them all.
//
// Main types: DiscoveryOptions, SourceProbe, SourceReport. Not for choosing between sources: that
// is discovery.h.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/file.h"
#include "finewatt/base/sys_root.h"
#include "finewatt/sensor/cpu_info.h"
#include "finewatt/sensor/source.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// Returns the value of an environment variable, or nothing.
using EnvLookup = std::function<std::optional<std::string>(const std::string& name)>;

/// Opens a sensor file for reading. Tests replace it to deny files, since root may read them all.
using FileOpener = std::function<Result<ScopedFd>(const std::filesystem::path& path)>;

/// One event of a kernel PMU, counted on one CPU for all processes.
struct PerfEventRequest {
    std::uint32_t type = 0;    ///< the PMU's `type` file
    std::uint64_t config = 0;  ///< the event's code
    int cpu = 0;
};

/// The two system calls of perf events. Tests replace them, since few machines have the hardware.
struct PerfCalls {
    /// Opens a counting event. Errors: permission, not found, unsupported, io.
    std::function<Result<ScopedFd>(const PerfEventRequest& request)> open;
    /// Reads the event's 64-bit count into `count`; returns 0 or an errno.
    std::function<int(int fd, std::uint64_t& count)> read;
};

/// Look a variable up in the environment of this process.
std::optional<std::string> read_environment(const std::string& name);

/// Return the root that FINEWATT_SYSROOT names; the machine's own tree when it is not set.
SysRoot sys_root_from(const EnvLookup& env);

/// Open a file with O_RDONLY. Errors: not found, permission, io.
Result<ScopedFd> open_for_reading(const std::filesystem::path& path);

/// What several probes need to know of the machine. discover() reads it once, because the kernel
/// takes its time over /proc/cpuinfo on machines with many processors.
struct MachineFacts {
    std::optional<CpuInfo> cpu;                           ///< nothing = not read yet
    std::optional<std::vector<std::string>> hwmon_names;  ///< names of all chips; likewise
};

/// Where and how to look for sensors. `clock` must outlive every source made with it.
struct DiscoveryOptions {
    SysRoot root{};
    const Clock& clock;
    EnvLookup env = read_environment;
    FileOpener open = open_for_reading;
    bool allow_models = true;  ///< false: only sensors that were really read
    /// Poll every usable sensor, also those that a better one makes unnecessary. For comparing
    /// sensors; a total still counts one per domain and device.
    bool all_sources = false;
    /// Perf events; the machine's own when `open` is empty.
    PerfCalls perf{};
    MachineFacts facts{};  ///< filled in by discover()
    /// The program that advice about rights speaks of; this one when empty.
    std::filesystem::path program{};
    /// Wall meters to read, as the user named them (wall_meter.h has the forms).
    std::vector<std::string> wall_meters{};
};

/// Return the processors of the machine, from the facts if they were read. Errors: those of
/// read_cpu_info().
Result<CpuInfo> cpu_info_of(const DiscoveryOptions& options);

/// Return the power that no channel of this domain can exceed, in watts, for channels whose
/// hardware states no limit: package and core 1,000, dram 500, psys and gpu 2,000, node 10,000. Our
/// choice, docs/measuring.md; `other` may be anything inside a package and gets the package's.
double default_ceiling_w(Domain domain);

/// How a source stands: can be read; exists, but this user may not; not on this machine; exists,
/// but does not work.
enum class SourceStatus { kUsable, kDenied, kAbsent, kBroken };

/// Return "usable", "denied", "absent" or "broken".
std::string_view source_status_name(SourceStatus status);

/// One line of `finewatt doctor`.
struct SourceReport {
    std::string source;  ///< e.g. "powercap"
    SourceStatus status{};
    std::vector<std::string> channels;  ///< ids of the channels this line speaks of
    std::string why;                    ///< what was found, and what was expected
    std::string fix;                    ///< the command or step that mends it; empty when none
};

/// A component that exists and that nothing can measure or model. A total that should contain it
/// is unknown, never smaller.
struct UnmeasuredComponent {
    std::string component;  ///< "cpu", "dram" or "gpu"
    std::string device;     ///< e.g. a GPU's UUID
    std::string reason;
    std::string advice;
};

/// A GPU that a vendor library showed, whether or not its energy can be read.
struct GpuInfo {
    std::string name;
    std::string uuid;
    std::string driver;       ///< version of the kernel driver
    bool is_selected = true;  ///< false when CUDA_VISIBLE_DEVICES hides it; then it has no channel
};

/// What one probe found: a source, or none, and at least one report.
struct SourceProbe {
    std::unique_ptr<Source> source;  ///< null when there is nothing to read
    std::vector<SourceReport> reports;
    std::vector<UnmeasuredComponent> unmeasured;
    std::vector<GpuInfo> gpus;
    /// Dies whose counters show the same as another die's of their package; no source may count
    /// them.
    std::vector<std::string> mirrored_devices;
};

/// Return a failed reading at `time`.
Reading failed_reading(MonoTime time, PollOutcome outcome, std::string_view error);

/// Return the outcome and the code ("EIO", …) for errno of a failed read: ENODEV, ENXIO, ENOENT,
/// ESRCH, ESTALE and EBADF are gone, all others a retry.
Reading failed_reading_from_errno(MonoTime time, int errno_value);

}  // namespace finewatt
