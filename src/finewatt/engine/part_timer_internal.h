// PartTimer: wall time of one part of the work, added to a total. For benchmarks of the fast path;
// a phase of a run is PhaseScope's (events.h).
#pragma once

#include <chrono>

namespace finewatt {

/// Adds the time of its life to a total.
class PartTimer {
  public:
    explicit PartTimer(double& total_s)
        : total_s_(total_s),
          begin_(std::chrono::steady_clock::now()) {}

    PartTimer(const PartTimer&) = delete;
    PartTimer& operator=(const PartTimer&) = delete;
    PartTimer(PartTimer&&) = delete;
    PartTimer& operator=(PartTimer&&) = delete;

    ~PartTimer() {
        const auto time = std::chrono::steady_clock::now() - begin_;
        total_s_ += std::chrono::duration<double>(time).count();
    }

  private:
    double& total_s_;
    std::chrono::steady_clock::time_point begin_;
};

}  // namespace finewatt
