#include "finewatt/carbon/place.h"

#include "finewatt/base/ascii.h"
#include "finewatt/carbon/factors_internal.h"
#include "finewatt/carbon/intensity_series.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace finewatt {
namespace {

/// The word of each kind, in the order of PlaceKind.
constexpr std::array<std::string_view, 7> kKindNames{"zip",    "subregion", "state",    "country",
                                                     "region", "cloud",     "intensity"};

/// Longer than any name of the tables; a longer text is no name.
constexpr std::size_t kLongestName = 64;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_letter(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

Result<Place> parse_zip(std::string_view text) {
    const std::string_view five = text.substr(0, 5);
    std::string_view rest = text.substr(five.size());
    if (rest.starts_with('-')) {
        rest.remove_prefix(1);
    }
    const bool has_digits = std::all_of(five.begin(), five.end(), is_digit) &&
                            std::all_of(rest.begin(), rest.end(), is_digit);
    const bool has_length =
        five.size() == 5 && (text.size() == 5 || (rest.size() == 4 && text.size() <= 10));
    if (!has_digits || !has_length) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "ZIP code: expected five digits (15213) or nine (15213-3890), found "
                              "'{}'",
                              text.substr(0, kLongestName));
    }
    return Place{PlaceKind::kZip, std::string(five), {}};
}

Result<Place> parse_code(PlaceKind kind, std::string_view text) {
    if (text.empty() || text.size() > kLongestName) {
        return FINEWATT_ERROR(
            kInvalidArgument, "{}: expected a code of at most {} characters, found {}; write {}",
            place_kind_name(kind), kLongestName,
            text.empty() ? "nothing" : fmt::format("{}", text.size()), place_forms());
    }
    return Place{kind, kind == PlaceKind::kCloud ? ascii_lower(text) : ascii_upper(text), {}};
}

Result<Place> parse_intensity(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value) ||
        value < 0) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "carbon intensity: expected g/kWh as a number of 0 or more (474.5), "
                              "found '{}'",
                              text.substr(0, kLongestName));
    }
    if (grams_per_kwh(value) > kLargestIntensity) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "carbon intensity: expected at most {} g/kWh, found {}, so probably "
                              "another unit; lb/MWh times 0.45359237, or g/MWh divided by 1,000, "
                              "is g/kWh",
                              kLargestIntensity.as_grams_per_kwh(), value);
    }
    return Place{PlaceKind::kIntensity, "", grams_per_kwh(value)};
}

/// What a place without a kind probably means, for the message.
std::string guess(std::string_view text) {
    if (!text.empty() && std::all_of(text.begin(), text.end(), is_digit)) {
        return fmt::format("; did you mean zip:{}?", text);
    }
    if ((text.size() == 2 || text.size() == 3) &&
        std::all_of(text.begin(), text.end(), is_letter)) {
        return fmt::format("; did you mean country:{}?", ascii_upper(text));
    }
    if (text.size() == 4 && std::all_of(text.begin(), text.end(), is_letter)) {
        return fmt::format("; did you mean subregion:{}?", ascii_upper(text));
    }
    if (text.find('/') != std::string_view::npos) {
        return fmt::format("; did you mean cloud:{}?", ascii_lower(text.substr(0, kLongestName)));
    }
    return "";
}

}  // namespace

bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::string_view place_kind_name(PlaceKind kind) {
    return kKindNames.at(static_cast<std::size_t>(kind));
}

std::string_view place_forms() {
    return "zip:15213, subregion:RFCW, state:PA, country:FRA, region:CA-ON, cloud:gcp/us-central1 "
           "or intensity:474.5 (g/kWh)";
}

Result<Place> parse_place(std::string_view text) {
    if (!is_printable(text)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "place: expected {}, found characters that are not printable ASCII",
                              place_forms());
    }
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) {
        return FINEWATT_ERROR(kInvalidArgument, "place: expected {}, found '{}'{}", place_forms(),
                              text.substr(0, kLongestName), guess(text));
    }
    const std::string kind = ascii_lower(text.substr(0, colon));
    const std::string_view name = text.substr(colon + 1);
    const auto found = std::find(kKindNames.begin(), kKindNames.end(), kind);
    if (found == kKindNames.end()) {
        return FINEWATT_ERROR(kInvalidArgument, "place: expected {}, found the kind '{}'",
                              place_forms(), kind.substr(0, kLongestName));
    }
    switch (static_cast<PlaceKind>(found - kKindNames.begin())) {
        case PlaceKind::kZip:
            return parse_zip(name);
        case PlaceKind::kIntensity:
            return parse_intensity(name);
        default:
            return parse_code(static_cast<PlaceKind>(found - kKindNames.begin()), name);
    }
}

std::string place_text(const Place& place) {
    if (place.kind == PlaceKind::kIntensity) {
        return fmt::format("intensity:{}", place.intensity.as_grams_per_kwh());
    }
    return fmt::format("{}:{}", place_kind_name(place.kind), place.name);
}

}  // namespace finewatt
