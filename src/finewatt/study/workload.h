// Workload: the measured command as a child process, with a pipe for its events.
//
// The child keeps finewatt's standard input, output and error. Not for helpers whose output is
// wanted (base/subprocess.h).
#pragma once

#include "finewatt/base/file.h"
#include "finewatt/base/result.h"

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace finewatt {

/// How a child ended: its exit status, or the signal that killed it.
struct WorkloadEnd {
    int exit_status = 0;  ///< 128 + N when killed by signal N, as a shell reports it
    std::optional<int> signal;
    double cpu_s = 0;  ///< CPU time of the child and of the children that it waited for
};

/// A running child. Must be waited for before it is destroyed. Not thread-safe.
class Workload {
  public:
    /// Start `argv` (looked up in PATH) with FINEWATT_EVENT_FD and `environment` added to this
    /// process's environment, and with `signal_mask` (SignalWatch::previous_mask) in place of
    /// this thread's. Errors: not found or permission when the command cannot
    /// be started. With `cgroup_fd`, the folder of a control group (v2), the child and all it
    /// starts live in that group; where the kernel refuses, they live where this process does.
    static Result<Workload> start(
        const std::vector<std::string>& argv,
        const std::vector<std::pair<std::string, std::string>>& environment,
        const sigset_t& signal_mask, std::optional<int> cgroup_fd = std::nullopt);

    std::int64_t pid() const { return pid_; }

    /// Whether the child began its life in the control group that was asked for.
    bool is_in_cgroup() const { return is_in_cgroup_; }

    /// The read end of the event pipe, non-blocking.
    int event_fd() const { return events_.get(); }

    /// Return whether the child has ended; until poll_end() it can then still be seen in /proc.
    bool has_ended() const;

    /// Return how the child ended, or nothing while it runs. Never blocks.
    Result<std::optional<WorkloadEnd>> poll_end();

    /// Send a signal to the child.
    void send_signal(int signal) const;

  private:
    Workload(pid_t pid, ScopedFd events, bool is_in_cgroup)
        : pid_(pid),
          events_(std::move(events)),
          is_in_cgroup_(is_in_cgroup) {}

    pid_t pid_;
    ScopedFd events_;
    bool is_in_cgroup_;
};

}  // namespace finewatt
