// ProcessIdentity: which process wrote a file, told apart from a later one with the same number.
//
// Used by journals and node claims. Source: proc(5), /proc/PID/stat field 22.
#pragma once

#include "finewatt/base/sys_root.h"

#include <cstdint>
#include <string>

namespace finewatt {

/// A process of one boot of one machine.
struct ProcessIdentity {
    std::int64_t pid = 0;
    std::uint64_t start_ticks = 0;  ///< its start, in clock ticks since the boot
    std::string pid_namespace;      ///< e.g. "pid:[4026531836]"; empty = unknown
};

/// Return the identity of this process.
ProcessIdentity current_process();

/// Return whether the process still runs (a zombie does not). A process of another pid namespace
/// cannot be looked up and counts as running.
bool is_running(const ProcessIdentity& process);

}  // namespace finewatt
