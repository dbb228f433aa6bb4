#include "finewatt/engine/stop_signal.h"

#include <unistd.h>

#include <atomic>
#include <csignal>

namespace finewatt {
namespace {

// A signal handler can reach nothing but a global.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
std::atomic<int> g_signal{0};
static_assert(std::atomic<int>::is_always_lock_free, "used in a signal handler");

extern "C" void finewatt_on_stop_signal(int number) {
    int none = 0;
    if (!g_signal.compare_exchange_strong(none, number)) {
        ::_exit(128 + number);  // the second one
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
