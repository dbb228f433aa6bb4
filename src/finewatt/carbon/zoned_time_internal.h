// ISO 8601 times with any offset from UTC, as data files and services write them.
#pragma once

#include "finewatt/base/clock.h"

#include <optional>
#include <string_view>

namespace finewatt {

/// A time, and whether the text said which zone it is in. Without one it is taken as UTC.
struct ZonedTime {
    WallTime time;
    bool has_zone = false;
};

/// Read "2026-11-23T04:00:00Z", "2026-11-23 05:00+01:00", "2026-11-23T04:00:00.5-0330": date, 'T'
/// or a blank, hours and minutes, optional seconds and fraction, optional 'Z' or offset. Nothing
/// for any other text, a date that does not exist, or an offset of more than 18 hours.
std::optional<ZonedTime> parse_zoned_time(std::string_view text);

}  // namespace finewatt
