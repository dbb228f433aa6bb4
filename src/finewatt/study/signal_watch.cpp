#include "finewatt/study/signal_watch.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <pthread.h>

namespace finewatt {

Result<SignalWatch> SignalWatch::start() {
    sigset_t watched;
    sigemptyset(&watched);
    sigaddset(&watched, SIGINT);
    sigaddset(&watched, SIGTERM);
    sigaddset(&watched, SIGCHLD);
    sigset_t previous;
    ::pthread_sigmask(SIG_BLOCK, &watched, &previous);
    ScopedFd fd(::signalfd(-1, &watched, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!fd.is_open()) {
        const int why = errno;
        ::pthread_sigmask(SIG_SETMASK, &previous, nullptr);
        return error_from_errno(why, "watch signals");
    }
    return SignalWatch(std::move(fd), previous);
}

SignalWatch::SignalWatch(SignalWatch&& other) noexcept
    : fd_(std::move(other.fd_)),
      previous_(other.previous_) {}

SignalWatch::~SignalWatch() {
    if (!fd_.is_open()) {
        return;
    }
    // What arrived and was not taken must not strike after the mask is restored.
    while (take()) {
    }
    ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
}

std::optional<ArrivedSignal> SignalWatch::take() {
    signalfd_siginfo info{};
    const ssize_t n = ::read(fd_.get(), &info, sizeof info);
    if (n != static_cast<ssize_t>(sizeof info)) {
        return std::nullopt;
    }
    return ArrivedSignal{static_cast<int>(info.ssi_signo), info.ssi_code == SI_KERNEL};
}

}  // namespace finewatt
