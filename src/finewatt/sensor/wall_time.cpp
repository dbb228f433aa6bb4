#include "finewatt/sensor/wall_time_internal.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace finewatt {
namespace {

/// Seconds since 1970 passed this in September 2001; stopwatches do not get there.
constexpr double kFirstUnixSecond = 1e9;
/// Later than any date that nanoseconds in 64 bits can hold, in seconds.
constexpr double kLastUnixSecond = 9e9;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Parse "+01:00", "-0530" or "+01" into minutes east of Greenwich.
std::optional<int> parse_offset_minutes(std::string_view text) {
    std::string digits;
    for (const char c : text.substr(1)) {
        if (is_digit(c)) {
            digits += c;
        } else if (c != ':' || digits.size() != 2) {
            return std::nullopt;
        }
    }
    if (digits.size() == 2) {
        digits += "00";
    }
    if (digits.size() != 4) {
        return std::nullopt;
    }
    const int hours = (digits[0] - '0') * 10 + (digits[1] - '0');
    const int minutes = (digits[2] - '0') * 10 + (digits[3] - '0');
    // UTC+14:00 is the furthest zone there is.
    if (hours > 14 || minutes > 59) {
        return std::nullopt;
    }
    return (text.front() == '-' ? -1 : 1) * (hours * 60 + minutes);
}

Error wrong_time(std::string_view text) {
    return FINEWATT_ERROR(kInvalidArgument,
                          "expected a time like 2026-11-23T04:28:00Z, 2026-11-23T05:28:00+01:00 or "
                          "Unix seconds, found '{}'",
                          text);
}

Result<WallTime> parse_date(std::string_view text) {
    // "2026-11-23T" has 11 characters; an offset's sign comes after it.
    constexpr std::size_t kDateLength = 11;
    std::string local(text);
    if (local.size() > kDateLength && local[kDateLength - 1] == ' ') {
        local[kDateLength - 1] = 'T';
    }
    // Nanoseconds in 64 bits end in 2262.
    if (local.compare(0, 4, "1970") < 0 || local.compare(0, 4, "2200") > 0) {
        return wrong_time(text);
    }
    if (local.ends_with('Z')) {
        const Result<WallTime> time = WallTime::parse_iso8601(local);
        return time ? time : Result<WallTime>(wrong_time(text));
    }
    const std::size_t sign = local.find_first_of("+-", std::min(kDateLength, local.size()));
    if (sign == std::string::npos) {
        if (WallTime::parse_iso8601(local + "Z")) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "the time '{}' names no zone; add Z (UTC) or an offset like "
                                  "+01:00",
                                  text);
        }
        return wrong_time(text);
    }
    const auto minutes = parse_offset_minutes(std::string_view(local).substr(sign));
    const Result<WallTime> time = WallTime::parse_iso8601(local.substr(0, sign) + "Z");
    if (!minutes || !time) {
        return wrong_time(text);
    }
    constexpr std::int64_t kMinuteNs = 60'000'000'000;
    return WallTime::from_unix_ns(time->as_unix_ns() - *minutes * kMinuteNs);
}

}  // namespace

std::optional<WrittenNumber> parse_written_number(std::string_view text) {
    WrittenNumber number;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number.value);
    if (parsed.ec != std::errc() || parsed.ptr != end || !std::isfinite(number.value)) {
        return std::nullopt;
    }
    const std::size_t exponent = std::min(text.find_first_of("eE"), text.size());
    const std::size_t point = text.substr(0, exponent).find('.');
    int power = 0;
    if (exponent < text.size()) {
        std::string_view digits = text.substr(exponent + 1);
        digits.remove_prefix(digits.starts_with('+') ? 1 : 0);
        std::from_chars(digits.data(), digits.data() + digits.size(), power);
    }
    if (point != std::string_view::npos) {
        power -= static_cast<int>(exponent - point - 1);
    }
    number.step = std::pow(10.0, power);
    return number;
}

Result<WallTime> parse_wall_time(std::string_view text,
                                 const std::optional<WallTime>& second_zero) {
    const std::optional<WrittenNumber> seconds = parse_written_number(text);
    if (!seconds) {
        return parse_date(text);
    }
    if (std::abs(seconds->value) > kLastUnixSecond) {
        return wrong_time(text);
    }
    // A double holds today's Unix seconds to a quarter of a microsecond, enough for a meter.
    const double whole = std::floor(seconds->value);
    const auto ns = static_cast<std::int64_t>(whole) * 1'000'000'000 +
                    std::llround((seconds->value - whole) * 1e9);
    if (seconds->value >= kFirstUnixSecond) {
        return WallTime::from_unix_ns(ns);
    }
    if (!second_zero) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "the time '{}' is seconds from an unknown start; write dates, Unix "
                              "seconds, or say when second 0 was",
                              text);
    }
    return WallTime::from_unix_ns(second_zero->as_unix_ns() + ns);
}

}  // namespace finewatt
