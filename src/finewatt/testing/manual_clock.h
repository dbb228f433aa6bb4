// ManualClock: a clock that tests move by hand.
#pragma once

#include "finewatt/base/clock.h"

#include <chrono>

namespace finewatt::testing {

/// Starts at monotonic 0 and at a fixed wall time; both move together. Not thread-safe.
class ManualClock : public Clock {
  public:
    MonoTime mono_now() const override { return mono_; }

    WallTime wall_now() const override { return wall_; }

    void advance(std::chrono::nanoseconds by) {
        mono_ = mono_ + by;
        wall_ = WallTime::from_unix_ns(wall_.as_unix_ns() + by.count());
    }

  private:
    MonoTime mono_{};
    WallTime wall_ = WallTime::from_unix_ns(1'795'408'080'000'000'000);  // 2026-11-23T04:28:00Z
};

}  // namespace finewatt::testing
