#include "finewatt/carbon/zoned_time_internal.h"

#include <cstdint>
#include <string>

namespace finewatt {
namespace {

constexpr std::int64_t kNanosecondsPerMinute = 60'000'000'000;

/// Two digits at a place, or nothing.
std::optional<int> two_digits(std::string_view text, std::size_t at) {
    const auto is_digit = [&](std::size_t i) {
        return i < text.size() && text[i] >= '0' && text[i] <= '9';
    };
    if (!is_digit(at) || !is_digit(at + 1)) {
        return std::nullopt;
    }
    return (text[at] - '0') * 10 + (text[at + 1] - '0');
}

/// Read "+01:00", "-0330" or "+01" as minutes east of UTC.
std::optional<int> offset_minutes(std::string_view text) {
    constexpr int kLargestHours = 18;
    const std::optional<int> hours = two_digits(text, 1);
    std::optional<int> minutes = 0;
    if (text.size() == 5) {
        minutes = two_digits(text, 3);
    } else if (text.size() == 6 && text[3] == ':') {
        minutes = two_digits(text, 4);
    } else if (text.size() != 3) {
        return std::nullopt;
    }
    if (!hours || !minutes || *hours > kLargestHours || *minutes > 59) {
        return std::nullopt;
    }
    const int total = *hours * 60 + *minutes;
    return text[0] == '-' ? -total : total;
}

}  // namespace

std::optional<ZonedTime> parse_zoned_time(std::string_view text) {
    constexpr std::size_t kMinutesEnd = 16;  // "2026-11-23T04:00"
    if (text.size() < kMinutesEnd || (text[10] != 'T' && text[10] != ' ') || text[13] != ':') {
        return std::nullopt;
    }
    bool has_zone = false;
    int offset = 0;
    if (text.back() == 'Z' || text.back() == 'z') {
        has_zone = true;
        text.remove_suffix(1);
    } else if (const std::size_t sign = text.find_first_of("+-", kMinutesEnd);
               sign != std::string_view::npos) {
        const std::optional<int> minutes = offset_minutes(text.substr(sign));
        if (!minutes) {
            return std::nullopt;
        }
        has_zone = true;
        offset = *minutes;
        text = text.substr(0, sign);
    }
    std::string utc(text);
    utc[10] = 'T';
    utc += text.size() == kMinutesEnd ? ":00Z" : "Z";
    const Result<WallTime> time = WallTime::parse_iso8601(utc);
    if (!time) {
        return std::nullopt;
    }
    return ZonedTime{WallTime::from_unix_ns(time->as_unix_ns() - offset * kNanosecondsPerMinute),
                     has_zone};
}

}  // namespace finewatt
