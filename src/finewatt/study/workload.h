// Workload: the measured command as a child process, with a pipe for its events.
//
// The child keeps finewatt's standard input, output and error. Not for helpers whose output is
// wanted (base/subprocess.h).
#pragma once

#include "finewatt/base/file.h"
#include "finewatt/base/result.h"

#include <sys/types.h>

#include <csignal>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace finewatt {

/// How a child ended: its exit status, or the signal that killed it.
struct WorkloadEnd {
    int exit_status = 0;  ///< 128 + N when killed by signal N, as a shell reports it
    std::optional<int> signal;
};

/// A running child. Must be waited for before it is destroyed. Not thread-safe.
class Workload {
  public:
    /// Start `argv` (looked up in PATH) with FINEWATT_EVENT_FD and `environment` added to this
    /// process's environment, and with `signal_mask` (SignalWatch::previous_mask) in place of
    /// this thread's. Errors: not found or permission when the command cannot
    /// be started.
    static Result<Workload> start(
        const std::vector<std::string>& argv,
        const std::vector<std::pair<std::string, std::string>>& environment,
        const sigset_t& signal_mask);

    /// The read end of the event pipe, non-blocking.
    int event_fd() const { return events_.get(); }

    /// Return how the child ended, or nothing while it runs. Never blocks.
    Result<std::optional<WorkloadEnd>> poll_end();

    /// Send a signal to the child.
    void send_signal(int signal) const;

  private:
    Workload(pid_t pid, ScopedFd events) : pid_(pid), events_(std::move(events)) {}

    pid_t pid_;
    ScopedFd events_;
};

}  // namespace finewatt
