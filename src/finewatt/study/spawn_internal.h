// Starting a child: with posix_spawn, or straight into a control group.
//
// Main functions: spawn, spawn_into_cgroup. Private to the workload.
#pragma once

#include "finewatt/base/result.h"

#include <sys/types.h>

#include <csignal>
#include <optional>

namespace finewatt {

/// What to start. All pointers are the caller's, lists end with a null pointer.
struct SpawnRequest {
    const char* program = nullptr;  ///< looked up in PATH
    char* const* arguments = nullptr;
    char* const* environment = nullptr;
    sigset_t signal_mask{};
    int kept_fd = -1;  ///< the one descriptor that loses its close-on-exec flag
};

/// A child, or why there is none.
struct Spawned {
    pid_t pid = -1;
    Status status;
};

/// Start a child. SIGPIPE gets its usual action back. Errors: not found, permission, io.
Spawned spawn(const SpawnRequest& request);

/// The same in the control group whose folder `cgroup_fd` is, from its first instruction on.
/// Nothing when the kernel cannot or may not do that; nothing was started then.
std::optional<Spawned> spawn_into_cgroup(const SpawnRequest& request, int cgroup_fd);

}  // namespace finewatt
