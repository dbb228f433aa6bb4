#include "finewatt/engine/stop_signal.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <ctime>

namespace finewatt {
namespace {

// A signal handler can reach nothing but a global.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
std::atomic<int> g_signal{0};
std::atomic<std::int64_t> g_first_ns{0};
static_assert(std::atomic<std::int64_t>::is_always_lock_free, "used in a signal handler");

/// Signals closer than this to the first are the same request.
constexpr std::int64_t kSameRequestNs = 1'000'000'000;

std::int64_t monotonic_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);  // safe in a signal handler
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

extern "C" void finewatt_on_stop_signal(int number) {
    int none = 0;
    if (g_signal.compare_exchange_strong(none, number)) {
        g_first_ns = monotonic_ns();
    } else if (monotonic_ns() - g_first_ns > kSameRequestNs) {
        ::_exit(128 + number);
    }
}

}  // namespace

void install_stop_signals() {
    struct sigaction action = {};
    action.sa_handler = finewatt_on_stop_signal;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
}

int stop_signal() {
    return g_signal.load();
}

}  // namespace finewatt
