#include "finewatt/sensor/process_stat.h"

#include "finewatt/base/file.h"
#include "finewatt/sensor/cpu_model_source.h"
#include "finewatt/sensor/kernel_text_internal.h"

#include <system_error>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <string>

namespace finewatt {
namespace {

/// Positions after the name, counted from 0 = state (field 3 of proc(5)).
constexpr std::size_t kParent = 1;
constexpr std::size_t kUserTicks = 11;
constexpr std::size_t kSystemTicks = 12;
constexpr std::size_t kWaitedUserTicks = 13;
constexpr std::size_t kWaitedSystemTicks = 14;
constexpr std::size_t kStartTicks = 19;
constexpr std::size_t kFields = 20;

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
    Number number = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
        return std::nullopt;
    }
    return number;
}

/// cutime and cstime are signed in the kernel's format; a negative one counts as none.
std::optional<std::uint64_t> parse_ticks(std::string_view text) {
    const auto number = parse_number<std::int64_t>(text);
    if (!number) {
        return parse_number<std::uint64_t>(text);
    }
    return static_cast<std::uint64_t>(std::max<std::int64_t>(*number, 0));
}

bool split_fields(std::string_view text, std::array<std::string_view, kFields>& fields) {
    for (std::string_view& field : fields) {
        const auto start = text.find_first_not_of(" \n");
        if (start == std::string_view::npos) {
            return false;
        }
        text.remove_prefix(start);
        const auto end = std::min(text.find_first_of(" \n"), text.size());
        field = text.substr(0, end);
        text.remove_prefix(end);
    }
    return true;
}

}  // namespace

std::optional<ProcessStat> parse_process_stat(std::string_view line) {
    const auto open = line.find('(');
    const auto close = line.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
        return std::nullopt;
    }
    std::array<std::string_view, kFields> fields;
    if (!split_fields(line.substr(close + 1), fields)) {
        return std::nullopt;
    }
    const auto pid = parse_number<std::int64_t>(trimmed(line.substr(0, open)));
    const auto parent = parse_number<std::int64_t>(fields[kParent]);
    const auto user = parse_ticks(fields[kUserTicks]);
    const auto system = parse_ticks(fields[kSystemTicks]);
    const auto waited_user = parse_ticks(fields[kWaitedUserTicks]);
    const auto waited_system = parse_ticks(fields[kWaitedSystemTicks]);
    const auto start = parse_number<std::uint64_t>(fields[kStartTicks]);
    if (!pid || !parent || !user || !system || !waited_user || !waited_system || !start) {
        return std::nullopt;
    }
    return ProcessStat{.pid = *pid,
                       .parent = *parent,
                       .start_ticks = *start,
                       .own_ticks = *user + *system,
                       .waited_ticks = *waited_user + *waited_system};
}

Result<ProcessStat> read_process_stat(const SysRoot& root, std::int64_t pid) {
    const auto path = root.path("/proc/" + std::to_string(pid) + "/stat");
    FINEWATT_ASSIGN(const std::string text, read_file(path));
    const auto stat = parse_process_stat(text);
    if (!stat || stat->pid != pid) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected the state of process {}, found '{:.60}'",
                              path.string(), pid, text);
    }
    return *stat;
}

Result<std::vector<ProcessStat>> read_all_processes(const SysRoot& root) {
    const auto folder = root.path("/proc");
    std::error_code failed;
    std::filesystem::directory_iterator entries(folder, failed);
    std::vector<ProcessStat> processes;
    while (!failed && entries != std::filesystem::directory_iterator()) {
        if (const auto pid = parse_number<std::int64_t>(entries->path().filename().native())) {
            if (const Result<ProcessStat> stat = read_process_stat(root, *pid)) {
                processes.push_back(*stat);
            }
        }
        entries.increment(failed);
    }
    if (failed) {
        return error_from_errno(failed.value(), "list " + folder.string());
    }
    return processes;
}

bool sees_host_pids() {
    // The first PID namespace has a fixed inode: include/linux/proc_ns.h of Linux 6.1,
    // PROC_PID_INIT_INO = 0xEFFFFFFC.
    std::error_code unknown;
    return std::filesystem::read_symlink("/proc/self/ns/pid", unknown) == "pid:[4026531836]";
}

double clock_ticks_per_second() {
    return static_cast<double>(::sysconf(_SC_CLK_TCK));
}

Result<double> read_machine_busy_s(const SysRoot& root) {
    const auto path = root.path("/proc/stat");
    FINEWATT_ASSIGN(const std::string text, read_file(path));
    const auto ticks = parse_busy_ticks(text);
    if (!ticks) {
        return FINEWATT_ERROR(kCorrupt,
                              "{}: expected a first line 'cpu' with 7 numbers or more, found none",
                              path.string());
    }
    return static_cast<double>(*ticks) / clock_ticks_per_second();
}

}  // namespace finewatt
