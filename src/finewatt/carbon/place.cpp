#include "finewatt/carbon/place.h"

#include "finewatt/base/ascii.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace finewatt {
namespace {

constexpr std::string_view kForms =
    "zip:15213, subregion:RFCW, country:FRA or intensity:474.5 (g/kWh)";

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
                              text);
    }
    return Place{PlaceKind::kZip, std::string(five), {}};
}

Result<Place> parse_code(PlaceKind kind, std::string_view what, std::string_view text) {
    if (text.empty()) {
        return FINEWATT_ERROR(kInvalidArgument, "{}: expected a code, found nothing; write {}",
                              what, kForms);
    }
    return Place{kind, ascii_upper(text), {}};
}

Result<Place> parse_intensity(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value) ||
        value < 0) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "carbon intensity: expected g/kWh as a number of 0 or more (474.5), "
                              "found '{}'",
                              text);
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
    return "";
}

}  // namespace

Result<Place> parse_place(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) {
        return FINEWATT_ERROR(kInvalidArgument, "place: expected {}, found '{}'{}", kForms, text,
                              guess(text));
    }
    const std::string_view kind = text.substr(0, colon);
    const std::string_view name = text.substr(colon + 1);
    if (kind == "zip") {
        return parse_zip(name);
    }
    if (kind == "subregion") {
        return parse_code(PlaceKind::kSubregion, "subregion", name);
    }
    if (kind == "country") {
        return parse_code(PlaceKind::kCountry, "country", name);
    }
    if (kind == "intensity") {
        return parse_intensity(name);
    }
    return FINEWATT_ERROR(kInvalidArgument, "place: expected {}, found the kind '{}'", kForms,
                          kind);
}

std::string place_text(const Place& place) {
    switch (place.kind) {
        case PlaceKind::kZip:
            return "zip:" + place.name;
        case PlaceKind::kSubregion:
            return "subregion:" + place.name;
        case PlaceKind::kCountry:
            return "country:" + place.name;
        case PlaceKind::kIntensity:
            break;
    }
    return fmt::format("intensity:{}", place.intensity.as_grams_per_kwh());
}

}  // namespace finewatt
