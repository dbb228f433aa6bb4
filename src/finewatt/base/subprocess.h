// Child processes: run one program to its end, without a shell.
//
// Main function: run_subprocess. It gives the child its input, environment and descriptors, keeps
// what it prints, and ends it after a time limit. Not for programs that run on in the background.
#pragma once

#include "finewatt/base/result.h"

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace finewatt {

/// Where an output stream of the child goes.
enum class ChildOutput {
    kCapture,  ///< into SubprocessResult
    kInherit,  ///< where the parent's own stream goes
    kDiscard,  ///< nowhere
};

/// A descriptor of the parent that the child sees under the number `child_fd`.
struct InheritedFd {
    int parent_fd = -1;
    int child_fd = -1;  ///< 3 or more
};

/// What to run and how.
struct SubprocessOptions {
    /// Program and arguments. A name without '/' is looked up on the parent's PATH.
    std::vector<std::string> argv;
    /// What the child reads on its standard input; nothing = an empty input.
    std::optional<std::string> stdin_text;
    /// Give the child the parent's standard input instead (then stdin_text must be empty).
    bool inherit_stdin = false;
    ChildOutput stdout_to = ChildOutput::kCapture;
    ChildOutput stderr_to = ChildOutput::kCapture;
    /// Bytes kept of each captured stream; the rest is read and thrown away.
    std::size_t max_captured_bytes = std::size_t{64} << 20;
    /// Set on top of the parent's environment; a name that exists is replaced.
    std::vector<std::pair<std::string, std::string>> environment;
    std::filesystem::path working_directory;  ///< empty = the parent's
    /// No other descriptor above 2 reaches the child, as long as the parent opens its own with
    /// O_CLOEXEC.
    std::vector<InheritedFd> inherited;
    /// After this long the child gets SIGKILL; nothing = no limit. Its own children do not.
    std::optional<std::chrono::milliseconds> timeout;
    /// Called in the parent once the child runs, e.g. to pass signals on to it. The process id is
    /// valid until run_subprocess returns.
    std::function<void(pid_t)> on_started;
};

/// How the child ended, and what it printed.
struct SubprocessResult {
    std::optional<int> exit_status;  ///< nothing when a signal ended it
    std::optional<int> signal;       ///< the signal that ended it
    bool timed_out = false;          ///< ended by us, after the time limit
    bool output_cut = false;         ///< a stream was longer than max_captured_bytes
    std::string stdout_text;
    std::string stderr_text;

    bool succeeded() const { return exit_status == 0; }

    /// The status a shell would report: the exit status, or 128 + N for signal N.
    int shell_status() const { return exit_status ? *exit_status : 128 + signal.value_or(0); }

    /// "exit status 1", "signal 9 (Killed)" or "stopped after the time limit".
    std::string describe() const;
};

/// Run a program and wait for its end. A child that fails is a result, not an error. Output that
/// comes after the child's end, from processes it left behind, is not waited for.
///
/// Errors: not found or permission (no such program, or not executable), invalid argument, io.
/// Any thread may call it; none may change the environment meanwhile.
Result<SubprocessResult> run_subprocess(const SubprocessOptions& options);

}  // namespace finewatt
