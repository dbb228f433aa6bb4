#include "finewatt/carbon/intensity_series.h"

#include <fmt/format.h>

#include <cmath>

namespace finewatt {
namespace {

bool is_possible(CarbonIntensity intensity) {
    const double g = intensity.as_grams_per_kwh();
    return std::isfinite(g) && g >= 0 && intensity <= kLargestIntensity;
}

}  // namespace

std::string_view intensity_kind_name(IntensityKind kind) {
    return kind == IntensityKind::kAverage ? "average" : "marginal";
}

Status check_interval(const IntensityInterval& one, std::string_view where) {
    if (one.end <= one.begin) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected an end after its begin, found {}", where,
                              one.end.to_iso8601());
    }
    for (const std::optional<CarbonIntensity>& value :
         {std::optional(one.intensity), one.low, one.high}) {
        if (value && !is_possible(*value)) {
            return FINEWATT_ERROR(kCorrupt,
                                  "{}: expected an intensity from 0 to {} g/kWh, found {}; check "
                                  "the unit (1 lb/MWh is 0.4536 g/kWh)",
                                  where, kLargestIntensity.as_grams_per_kwh(),
                                  value->as_grams_per_kwh());
        }
    }
    if (one.low.value_or(one.intensity) > one.intensity ||
        one.high.value_or(one.intensity) < one.intensity) {
        return FINEWATT_ERROR(
            kCorrupt, "{}: expected low <= intensity <= high, found {} <= {} <= {} g/kWh", where,
            one.low.value_or(one.intensity).as_grams_per_kwh(), one.intensity.as_grams_per_kwh(),
            one.high.value_or(one.intensity).as_grams_per_kwh());
    }
    return {};
}

Status check_series(const IntensitySeries& series) {
    if (series.intervals.empty()) {
        return FINEWATT_ERROR(kCorrupt,
                              "intensity series{}{}: expected at least one interval, found none",
                              series.zone.empty() ? "" : " of ", series.zone);
    }
    for (std::size_t i = 0; i < series.intervals.size(); ++i) {
        const IntensityInterval& one = series.intervals[i];
        FINEWATT_TRY(check_interval(one, fmt::format("intensity series: interval {} from {}", i + 1,
                                                     one.begin.to_iso8601())));
        if (i > 0 && one.begin < series.intervals[i - 1].end) {
            return FINEWATT_ERROR(kCorrupt,
                                  "intensity series: interval {}: expected a begin at {} or later, "
                                  "where the one before ends, found {}",
                                  i + 1, series.intervals[i - 1].end.to_iso8601(),
                                  one.begin.to_iso8601());
        }
    }
    return {};
}

}  // namespace finewatt
