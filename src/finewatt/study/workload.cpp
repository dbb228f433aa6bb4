#include "finewatt/study/workload.h"

#include "finewatt/study/spawn_internal.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace finewatt {
namespace {

/// Room for events while the parent is busy; a full pipe makes a workload drop lines.
constexpr int kEventPipeBytes = 1 << 20;

double seconds_of(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

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
    const sigset_t& signal_mask, std::optional<int> cgroup_fd) {
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

    auto additions = environment;
    additions.emplace_back("FINEWATT_EVENT_FD", std::to_string(write_end.get()));
    std::vector<std::string> environment_texts = merged_environment(additions);
    std::vector<std::string> arguments = argv;
    const std::vector<char*> environment_pointers = pointers_to(environment_texts);
    const std::vector<char*> argument_pointers = pointers_to(arguments);
    const SpawnRequest request{.program = argv[0].c_str(),
                               .arguments = argument_pointers.data(),
                               .environment = environment_pointers.data(),
                               .signal_mask = signal_mask,
                               .kept_fd = write_end.get()};
    if (cgroup_fd) {
        if (const auto spawned = spawn_into_cgroup(request, *cgroup_fd)) {
            FINEWATT_TRY(spawned->status);
            return Workload(spawned->pid, std::move(read_end), true);
        }
    }
    const Spawned spawned = spawn(request);
    FINEWATT_TRY(spawned.status);
    return Workload(spawned.pid, std::move(read_end), false);
}

bool Workload::has_ended() const {
    siginfo_t state{};
    const int failed =
        ::waitid(P_PID, static_cast<id_t>(pid_), &state, WEXITED | WNOHANG | WNOWAIT);
    return failed != 0 || state.si_pid == pid_;  // poll_end() tells what failed
}

Result<std::optional<WorkloadEnd>> Workload::poll_end() {
    int status = 0;
    rusage usage{};
    const pid_t ended = ::wait4(pid_, &status, WNOHANG, &usage);
    if (ended < 0) {
        return error_from_errno(errno, "wait for the command");
    }
    if (ended == 0) {
        return std::optional<WorkloadEnd>();
    }
    WorkloadEnd end;
    end.cpu_s = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
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
