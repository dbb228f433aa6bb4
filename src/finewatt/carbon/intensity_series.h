// Carbon intensity over time: what a grid emitted per kWh from hour to hour, as read from a CSV
// file or from a provider (electricity_maps.h, watttime.h).
//
// Main type: IntensitySeries. All times are UTC, so no hour is missing or double when clocks are
// changed. carbon_over_time.h joins a series with the power of a run.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/result.h"
#include "finewatt/units/quantity.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// What a factor says. A marginal factor is for changes of load, an average one for all of it; the
/// two are never in one series and never in one figure.
enum class IntensityKind { kAverage, kMarginal };

/// "average" or "marginal".
std::string_view intensity_kind_name(IntensityKind kind);

/// One constant piece of a series: [begin, end).
struct IntensityInterval {
    WallTime begin;
    WallTime end;
    CarbonIntensity intensity;
    std::optional<CarbonIntensity> low{};   ///< where the source gives a range
    std::optional<CarbonIntensity> high{};  ///< where the source gives a range
    bool is_estimated = false;              ///< the source calls the value estimated
};

/// Intensities of one zone, ordered by time. Plain value; check_series tells whether it is sound.
struct IntensitySeries {
    std::vector<IntensityInterval> intervals;
    std::string zone;                  ///< "DE", "US-CAL-CISO", "CAISO_NORTH"; empty = not stated
    std::optional<std::string> basis;  ///< "co2" or "co2e"; empty = not stated
    IntensityKind kind = IntensityKind::kAverage;
    std::string source;  ///< who says so, and what kind of figure it is
};

/// No grid comes near this: coal plants are at 740 to 910 g/kWh over their life cycle (IPCC AR5
/// WG3, Annex III, table A.III.2), old lignite plants somewhat above. More is a mistake in the
/// unit.
constexpr CarbonIntensity kLargestIntensity = grams_per_kwh(5'000);

/// Return an error unless the interval ends after it begins and has a finite intensity from 0 to
/// kLargestIntensity inside its range. `where` names it in the message. Error: corrupt.
Status check_interval(const IntensityInterval& interval, std::string_view where);

/// Return an error unless there is an interval, each has a length above zero and a finite intensity
/// from 0 to kLargestIntensity inside its range, and they are in order without overlap. Holes are
/// allowed here: whether one matters depends on the window. Error: corrupt, naming the interval.
Status check_series(const IntensitySeries& series);

/// How to read a CSV file of intensities.
struct IntensityCsvOptions {
    /// Take a time without a zone as UTC. Without it such a time is an error.
    bool is_naive_utc = false;
    /// The zone that the file must be about; nothing = the file's own, of which it may have one.
    std::optional<std::string> zone{};
    /// The basis of a file that does not state one: "co2" or "co2e".
    std::optional<std::string> basis{};
};

/// Read a series from CSV text with a header line, columns by name in any order:
///
///   datetime              ISO 8601 with zone, begin of the interval (2026-11-23T04:00:00Z, +01:00)
///   datetime_end          its end, optional; else each interval lasts as long as the shortest
///                         distance between two rows (one hour in a file of one row)
///   intensity_g_per_kwh   and, optional, intensity_g_per_kwh_low, intensity_g_per_kwh_high
///   zone, basis, intensity_kind, is_estimated, source   optional
///
/// or the export of Electricity Maps ("Datetime (UTC)", "Zone id", "Carbon intensity gCO₂eq/kWh
/// (Life cycle)" or "(direct)", "Data estimated"); life cycle wins. A row that follows later leaves
/// a hole. `name` is the file's name for messages.
///
/// Errors: corrupt, naming the line: time without zone, rows not in order or overlapping, a second
/// zone, a value that is missing, negative, absurd or outside its range; not found, for a zone that
/// is not the one asked for; invalid argument, for an unknown basis.
Result<IntensitySeries> parse_intensity_csv(std::string_view text, std::string_view name,
                                            const IntensityCsvOptions& options = {});

/// The same for a file. More errors: those of read_file.
Result<IntensitySeries> read_intensity_csv(const std::filesystem::path& file,
                                           const IntensityCsvOptions& options = {});

}  // namespace finewatt
