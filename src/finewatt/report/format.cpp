#include "finewatt/report/format.h"

#include "finewatt/report/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace finewatt {
namespace {

constexpr int kDigitsWithoutRange = 4;
constexpr int kDigitsOfTheHalfRange = 2;
constexpr int kMostDigits = 6;
/// More decimals than this are written with an exponent.
constexpr int kMostDecimals = 9;
constexpr std::string_view kNotANumber = "unknown: not a number";

/// A unit with its prefix, and the size of one of it in the base unit.
struct ScaledUnit {
    std::string_view name;
    double size;
};

constexpr std::array<ScaledUnit, 8> kEnergyUnits{{{"TJ", 1e12},
                                                  {"GJ", 1e9},
                                                  {"MJ", 1e6},
                                                  {"kJ", 1e3},
                                                  {"J", 1},
                                                  {"mJ", 1e-3},
                                                  {"µJ", 1e-6},
                                                  {"nJ", 1e-9}}};
constexpr std::array<ScaledUnit, 5> kPowerUnits{
    {{"MW", 1e6}, {"kW", 1e3}, {"W", 1}, {"mW", 1e-3}, {"µW", 1e-6}}};
constexpr std::array<ScaledUnit, 4> kMassUnits{{{"t", 1e3}, {"kg", 1}, {"g", 1e-3}, {"mg", 1e-6}}};

bool has_range(const Range& range) {
    return range.low && range.high && std::isfinite(*range.low) && std::isfinite(*range.high);
}

/// The power of ten of the first digit: 0 for 1 to 9.99.
int exponent_of(double value) {
    return static_cast<int>(std::floor(std::log10(std::abs(value))));
}

/// Significant digits of the best value.
int digits_of(const Range& range) {
    if (!has_range(range) || range.best == 0) {
        return kDigitsWithoutRange;
    }
    const double half = std::max(*range.high - range.best, range.best - *range.low);
    if (half <= 0) {
        return kMostDigits;
    }
    const int digits = exponent_of(range.best) - exponent_of(half) + kDigitsOfTheHalfRange;
    return std::clamp(digits, 1, kMostDigits);
}

std::string with_separators(std::string digits) {
    const std::size_t start = digits.starts_with('-') ? 1 : 0;
    const std::size_t point = std::min(digits.find('.'), digits.size());
    for (std::size_t i = point; i > start + 3; i -= 3) {
        digits.insert(i - 3, ",");
    }
    return digits;
}

std::string fixed(double value, int decimals) {
    if (decimals > kMostDecimals) {
        return value == 0 ? "0" : fmt::format("{:.1e}", value);
    }
    std::string text = fmt::format("{:.{}f}", value, std::max(0, decimals));
    if (text.find_first_not_of("-0.") == std::string::npos && text.starts_with('-')) {
        text.erase(0, 1);  // no "-0.0"
    }
    return with_separators(std::move(text));
}

/// Decimals that give `value` so many significant digits, after rounding to them.
int decimals_for(double value, int digits) {
    if (value == 0) {
        return 0;
    }
    const int decimals = digits - 1 - exponent_of(value);
    // 9.996 with three digits is 10.0, not 10.00.
    const double rounded = std::round(value * std::pow(10.0, decimals)) * std::pow(10.0, -decimals);
    return rounded == 0 ? decimals : std::max(0, digits - 1 - exponent_of(rounded));
}

template <std::size_t N>
ScaledUnit choose_unit(const std::array<ScaledUnit, N>& units, std::string_view base,
                       const Range& range) {
    double shown = std::abs(range.best);
    if (shown == 0 && has_range(range)) {
        shown = std::max(std::abs(*range.low), std::abs(*range.high));
    }
    for (const ScaledUnit& unit : units) {
        // 999.96 J with four digits is 1.000 kJ.
        const int digits = digits_of(range);
        if (shown / unit.size >= 1 - 0.5 * std::pow(10.0, -digits) ||
            (shown == 0 && unit.name == base)) {
            return unit;
        }
    }
    return units.back();
}

struct RangeText {
    std::string best;
    std::string low;
    std::string high;
};

RangeText format_numbers(const Range& range) {
    Range known = range;
    if (known.best == 0 && has_range(known)) {
        // Zero has no digits of its own: take those of its range.
        const double half = std::max(std::abs(*known.low), std::abs(*known.high));
        const int decimals = std::max(0, decimals_for(half, kDigitsOfTheHalfRange));
        return {"0", fixed(*known.low, decimals), fixed(*known.high, decimals)};
    }
    const int decimals = decimals_for(known.best, digits_of(known));
    return {fixed(known.best, decimals),
            has_range(known) ? fixed(*known.low, decimals) : std::string(),
            has_range(known) ? fixed(*known.high, decimals) : std::string()};
}

/// `of` follows the unit of the best value: "1.6 g CO2e (0.8 to 2.4 g)".
std::string in_unit(const Range& range, std::string_view unit, double size,
                    std::string_view of = "") {
    if (!std::isfinite(range.best)) {
        return std::string(kNotANumber);
    }
    const Range shown = scaled(range, 1 / size);
    const RangeText text = format_numbers(shown);
    const auto with_unit = [](std::string number, std::string_view suffix) {
        return suffix.empty() ? number : fmt::format("{} {}", number, suffix);
    };
    const std::string best = with_unit(with_unit(text.best, unit), of);
    if (!has_range(shown)) {
        return best;
    }
    if (text.low == text.high) {
        return best + " (range below the last digit)";
    }
    return fmt::format("{} ({} to {})", best, text.low, with_unit(text.high, unit));
}

Range energy_range(Joules best, std::optional<Joules> low, std::optional<Joules> high) {
    Range range{best.as_joules(), std::nullopt, std::nullopt};
    if (low && high) {
        range.low = low->as_joules();
        range.high = high->as_joules();
    }
    return range;
}

}  // namespace

Range scaled(const Range& range, double scale) {
    Range out{range.best * scale, std::nullopt, std::nullopt};
    if (range.low && range.high) {
        out.low = *range.low * scale;
        out.high = *range.high * scale;
    }
    return out;
}

std::string format_unknown(const std::optional<std::string>& reason) {
    if (!reason || reason->empty()) {
        return "unknown: no reason was recorded";
    }
    return "unknown: " + safe_text(*reason);
}

std::string format_number(double value, int digits) {
    if (!std::isfinite(value)) {
        return std::string(kNotANumber);
    }
    return fixed(value, decimals_for(value, digits));
}

std::string format_count(double value) {
    return std::isfinite(value) ? fixed(value, 0) : std::string(kNotANumber);
}

std::string format_share(double share) {
    return std::isfinite(share) ? fixed(share * 100, 1) + " %" : std::string(kNotANumber);
}

std::string format_energy(Joules energy) {
    return format_energy(energy, std::nullopt, std::nullopt);
}

std::string format_energy(Joules best, std::optional<Joules> low, std::optional<Joules> high) {
    const Range range = energy_range(best, low, high);
    const ScaledUnit unit = choose_unit(kEnergyUnits, "J", range);
    return in_unit(range, unit.name, unit.size);
}

std::string format_energy_best(Joules best, std::optional<Joules> low, std::optional<Joules> high) {
    const Range range = energy_range(best, low, high);
    if (!std::isfinite(range.best)) {
        return std::string(kNotANumber);
    }
    const ScaledUnit unit = choose_unit(kEnergyUnits, "J", range);
    return fmt::format("{} {}", format_numbers(scaled(range, 1 / unit.size)).best, unit.name);
}

std::string format_energy_range(Joules best, std::optional<Joules> low,
                                std::optional<Joules> high) {
    const Range range = energy_range(best, low, high);
    if (!std::isfinite(range.best) || !has_range(range)) {
        return "range unknown";
    }
    const ScaledUnit unit = choose_unit(kEnergyUnits, "J", range);
    const RangeText text = format_numbers(scaled(range, 1 / unit.size));
    return fmt::format("{} to {} {}", text.low, text.high, unit.name);
}

std::string format_kwh(Joules best, std::optional<Joules> low, std::optional<Joules> high) {
    return in_unit(energy_range(best, low, high), "kWh", kJoulesPerKwh);
}

std::string format_power(Watts power, const Range& like) {
    const double w = power.as_watts();
    if (!std::isfinite(w)) {
        return std::string(kNotANumber);
    }
    // A range of the same relative width gives the same digits.
    const Range range = has_range(like) && like.best != 0 ? scaled(like, w / like.best)
                                                          : Range{w, std::nullopt, std::nullopt};
    const ScaledUnit unit = choose_unit(kPowerUnits, "W", range);
    return fmt::format("{} {}", format_numbers(scaled(range, 1 / unit.size)).best, unit.name);
}

std::string format_co2_kg(const Range& kilograms, std::string_view gas) {
    const ScaledUnit unit = choose_unit(kMassUnits, "kg", kilograms);
    return in_unit(kilograms, unit.name, unit.size, gas);
}

std::string format_with_range(const Range& range, std::string_view unit) {
    return in_unit(range, unit, 1);
}

std::string format_si(double value, std::string_view unit) {
    constexpr std::array<ScaledUnit, 7> kPrefixes{
        {{"E", 1e18}, {"P", 1e15}, {"T", 1e12}, {"G", 1e9}, {"M", 1e6}, {"k", 1e3}, {"", 1}}};
    if (!std::isfinite(value)) {
        return std::string(kNotANumber);
    }
    const ScaledUnit prefix = choose_unit(kPrefixes, "", {value, std::nullopt, std::nullopt});
    return fmt::format("{} {}{}", format_number(value / prefix.size, 3), prefix.name, unit);
}

std::string format_duration(double seconds) {
    if (!std::isfinite(seconds) || seconds < 0) {
        return "unknown: not a duration";
    }
    if (seconds > 0 && seconds < 0.9995) {
        return fmt::format("{} ms", format_number(seconds * 1e3, 3));
    }
    if (seconds < 59.95) {
        return fmt::format("{} s", format_number(seconds, 3));
    }
    constexpr double kMinute = 60;
    constexpr double kHour = 3600;
    constexpr double kDay = 86'400;
    double whole = std::round(seconds);
    if (whole < kHour) {
        return fmt::format("{:.0f} min {:.0f} s", std::floor(whole / kMinute),
                           std::fmod(whole, kMinute));
    }
    whole = std::round(seconds / kMinute) * kMinute;
    if (whole < kDay) {
        return fmt::format("{:.0f} h {:.0f} min", std::floor(whole / kHour),
                           std::fmod(whole, kHour) / kMinute);
    }
    whole = std::round(seconds / kHour) * kHour;
    return fmt::format("{} d {:.0f} h", format_count(std::floor(whole / kDay)),
                       std::fmod(whole, kDay) / kHour);
}

}  // namespace finewatt
