#include "finewatt/base/clock.h"

#include <date/date.h>
#include <fmt/format.h>

#include <ctime>
#include <sstream>

namespace finewatt {
namespace {

std::int64_t read_clock_ns(clockid_t id) {
    timespec t{};
    clock_gettime(id, &t);
    return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

}  // namespace

Result<WallTime> WallTime::parse_iso8601(std::string_view text) {
    std::istringstream in{std::string(text)};
    std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds> point;
    in >> date::parse("%FT%TZ", point);
    if (in.fail() || in.peek() != std::istringstream::traits_type::eof()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "time stamp: expected UTC like 2026-11-23T04:28:00Z, found '{}'",
                              text);
    }
    return WallTime(point.time_since_epoch().count());
}

std::string WallTime::to_iso8601() const {
    // Without streams: their locales cost a starting meter time and memory.
    using std::chrono::milliseconds;
    const std::chrono::sys_time<milliseconds> point{
        std::chrono::floor<milliseconds>(std::chrono::nanoseconds(ns_))};
    const auto midnight = std::chrono::floor<std::chrono::days>(point);
    const std::chrono::year_month_day date(midnight);
    const std::chrono::hh_mm_ss<milliseconds> time(point - midnight);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       time.hours().count(), time.minutes().count(), time.seconds().count(),
                       time.subseconds().count());
}

MonoTime SystemClock::mono_now() const {
    return MonoTime::from_ns(read_clock_ns(CLOCK_MONOTONIC));
}

WallTime SystemClock::wall_now() const {
    return WallTime::from_unix_ns(read_clock_ns(CLOCK_REALTIME));
}

}  // namespace finewatt
