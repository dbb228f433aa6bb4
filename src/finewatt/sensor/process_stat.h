// CPU time as the kernel tells it: of one process (/proc/<pid>/stat) and of the whole machine
// (/proc/stat).
//
// Main type: ProcessStat. Not for trees of processes: that is process_tree.h. Source: proc(5),
// Linux man-pages 6.03.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/base/sys_root.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace finewatt {

/// What /proc/<pid>/stat says of one process. A process id is used again after its owner is gone;
/// pid and start time together name one process.
struct ProcessStat {
    std::int64_t pid = 0;
    std::int64_t parent = 0;
    std::uint64_t start_ticks = 0;   ///< since boot
    std::uint64_t own_ticks = 0;     ///< user and system time of its threads, ended ones included
    std::uint64_t waited_ticks = 0;  ///< of children that it waited for, and theirs
};

/// Parse one line of /proc/<pid>/stat. The name, which may hold spaces and brackets, is skipped.
/// Nothing when the line has another form.
std::optional<ProcessStat> parse_process_stat(std::string_view line);

/// Read one process. Errors: not found when there is none of that id; permission, io; corrupt for
/// another form.
Result<ProcessStat> read_process_stat(const SysRoot& root, std::int64_t pid);

/// Read every process that /proc shows. One that ends meanwhile, or that may not be read, is left
/// out. Errors: not found, permission or io when /proc itself cannot be read.
Result<std::vector<ProcessStat>> read_all_processes(const SysRoot& root);

/// Ticks per second of /proc (USER_HZ).
double clock_ticks_per_second();

/// Return the busy time of all CPUs since boot, in seconds: user, nice, system, irq and softirq, as
/// the CPU model counts it. Errors: not found, permission, io, corrupt.
Result<double> read_machine_busy_s(const SysRoot& root);

/// Return whether this process sees process ids as the whole machine has them. In a container with
/// a PID namespace of its own it does not, and ids that drivers give mean other processes there.
bool sees_host_pids();

}  // namespace finewatt
