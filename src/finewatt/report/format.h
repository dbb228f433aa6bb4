// Quantities as people read them: SI prefixes, kWh, durations, and no more digits than a figure
// deserves.
//
// The rule for digits: with a range, the wider half of the range keeps two significant digits, and
// best, low and high show the same decimals, at most six significant digits in all. Without a
// range, a figure has four. Not for records and files: those keep the full double.
#pragma once

#include "finewatt/units/quantity.h"

#include <optional>
#include <string>
#include <string_view>

namespace finewatt {

/// A figure with the range it lies in; no unit of its own. Low and high are both there or neither.
struct Range {
    double best = 0;
    std::optional<double> low;
    std::optional<double> high;
};

/// Return `value * scale` (scale > 0) for a figure that was multiplied by an exact number.
Range scaled(const Range& range, double scale);

/// "unknown: REASON", with a stand-in where there is no reason. The reason is made safe to print.
std::string format_unknown(const std::optional<std::string>& reason);

/// A plain number with `digits` significant digits and thousands separators: "1,234", "0.0562".
/// Not finite: "unknown: not a number".
std::string format_number(double value, int digits = 4);

/// A count without decimals: "12,345". Not finite: "unknown: not a number".
std::string format_count(double value);

/// A share of 1 in percent: "36.1 %".
std::string format_share(double share);

/// Energy with its SI prefix: "1.234 kJ".
std::string format_energy(Joules energy);

/// Energy with its range: "12.3 kJ (6.1 to 18.5 kJ)"; without one as format_energy.
std::string format_energy(Joules best, std::optional<Joules> low, std::optional<Joules> high);

/// The best value alone, with the digits its range allows: "12.3 kJ".
std::string format_energy_best(Joules best, std::optional<Joules> low, std::optional<Joules> high);

/// The range alone: "6.1 to 18.5 kJ"; "range unknown" where there is none.
std::string format_energy_range(Joules best, std::optional<Joules> low, std::optional<Joules> high);

/// Energy in kWh with its range: "0.0034 kWh (0.0017 to 0.0051 kWh)".
std::string format_kwh(Joules best, std::optional<Joules> low, std::optional<Joules> high);

/// Power: "61.2 W", "1.50 kW". `like` gives the digits (an energy with its range).
std::string format_power(Watts power, const Range& like);

/// Mass of CO2 in g, kg or t with its range: "1.60 g CO2e (0.80 to 2.40 g)". `gas` says what was
/// counted, e.g. "CO2" or "CO2e".
std::string format_co2_kg(const Range& kilograms, std::string_view gas);

/// A figure with a unit that takes no prefix, with its range: "61 J (31 to 92 J)".
std::string format_with_range(const Range& range, std::string_view unit);

/// A number of a unit that takes SI prefixes, with three significant digits: "1.23 PFLOP".
std::string format_si(double value, std::string_view unit);

/// A duration: "342 ms", "2.43 s", "1 min 52 s", "3 h 5 min", "28 d 3 h". Negative or not finite:
/// "unknown: not a duration".
std::string format_duration(double seconds);

}  // namespace finewatt
