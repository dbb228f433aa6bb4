#include "finewatt/base/file.h"
#include "finewatt/sensor/gpu_probe_internal.h"
#include "finewatt/sensor/kernel_text_internal.h"

#include <unistd.h>

namespace finewatt {
namespace {

/// Resident memory of this process, from the second number of /proc/self/statm (pages); 0 when it
/// cannot be read. Our own process, so never under another root.
double resident_mib() {
    const Result<std::string> text = read_file("/proc/self/statm");
    if (!text) {
        return 0;
    }
    const auto begin = text->find(' ');
    const auto end = text->find(' ', begin + 1);
    if (begin == std::string::npos || end == std::string::npos) {
        return 0;
    }
    const auto pages = parse_unsigned(std::string_view(*text).substr(begin + 1, end - begin - 1));
    return static_cast<double>(pages.value_or(0)) * static_cast<double>(::sysconf(_SC_PAGESIZE)) /
           (1024.0 * 1024.0);
}

}  // namespace

LibraryCost::LibraryCost(const Clock& clock)
    : clock_(clock),
      begin_(clock.mono_now()),
      resident_mib_(resident_mib()) {}

std::string LibraryCost::text() const {
    return fmt::format("opened in {:.1f} ms with {:.1f} MiB",
                       static_cast<double>((clock_.mono_now() - begin_).count()) * 1e-6,
                       resident_mib() - resident_mib_);
}

std::string ignored_mask_note(const EnvLookup& env, std::initializer_list<const char*> names) {
    std::string note;
    for (const char* name : names) {
        if (const auto value = env(name)) {
            note += fmt::format("; {}={} is not followed: all GPUs are measured", name, *value);
        }
    }
    return note;
}

SourceStatus status_of_failed_open(const Error& error) {
    switch (error.code()) {
        case ErrorCode::kPermission:
            return SourceStatus::kDenied;
        case ErrorCode::kNotFound:
            return SourceStatus::kAbsent;
        default:
            return SourceStatus::kBroken;
    }
}

}  // namespace finewatt
