// Time, as two types that do not mix: MonoTime (CLOCK_MONOTONIC, for all arithmetic) and WallTime
// (UTC, for labels and for looking up carbon factors). Clock is the injected source of both;
// testing/manual_clock.h has the one for tests.
#pragma once

#include "finewatt/base/result.h"

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace finewatt {

/// A point of CLOCK_MONOTONIC in nanoseconds. All processes of one machine share it; it means
/// nothing after a reboot.
class MonoTime {
  public:
    constexpr MonoTime() = default;

    static constexpr MonoTime from_ns(std::int64_t t_mono_ns) { return MonoTime(t_mono_ns); }

    constexpr std::int64_t as_ns() const { return ns_; }

    friend constexpr auto operator<=>(MonoTime, MonoTime) = default;

    friend constexpr std::chrono::nanoseconds operator-(MonoTime a, MonoTime b) {
        return std::chrono::nanoseconds(a.ns_ - b.ns_);
    }

    friend constexpr MonoTime operator+(MonoTime t, std::chrono::nanoseconds d) {
        return MonoTime(t.ns_ + d.count());
    }

  private:
    explicit constexpr MonoTime(std::int64_t ns) : ns_(ns) {}

    std::int64_t ns_ = 0;
};

/// A point of UTC in nanoseconds since 1970-01-01.
class WallTime {
  public:
    constexpr WallTime() = default;

    static constexpr WallTime from_unix_ns(std::int64_t unix_ns) { return WallTime(unix_ns); }

    /// Parse "2026-11-23T04:28:00Z", with or without a fraction of a second.
    static Result<WallTime> parse_iso8601(std::string_view text);

    constexpr std::int64_t as_unix_ns() const { return ns_; }

    /// Return "2026-11-23T04:28:00.123Z" (milliseconds).
    std::string to_iso8601() const;

    friend constexpr auto operator<=>(WallTime, WallTime) = default;

  private:
    explicit constexpr WallTime(std::int64_t ns) : ns_(ns) {}

    std::int64_t ns_ = 0;
};

/// Where the time comes from. Implementations may be called from any thread.
class Clock {
  public:
    virtual ~Clock() = default;
    virtual MonoTime mono_now() const = 0;
    virtual WallTime wall_now() const = 0;
};

/// The machine's clocks: CLOCK_MONOTONIC and CLOCK_REALTIME.
class SystemClock : public Clock {
  public:
    MonoTime mono_now() const override;
    WallTime wall_now() const override;
};

/// Return a duration in seconds as a plain number (for division and printing).
constexpr double as_seconds(std::chrono::nanoseconds d) {
    return static_cast<double>(d.count()) * 1e-9;
}

}  // namespace finewatt
