#include "finewatt/base/file.h"
#include "finewatt/study/spawn_internal.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <spawn.h>

namespace finewatt {
namespace {

/// Frees what posix_spawn's two structures allocate.
struct SpawnSettings {
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};

    SpawnSettings() {
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
    }

    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;

    ~SpawnSettings() {
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
    }
};

Error cannot_start(const SpawnRequest& request, int errno_value) {
    return error_from_errno(errno_value,
                            fmt::format("command '{}' cannot be started", request.program));
}

/// What the child does before it becomes the program. Only calls that are safe between fork and
/// exec in a process with threads.
[[noreturn]] void become(const SpawnRequest& request, int failure_fd) {
    struct sigaction usual {};

    usual.sa_handler = SIG_DFL;
    ::sigaction(SIGPIPE, &usual, nullptr);
    ::sigprocmask(SIG_SETMASK, &request.signal_mask, nullptr);
    ::fcntl(request.kept_fd, F_SETFD, 0);
    ::execvpe(request.program, request.arguments, request.environment);
    const int failed = errno;
    // The parent reads nothing when this fails, and takes the child for started; it ends with 127,
    // as in a shell.
    [[maybe_unused]] const ssize_t written = ::write(failure_fd, &failed, sizeof failed);
    ::_exit(127);
}

}  // namespace

Spawned spawn(const SpawnRequest& request) {
    SpawnSettings settings;
    // Duplicating a descriptor onto itself takes its close-on-exec flag away, in the child only.
    posix_spawn_file_actions_adddup2(&settings.actions, request.kept_fd, request.kept_fd);
    posix_spawnattr_setsigmask(&settings.attributes, &request.signal_mask);
    // finewatt ignores SIGPIPE, which would pass on to the child; it gets the usual action back.
    sigset_t usual;
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    posix_spawnattr_setsigdefault(&settings.attributes, &usual);
    posix_spawnattr_setflags(&settings.attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

    Spawned spawned;
    const int failed = ::posix_spawnp(&spawned.pid, request.program, &settings.actions,
                                      &settings.attributes, request.arguments, request.environment);
    if (failed != 0) {
        spawned.status = cannot_start(request, failed);
    }
    return spawned;
}

// glibc 2.36 has neither a wrapper for clone3 nor control groups in posix_spawn (2.39 has). Called
// with no stack and no shared memory, clone3 returns twice, as fork does.
std::optional<Spawned> spawn_into_cgroup(const SpawnRequest& request, int cgroup_fd) {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return std::nullopt;
    }
    const ScopedFd read_end(ends[0]);
    ScopedFd write_end(ends[1]);
    clone_args arguments{};
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.exit_signal = SIGCHLD;
    arguments.cgroup = static_cast<unsigned>(cgroup_fd);
    const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid < 0) {
        return std::nullopt;
    }
    if (pid == 0) {
        become(request, write_end.get());
    }
    write_end.reset();
    Spawned spawned;
    spawned.pid = static_cast<pid_t>(pid);
    int failed = 0;
    // The end of the pipe closes when the program starts, and the read gives nothing.
    if (::read(read_end.get(), &failed, sizeof failed) == static_cast<ssize_t>(sizeof failed)) {
        ::waitpid(spawned.pid, nullptr, 0);
        spawned.status = cannot_start(request, failed);
    }
    return spawned;
}

}  // namespace finewatt
