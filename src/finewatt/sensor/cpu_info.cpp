#include "finewatt/sensor/cpu_info.h"

#include "finewatt/base/file.h"
#include "finewatt/sensor/kernel_text_internal.h"

#include <algorithm>
#include <set>

namespace finewatt {
namespace {

unsigned small_number(std::string_view text) {
    const auto value = parse_unsigned(text);
    return value && *value <= 1'000'000 ? static_cast<unsigned>(*value) : 0;
}

bool has_word(std::string_view text, std::string_view word) {
    while (!text.empty()) {
        const auto end = text.find(' ');
        if (text.substr(0, end) == word) {
            return true;
        }
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return false;
}

}  // namespace

Result<CpuInfo> parse_cpu_info(std::string_view text) {
    CpuInfo info;
    std::set<std::string, std::less<>> socket_ids;
    unsigned cores_per_socket = 0;
    unsigned siblings = 0;
    while (!text.empty()) {
        const auto end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) {
            continue;
        }
        const std::string_view key = trimmed(line.substr(0, colon));
        const std::string_view value = trimmed(line.substr(colon + 1));
        if (key == "processor") {
            ++info.logical_cpus;
        } else if (key == "model name") {
            info.model = value;
        } else if (key == "vendor_id") {
            info.vendor = value;
        } else if (key == "cpu family") {
            info.family = small_number(value);
        } else if (key == "model") {
            info.model_number = small_number(value);
        } else if (key == "physical id") {
            socket_ids.emplace(value);
        } else if (key == "cpu cores") {
            cores_per_socket = std::max(cores_per_socket, small_number(value));
        } else if (key == "siblings") {
            siblings = std::max(siblings, small_number(value));
        } else if (key == "flags") {
            info.is_virtual = info.is_virtual || has_word(value, "hypervisor");
        }
    }
    if (info.logical_cpus == 0) {
        return FINEWATT_ERROR(kCorrupt,
                              "/proc/cpuinfo: expected lines 'processor : N', found none");
    }
    info.sockets = std::max(1U, static_cast<unsigned>(socket_ids.size()));
    info.physical_cores = std::min(cores_per_socket * info.sockets, info.logical_cpus);
    if (cores_per_socket > 0 && siblings > cores_per_socket) {
        info.threads_per_core = siblings / cores_per_socket;
    }
    return info;
}

Result<CpuInfo> read_cpu_info(const SysRoot& root) {
    FINEWATT_ASSIGN(const std::string text, read_file(root.path("/proc/cpuinfo")));
    return parse_cpu_info(text);
}

}  // namespace finewatt
