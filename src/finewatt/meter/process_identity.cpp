#include "finewatt/meter/process_identity.h"

#include "finewatt/base/file.h"

#include <fmt/format.h>

#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>

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
    // " S 1 ...": from here on, single spaces part the fields, and the first is field 3.
    std::string_view rest = std::string_view(*text).substr(name_end + 1);
    if (rest.size() < 2) {
        return std::nullopt;
    }
    ProcessState state;
    state.state = rest[1];
    for (int field = 3; field <= 22; ++field) {
        const std::size_t space = rest.find(' ');
        if (space == std::string_view::npos) {
            return std::nullopt;
        }
        rest.remove_prefix(space + 1);
    }
    const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), state.start_ticks);
    return parsed.ec == std::errc() ? std::optional(state) : std::nullopt;
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
