// SignalWatch: SIGINT, SIGTERM and SIGCHLD as bytes on a descriptor, so that one poll() loop sees
// signals, events and the end of the child.
#pragma once

#include "finewatt/base/file.h"
#include "finewatt/base/result.h"

#include <csignal>
#include <optional>

namespace finewatt {

/// One signal that arrived.
struct ArrivedSignal {
    int number = 0;
    /// The kernel sent it (Ctrl-C on a terminal), so every process of the foreground group got it
    /// too and it need not be passed on.
    bool is_from_terminal = false;
};

/// Blocks the signals in the calling thread for as long as it lives; threads started meanwhile
/// inherit that. Make it before any other thread. Not thread-safe.
class SignalWatch {
  public:
    static Result<SignalWatch> start();

    SignalWatch(SignalWatch&& other) noexcept;
    SignalWatch& operator=(SignalWatch&&) = delete;
    SignalWatch(const SignalWatch&) = delete;
    SignalWatch& operator=(const SignalWatch&) = delete;
    ~SignalWatch();

    int fd() const { return fd_.get(); }

    /// Return the next signal, or nothing. Never blocks.
    std::optional<ArrivedSignal> take();

    /// The mask before this object blocked its signals; what a child should run with.
    const sigset_t& previous_mask() const { return previous_; }

  private:
    SignalWatch(ScopedFd fd, const sigset_t& previous) : fd_(std::move(fd)), previous_(previous) {}

    ScopedFd fd_;
    sigset_t previous_;
};

}  // namespace finewatt
