// What `finewatt measure` costs as a program: the time it adds to a command, the memory it holds,
// and its share of one core while the command runs. Aims: 10 ms, 8 MB, 0.1 %.
//
//     meter_program_cost FINEWATT [PAIRS] [SECONDS]      (default 40 pairs, 60 s)
//
// The command that does nothing runs alone and under the meter in turn, so that a change of the
// machine's mood meets both. The share of a core is measured with the sensors or models of this
// machine, then with eight counters of a fake tree.
#include <fmt/format.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <spawn.h>
#include <string>
#include <thread>
#include <vector>

#include "meter/fake_tree.h"

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

/// Start a program without output. Ends this one when that fails.
pid_t start(std::vector<std::string> arguments) {
    std::vector<char*> pointers;
    for (std::string& argument : arguments) {
        pointers.push_back(argument.data());
    }
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t actions{};
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t pid = 0;
    const int failed =
        ::posix_spawnp(&pid, pointers[0], &actions, nullptr, pointers.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) {
        fmt::print(stderr, "{}: cannot be started\n", arguments[0]);
        std::exit(1);
    }
    return pid;
}

/// Wait for a program that must succeed. Returns its largest resident memory: like all of wait4's
/// figures that of the program or of a child it waited for, whichever is larger. This program's own
/// memory is the least it can say, so that must stay small.
long wait_for(pid_t pid) {
    int status = 0;
    rusage usage{};
    if (::wait4(pid, &status, 0, &usage) != pid || status != 0) {
        fmt::print(stderr, "a measured run failed\n");
        std::exit(1);
    }
    return usage.ru_maxrss;
}

struct Run {
    double ms = 0;
    long most_resident_kib = 0;
};

Run run(const std::vector<std::string>& arguments) {
    const auto begin = Clock::now();
    Run result;
    result.most_resident_kib = wait_for(start(arguments));
    result.ms = 1e3 * Seconds(Clock::now() - begin).count();
    return result;
}

double quantile(std::vector<double> values, double share) {
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

/// CPU time and wake-ups of all threads of a process so far (/proc/PID/task/TID/schedstat).
struct Use {
    double cpu_s = 0;
    std::uint64_t wakes = 0;
};

Use use_of(pid_t pid) {
    Use use;
    const std::filesystem::path tasks = fmt::format("/proc/{}/task", pid);
    for (const auto& task : std::filesystem::directory_iterator(tasks)) {
        std::ifstream file(task.path() / "schedstat");
        std::uint64_t run_ns = 0;
        std::uint64_t wait_ns = 0;
        std::uint64_t slices = 0;
        file >> run_ns >> wait_ns >> slices;
        use.cpu_s += static_cast<double>(run_ns) * 1e-9;
        use.wakes += slices;
    }
    return use;
}

std::string status_line(pid_t pid, const std::string& name) {
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(name + ":")) {
            return line.substr(line.find_first_not_of(" \t", name.size() + 1));
        }
    }
    return "unknown";
}

/// The time that measuring adds, and the memory held at most.
void print_start_cost(const std::string& finewatt, int pairs) {
    std::vector<double> added_ms;
    long most_kib = 0;
    for (int i = 0; i < pairs; ++i) {
        const Run alone = run({"true"});
        const Run measured = run({finewatt, "measure", "--quiet", "--", "true"});
        added_ms.push_back(measured.ms - alone.ms);
        most_kib = std::max(most_kib, measured.most_resident_kib);
    }
    fmt::print(
        "added to a command  {:.1f} ms median, {:.1f} to {:.1f} (10 % to 90 % of {} pairs)\n",
        quantile(added_ms, 0.5), quantile(added_ms, 0.1), quantile(added_ms, 0.9), pairs);
    fmt::print("resident at most    {} KiB\n", most_kib);
}

void print_steady_cost(const std::string& what, std::vector<std::string> arguments, int seconds) {
    // Start and end lie outside of what is counted here.
    constexpr int kMargin_s = 2;
    arguments.insert(arguments.end(), {"--", "sleep", std::to_string(seconds + 2 * kMargin_s)});
    const pid_t pid = start(arguments);
    std::this_thread::sleep_for(std::chrono::seconds(kMargin_s));
    const auto begin = Clock::now();
    const Use before = use_of(pid);
    std::this_thread::sleep_for(std::chrono::seconds(seconds));
    const Use after = use_of(pid);
    const double took_s = Seconds(Clock::now() - begin).count();
    const std::string resident = status_line(pid, "VmRSS");
    wait_for(pid);
    fmt::print("{:<19} {:.4f} % of one core, {:.1f} wake-ups a second, resident {}\n", what,
               100 * (after.cpu_s - before.cpu_s) / took_s,
               static_cast<double>(after.wakes - before.wakes) / took_s, resident);
}

}  // namespace

int main(int argc, char** argv) {
    const int pairs = argc > 2 ? std::atoi(argv[2]) : 40;
    const int seconds = argc > 3 ? std::atoi(argv[3]) : 60;
    if (argc < 2 || pairs < 1 || seconds < 1) {
        fmt::print(stderr, "usage: meter_program_cost FINEWATT [PAIRS] [SECONDS]\n");
        return 2;
    }
    const std::string finewatt = argv[1];
    const finewatt::bench::FakeTree tree;
    // Ledger and journal as users have them, on a disk, but apart from theirs.
    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / fmt::format("finewatt_bench.{}", ::getpid());
    std::filesystem::create_directories(folder);
    ::setenv("XDG_STATE_HOME", folder.c_str(), 1);
    ::setenv("FINEWATT_STORE", ("sqlite:" + (folder / "ledger.db").string()).c_str(), 1);

    run({finewatt, "measure", "--quiet", "--", "true"});  // makes the ledger
    print_start_cost(finewatt, pairs);
    print_steady_cost("this machine", {finewatt, "measure", "--quiet"}, seconds);
    print_steady_cost("eight counters",
                      {finewatt, "--sysroot", tree.root().string(), "measure", "--quiet"}, seconds);
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    return 0;
}
