#include "finewatt/study/load_generator.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <memory>
#include <new>
#include <sched.h>
#include <spawn.h>
#include <thread>

namespace finewatt {
namespace {

class IdleLoad : public Load {
  public:
    Status check() override { return {}; }
};

/// Threads that work until the load is destroyed.
class ThreadLoad : public Load {
  public:
    Status check() override { return {}; }

  protected:
    std::vector<std::jthread> threads_;  ///< stopped and joined by their destructors
};

/// Eight chains of multiply and add keep the floating-point units of today's cores busy; the
/// numbers stay near 1.
void work_on_registers(const std::stop_token& stop) {
    std::array<double, 8> values{1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8};
    while (!stop.stop_requested()) {
        for (int i = 0; i < 100'000; ++i) {
            for (double& value : values) {
                value = value * 0.999'999 + 0.000'001;
            }
        }
        // The result must be seen to be used, or the compiler takes the work away.
        [[maybe_unused]] volatile double kept = values[0] + values[7];
    }
}

class CpuLoad : public ThreadLoad {
  public:
    explicit CpuLoad(unsigned threads) {
        for (unsigned i = 0; i < threads; ++i) {
            threads_.emplace_back(work_on_registers);
        }
    }
};

class MemoryLoad : public ThreadLoad {
  public:
    MemoryLoad(unsigned threads, std::size_t words, std::unique_ptr<std::uint64_t[]> memory)
        : memory_(std::move(memory)) {
        const std::size_t each = words / threads;
        for (unsigned i = 0; i < threads; ++i) {
            std::uint64_t* const begin = memory_.get() + i * each;
            threads_.emplace_back([begin, each](const std::stop_token& stop) {
                while (!stop.stop_requested()) {
                    // Reads and writes every word of the thread's part.
                    for (std::size_t at = 0; at < each && !stop.stop_requested(); at += kStride) {
                        const std::size_t end = std::min(at + kStride, each);
                        for (std::size_t j = at; j < end; ++j) {
                            begin[j] = begin[j] * 3 + 1;
                        }
                    }
                }
            });
        }
    }

    ~MemoryLoad() override { threads_.clear(); }  // before the memory goes

  private:
    static constexpr std::size_t kStride = std::size_t{1} << 17;
    std::unique_ptr<std::uint64_t[]> memory_;
};

/// A program in a process group of its own.
class CommandLoad : public Load {
  public:
    CommandLoad(pid_t pid, std::string program) : pid_(pid), program_(std::move(program)) {}

    CommandLoad(const CommandLoad&) = delete;
    CommandLoad& operator=(const CommandLoad&) = delete;

    ~CommandLoad() override {
        if (pid_ > 0) {
            ::kill(-pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
    }

    Status check() override {
        int status = 0;
        if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) {
            pid_ = -1;
            status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        if (pid_ < 0) {
            return FINEWATT_ERROR(kIo, "load '{}': expected it to run on, found it ended ({})",
                                  program_, status_);
        }
        return {};
    }

  private:
    pid_t pid_;
    std::string program_;
    int status_ = 0;
};

}  // namespace

std::unique_ptr<Load> make_idle_load() {
    return std::make_unique<IdleLoad>();
}

std::unique_ptr<Load> make_cpu_load(unsigned threads) {
    return std::make_unique<CpuLoad>(std::max(threads, 1U));
}

Result<std::unique_ptr<Load>> make_memory_load(unsigned threads, std::size_t bytes) {
    // Never more than half of the machine: the load must not push others out.
    const auto pages = static_cast<std::size_t>(std::max(::sysconf(_SC_PHYS_PAGES), 0L));
    const auto page_bytes = static_cast<std::size_t>(std::max(::sysconf(_SC_PAGESIZE), 1L));
    const std::size_t words = bytes / sizeof(std::uint64_t);
    std::unique_ptr<std::uint64_t[]> memory;
    if (bytes / page_bytes <= pages / 2) {
        memory.reset(new (std::nothrow) std::uint64_t[words]());
    }
    if (memory == nullptr) {
        return FINEWATT_ERROR(kUnsupported,
                              "memory load: expected {} MB to be at most half of the memory and "
                              "free, found less",
                              bytes / 1'000'000);
    }
    return std::make_unique<MemoryLoad>(std::max(threads, 1U), words, std::move(memory));
}

Result<std::unique_ptr<Load>> make_command_load(const std::vector<std::string>& argv) {
    std::vector<std::string> texts = argv;
    std::vector<char*> arguments;
    for (std::string& text : texts) {
        arguments.push_back(text.data());
    }
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
    }
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    pid_t pid = -1;
    const int failed =
        ::posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (failed != 0) {
        return error_from_errno(failed, fmt::format("load '{}' cannot be started", argv[0]));
    }
    return std::make_unique<CommandLoad>(pid, argv[0]);
}

unsigned usable_cpus() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
        return static_cast<unsigned>(std::max(CPU_COUNT(&allowed), 1));
    }
    return std::max(std::thread::hardware_concurrency(), 1U);
}

}  // namespace finewatt
