#include "finewatt/study/workload.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <spawn.h>

namespace finewatt {
namespace {

/// Room for events while the parent is busy; a full pipe makes a workload drop lines.
constexpr int kEventPipeBytes = 1 << 20;

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

std::vector<std::string> merged_environment(
    const std::vector<std::pair<std::string, std::string>>& additions) {
    std::vector<std::string> merged;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        bool is_replaced = false;
        for (const auto& addition : additions) {
            is_replaced = is_replaced ||
                          (text.size() > addition.first.size() &&
                           text.starts_with(addition.first) && text[addition.first.size()] == '=');
        }
        if (!is_replaced) {
            merged.emplace_back(text);
        }
    }
    for (const auto& addition : additions) {
        merged.push_back(addition.first + "=" + addition.second);
    }
    return merged;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (std::string& text : texts) {
        pointers.push_back(text.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

}  // namespace

Result<Workload> Workload::start(
    const std::vector<std::string>& argv,
    const std::vector<std::pair<std::string, std::string>>& environment,
    const sigset_t& signal_mask) {
    if (argv.empty()) {
        return FINEWATT_ERROR(kInvalidArgument, "command: expected a program, found nothing");
    }
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        return error_from_errno(errno, "make the event pipe");
    }
    ScopedFd read_end(ends[0]);
    ScopedFd write_end(ends[1]);
    ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(read_end.get(), F_SETPIPE_SZ, kEventPipeBytes);  // best effort

    SpawnSettings settings;
    // Duplicating a descriptor onto itself takes its close-on-exec flag away, in the child only.
    posix_spawn_file_actions_adddup2(&settings.actions, write_end.get(), write_end.get());
    posix_spawnattr_setsigmask(&settings.attributes, &signal_mask);
    // finewatt ignores SIGPIPE, which would pass on to the child; it gets the usual action back.
    sigset_t usual;
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    posix_spawnattr_setsigdefault(&settings.attributes, &usual);
    posix_spawnattr_setflags(&settings.attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

    auto additions = environment;
    additions.emplace_back("FINEWATT_EVENT_FD", std::to_string(write_end.get()));
    std::vector<std::string> environment_texts = merged_environment(additions);
    std::vector<std::string> arguments = argv;
    const std::vector<char*> environment_pointers = pointers_to(environment_texts);
    const std::vector<char*> argument_pointers = pointers_to(arguments);
    pid_t pid = -1;
    const int failed =
        ::posix_spawnp(&pid, argv[0].c_str(), &settings.actions, &settings.attributes,
                       argument_pointers.data(), environment_pointers.data());
    if (failed != 0) {
        return error_from_errno(failed, fmt::format("command '{}' cannot be started", argv[0]));
    }
    return Workload(pid, std::move(read_end));
}

Result<std::optional<WorkloadEnd>> Workload::poll_end() {
    int status = 0;
    const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
    if (ended < 0) {
        return error_from_errno(errno, "wait for the command");
    }
    if (ended == 0) {
        return std::optional<WorkloadEnd>();
    }
    WorkloadEnd end;
    if (WIFSIGNALED(status)) {
        end.signal = WTERMSIG(status);
        end.exit_status = 128 + *end.signal;
    } else {
        end.exit_status = WEXITSTATUS(status);
    }
    return std::optional<WorkloadEnd>(end);
}

void Workload::send_signal(int signal) const {
    ::kill(pid_, signal);
}

}  // namespace finewatt
