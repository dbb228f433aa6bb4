// How wall meters' tables write times and numbers. Used by wall_readings and csv_meter.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/result.h"

#include <optional>
#include <string>
#include <string_view>

namespace finewatt {

/// A number, and the size of one unit of its last decimal ("12.50" has 0.01).
struct WrittenNumber {
    double value = 0;
    double step = 1;
};

/// Parse a plain decimal number such as "12.50", "7" or "1e3". Nothing for anything else, for
/// infinities and for not-a-number.
std::optional<WrittenNumber> parse_written_number(std::string_view text);

/// Parse "2026-11-23T04:28:00Z", "2026-11-23 05:28:00.5+01:00" or seconds. Seconds of 10^9 and more
/// are Unix time; smaller ones count from `second_zero`. Errors (invalid argument): a time without
/// a zone, small seconds without `second_zero`, anything else.
Result<WallTime> parse_wall_time(std::string_view text, const std::optional<WallTime>& second_zero);

}  // namespace finewatt
