#include "finewatt/sensor/probe.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

namespace finewatt {

std::optional<std::string> read_environment(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) {
        return std::nullopt;
    }
    return std::string(value);
}

SysRoot sys_root_from(const EnvLookup& env) {
    return SysRoot(env("FINEWATT_SYSROOT").value_or(""));
}

Result<ScopedFd> open_for_reading(const std::filesystem::path& path) {
    return open_file(path, O_RDONLY);
}

Result<CpuInfo> cpu_info_of(const DiscoveryOptions& options) {
    if (options.facts.cpu) {
        return *options.facts.cpu;
    }
    return read_cpu_info(options.root);
}

double default_ceiling_w(Domain domain) {
    switch (domain) {
        case Domain::kDram:
            return 500;
        case Domain::kPsys:
        case Domain::kGpu:
            return 2'000;
        case Domain::kNode:
            return 10'000;
        case Domain::kPackage:
        case Domain::kCore:
        case Domain::kOther:
            return 1'000;
    }
    return 1'000;
}

std::string_view source_status_name(SourceStatus status) {
    switch (status) {
        case SourceStatus::kUsable:
            return "usable";
        case SourceStatus::kDenied:
            return "denied";
        case SourceStatus::kAbsent:
            return "absent";
        case SourceStatus::kBroken:
            return "broken";
    }
    return "broken";
}

Reading failed_reading(MonoTime time, PollOutcome outcome, std::string_view error) {
    return {time, 0, outcome, error};
}

Reading failed_reading_from_errno(MonoTime time, int errno_value) {
    // The names that a trace writes; any other number is reported as EIO, which is a retry too.
    static constexpr std::array<std::pair<int, std::string_view>, 7> kRetryCodes{{
        {EACCES, "EACCES"},
        {EPERM, "EPERM"},
        {EAGAIN, "EAGAIN"},
        {EINTR, "EINTR"},
        {EINVAL, "EINVAL"},
        {EBUSY, "EBUSY"},
        {ETIMEDOUT, "ETIMEDOUT"},
    }};
    switch (errno_value) {
        case ENODEV:
        case ENXIO:
        case ENOENT:
        case ESRCH:
        case ESTALE:
        case EBADF:
            return failed_reading(time, PollOutcome::kGone, "GONE");
        default:
            break;
    }
    for (const auto& [code, name] : kRetryCodes) {
        if (code == errno_value) {
            return failed_reading(time, PollOutcome::kRetry, name);
        }
    }
    return failed_reading(time, PollOutcome::kRetry, "EIO");
}

}  // namespace finewatt
