#include "finewatt/meter/process_identity.h"

#include "finewatt/base/file.h"

#include <fmt/format.h>

#include <unistd.h>

#include <filesystem>
#include <optional>
#include <sstream>

namespace finewatt {
namespace {

struct ProcessState {
    char state = '?';
    std::uint64_t start_ticks = 0;
};

/// Read state (field 3) and start time (field 22) of /proc/PID/stat.
std::optional<ProcessState> read_state(std::int64_t pid) {
    const auto text = read_file(fmt::format("/proc/{}/stat", pid));
    if (!text) {
        return std::nullopt;
    }
    // The name in field 2 may hold spaces and parentheses; what follows the last one is plain.
    const std::size_t name_end = text->rfind(')');
    if (name_end == std::string::npos) {
        return std::nullopt;
    }
    std::istringstream fields(text->substr(name_end + 1));
    ProcessState state;
    std::string skipped;
    fields >> state.state;
    for (int field = 4; field < 22; ++field) {
        fields >> skipped;
    }
    fields >> state.start_ticks;
    return fields ? std::optional(state) : std::nullopt;
}

std::string own_pid_namespace() {
    std::error_code failed;
    return std::filesystem::read_symlink("/proc/self/ns/pid", failed).string();
}

}  // namespace

ProcessIdentity current_process() {
    ProcessIdentity process;
    process.pid = ::getpid();
    process.pid_namespace = own_pid_namespace();
    if (const auto state = read_state(process.pid)) {
        process.start_ticks = state->start_ticks;
    }
    return process;
}

bool is_running(const ProcessIdentity& process) {
    if (!process.pid_namespace.empty() && process.pid_namespace != own_pid_namespace()) {
        return true;
    }
    const auto state = read_state(process.pid);
    return state && state->state != 'Z' && state->state != 'X' &&
           state->start_ticks == process.start_ticks;
}

}  // namespace finewatt
