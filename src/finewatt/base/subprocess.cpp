#include "finewatt/base/subprocess.h"

#include "finewatt/base/file.h"

#include <climits>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <spawn.h>
#include <string_view>

namespace finewatt {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// How often the child's end is checked where the kernel has no pidfd_open (before Linux 5.3).
constexpr milliseconds kFallbackPoll{20};

/// The parent's ends of the child's streams and the child's own ends.
struct Streams {
    ScopedFd child_in;
    ScopedFd child_out;
    ScopedFd child_err;
    ScopedFd parent_out;
    ScopedFd parent_err;
};

/// A descriptor and the number the child shall see it under.
struct Mapping {
    ScopedFd source;
    int target = -1;
};

Status check_options(const SubprocessOptions& options) {
    if (options.argv.empty() || options.argv.front().empty()) {
        return FINEWATT_ERROR(kInvalidArgument, "run a program: expected its name, found nothing");
    }
    for (const std::string& argument : options.argv) {
        if (argument.find('\0') != std::string::npos) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "run {}: expected arguments without a zero byte, found one",
                                  options.argv.front());
        }
    }
    for (const auto& [name, value] : options.environment) {
        if (name.empty() || name.find('=') != std::string::npos ||
            (name + value).find('\0') != std::string::npos) {
            return FINEWATT_ERROR(
                kInvalidArgument,
                "run {}: expected a variable name without '=' and no zero byte, found '{}'",
                options.argv.front(), name);
        }
    }
    for (const InheritedFd& fd : options.inherited) {
        if (fd.child_fd < 3) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "run {}: expected an inherited descriptor of 3 or more, found {}",
                                  options.argv.front(), fd.child_fd);
        }
    }
    if (options.inherit_stdin && options.stdin_text) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "run {}: expected a text or the parent's standard input, found both",
                              options.argv.front());
    }
    return {};
}

/// The text goes through a memory file, not a pipe: no writer can block and no SIGPIPE can come.
Result<ScopedFd> open_child_input(const SubprocessOptions& options) {
    if (!options.stdin_text) {
        return open_file("/dev/null", O_RDONLY);
    }
    ScopedFd fd(::memfd_create("finewatt-stdin", MFD_CLOEXEC));
    if (!fd.is_open()) {
        return error_from_errno(errno, "make the standard input of a child");
    }
    FINEWATT_TRY(write_all(fd.get(), *options.stdin_text));
    if (::lseek(fd.get(), 0, SEEK_SET) != 0) {
        return error_from_errno(errno, "rewind the standard input of a child");
    }
    return fd;
}

Status open_child_output(ChildOutput to, ScopedFd& child, ScopedFd& parent) {
    if (to == ChildOutput::kDiscard) {
        FINEWATT_ASSIGN(child, open_file("/dev/null", O_WRONLY));
    } else if (to == ChildOutput::kCapture) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
            return error_from_errno(errno, "make a pipe for a child");
        }
        parent = ScopedFd(ends[0]);
        child = ScopedFd(ends[1]);
        // Only our end must not block: the other end is the child's standard output.
        if (::fcntl(parent.get(), F_SETFL, O_NONBLOCK) != 0) {
            return error_from_errno(errno, "prepare a pipe for a child");
        }
    }
    return {};
}

/// Copy each descriptor above every target number, so that no dup2 in the child can overwrite one
/// that a later dup2 still needs.
Result<std::vector<Mapping>> make_mappings(const SubprocessOptions& options,
                                           const Streams& streams) {
    std::vector<InheritedFd> wanted = options.inherited;
    for (const auto& [fd, target] : {std::pair{streams.child_in.get(), 0},
                                     {streams.child_out.get(), 1},
                                     {streams.child_err.get(), 2}}) {
        if (fd >= 0) {
            wanted.push_back({fd, target});
        }
    }
    int highest = 2;
    for (const InheritedFd& fd : wanted) {
        highest = std::max(highest, fd.child_fd);
    }
    std::vector<Mapping> mappings;
    for (const InheritedFd& fd : wanted) {
        Mapping mapping{ScopedFd(::fcntl(fd.parent_fd, F_DUPFD_CLOEXEC, highest + 1)), fd.child_fd};
        if (!mapping.source.is_open()) {
            return error_from_errno(
                errno, fmt::format("pass descriptor {} to {}", fd.parent_fd, options.argv.front()));
        }
        mappings.push_back(std::move(mapping));
    }
    return mappings;
}

std::vector<std::string> make_environment(const SubprocessOptions& options) {
    std::vector<std::string> environment;
    for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const std::string_view name = text.substr(0, text.find('='));
        const bool is_replaced =
            std::any_of(options.environment.begin(), options.environment.end(),
                        [name](const auto& addition) { return addition.first == name; });
        if (!is_replaced) {
            environment.emplace_back(text);
        }
    }
    for (const auto& [name, value] : options.environment) {
        environment.push_back(name + "=" + value);
    }
    return environment;
}

std::vector<char*> as_pointers(std::vector<std::string>& strings) {
    std::vector<char*> pointers;
    for (std::string& string : strings) {
        pointers.push_back(string.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

/// Owns the two argument objects of posix_spawn.
class SpawnSetup {
  public:
    SpawnSetup() {
        ::posix_spawn_file_actions_init(&actions_);
        ::posix_spawnattr_init(&attributes_);
    }

    SpawnSetup(const SpawnSetup&) = delete;
    SpawnSetup& operator=(const SpawnSetup&) = delete;

    ~SpawnSetup() {
        ::posix_spawnattr_destroy(&attributes_);
        ::posix_spawn_file_actions_destroy(&actions_);
    }

    /// Return 0 or an errno value.
    int fill(const SubprocessOptions& options, const std::vector<Mapping>& mappings) {
        int error = 0;
        for (const Mapping& mapping : mappings) {
            if (error == 0) {
                error = ::posix_spawn_file_actions_adddup2(&actions_, mapping.source.get(),
                                                           mapping.target);
            }
        }
        if (error == 0 && !options.working_directory.empty()) {
            error = ::posix_spawn_file_actions_addchdir_np(&actions_,
                                                           options.working_directory.c_str());
        }
        // The parent may block signals or ignore SIGPIPE for itself; the child starts clean.
        sigset_t none;
        sigset_t defaults;
        ::sigemptyset(&none);
        ::sigemptyset(&defaults);
        ::sigaddset(&defaults, SIGPIPE);
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        ::posix_spawnattr_setsigdefault(&attributes_, &defaults);
        ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        return error;
    }

    int spawn(pid_t& pid, std::vector<std::string> argv, std::vector<std::string> environment) {
        std::vector<char*> argv_pointers = as_pointers(argv);
        std::vector<char*> environment_pointers = as_pointers(environment);
        return ::posix_spawnp(&pid, argv_pointers[0], &actions_, &attributes_, argv_pointers.data(),
                              environment_pointers.data());
    }

  private:
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

Result<pid_t> start_child(const SubprocessOptions& options, const Streams& streams) {
    const std::string& program = options.argv.front();
    std::error_code ignored;
    if (!options.working_directory.empty() &&
        !std::filesystem::is_directory(options.working_directory, ignored)) {
        return FINEWATT_ERROR(kNotFound, "run {}: expected the working directory {}, found none",
                              program, options.working_directory.string());
    }
    FINEWATT_ASSIGN(const std::vector<Mapping> mappings, make_mappings(options, streams));
    SpawnSetup setup;
    pid_t pid = -1;
    int error = setup.fill(options, mappings);
    if (error == 0) {
        error = setup.spawn(pid, options.argv, make_environment(options));
    }
    if (error != 0) {
        return error_from_errno(error, fmt::format("start {}", program));
    }
    return pid;
}

/// Read what is there now, in a bounded number of steps: a child that writes without end must not
/// keep us from its time limit. 16 x 64 KiB is more than a pipe holds.
void drain(ScopedFd& fd, std::string& text, std::size_t limit, bool& is_cut) {
    std::array<char, 65536> buffer{};
    for (int step = 0; step < 16 && fd.is_open(); ++step) {
        const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n <= 0) {
            fd.reset();
            return;
        }
        const std::size_t kept = std::min(static_cast<std::size_t>(n), limit - text.size());
        text.append(buffer.data(), kept);
        is_cut = is_cut || kept < static_cast<std::size_t>(n);
    }
}

/// Sleep until a stream has data, the child ends (seen through `pidfd`) or `deadline` is reached.
void wait_for_news(const Streams& streams, const ScopedFd& pidfd,
                   std::optional<steady_clock::time_point> deadline) {
    std::vector<pollfd> watched;
    for (const int fd : {streams.parent_out.get(), streams.parent_err.get(), pidfd.get()}) {
        if (fd >= 0) {
            watched.push_back({fd, POLLIN, 0});
        }
    }
    milliseconds wait = pidfd.is_open() ? milliseconds(INT_MAX) : kFallbackPoll;
    if (deadline) {
        // Rounded up, so that the limit is over when the wait is.
        const auto left = std::chrono::ceil<milliseconds>(*deadline - steady_clock::now());
        wait = std::clamp(left, milliseconds(0), wait);
    }
    const int timeout_ms = wait == milliseconds(INT_MAX) ? -1 : static_cast<int>(wait.count());
    // An interrupted or failed poll only means to look again.
    ::poll(watched.data(), watched.size(), timeout_ms);
}

/// Collect the output and wait for the end. Always reaps the child.
Result<SubprocessResult> finish_child(pid_t pid, const SubprocessOptions& options,
                                      Streams& streams) {
    std::optional<steady_clock::time_point> deadline;
    if (options.timeout) {
        deadline = steady_clock::now() + *options.timeout;
    }
    const ScopedFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    SubprocessResult result;
    int status = 0;
    while (true) {
        // The end is looked for first: what the child wrote before it is then in the pipes.
        const pid_t reaped = ::waitpid(pid, &status, WNOHANG);
        drain(streams.parent_out, result.stdout_text, options.max_captured_bytes,
              result.output_cut);
        drain(streams.parent_err, result.stderr_text, options.max_captured_bytes,
              result.output_cut);
        if (reaped == pid) {
            break;
        }
        if (reaped < 0 && errno != EINTR) {
            return error_from_errno(errno, fmt::format("wait for {}", options.argv.front()));
        }
        if (deadline && steady_clock::now() >= *deadline) {
            ::kill(pid, SIGKILL);
            result.timed_out = true;
            deadline.reset();
        }
        wait_for_news(streams, pidfd, deadline);
    }
    if (WIFSIGNALED(status)) {
        result.signal = WTERMSIG(status);
    } else {
        result.exit_status = WEXITSTATUS(status);
    }
    return result;
}

}  // namespace

std::string SubprocessResult::describe() const {
    if (timed_out) {
        return "stopped after the time limit";
    }
    if (signal) {
        const char* name = ::sigdescr_np(*signal);
        return fmt::format("signal {} ({})", *signal, name != nullptr ? name : "unknown");
    }
    return fmt::format("exit status {}", exit_status.value_or(-1));
}

Result<SubprocessResult> run_subprocess(const SubprocessOptions& options) {
    FINEWATT_TRY(check_options(options));
    Streams streams;
    if (!options.inherit_stdin) {
        FINEWATT_ASSIGN(streams.child_in, open_child_input(options));
    }
    FINEWATT_TRY(open_child_output(options.stdout_to, streams.child_out, streams.parent_out));
    FINEWATT_TRY(open_child_output(options.stderr_to, streams.child_err, streams.parent_err));
    FINEWATT_ASSIGN(const pid_t pid, start_child(options, streams));
    // While we hold the child's ends, its pipes never come to an end.
    streams.child_in.reset();
    streams.child_out.reset();
    streams.child_err.reset();
    if (options.on_started) {
        options.on_started(pid);
    }
    return finish_child(pid, options, streams);
}

}  // namespace finewatt
