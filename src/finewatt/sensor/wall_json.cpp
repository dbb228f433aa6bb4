#include "finewatt/sensor/wall_json_internal.h"
#include "finewatt/sensor/wall_time_internal.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace finewatt {
namespace {

/// The first bytes of a text, printable, for messages.
std::string beginning_of(std::string_view text) {
    constexpr std::size_t kShown = 40;
    std::string shown(text.substr(0, kShown));
    std::replace_if(
        shown.begin(), shown.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7F; }, '?');
    return shown + (text.size() > kShown ? "…" : "");
}

/// A scalar as it stands in the answer; of anything deeper only its type.
std::string shown_value(const nlohmann::json& value) {
    if (value.is_structured()) {
        return fmt::format("an {}", value.type_name());
    }
    return "'" + beginning_of(value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)) +
           "'";
}

std::optional<double> number_of(const nlohmann::json& value) {
    if (value.is_number()) {
        return value.get<double>();
    }
    if (value.is_string()) {
        const auto written = parse_written_number(value.get_ref<const std::string&>());
        return written ? std::optional(written->value) : std::nullopt;
    }
    if (value.is_array() && !value.empty()) {
        double sum = 0;
        for (const nlohmann::json& part : value) {
            if (!part.is_number()) {
                return std::nullopt;
            }
            sum += part.get<double>();
        }
        return sum;
    }
    return std::nullopt;
}

}  // namespace

Result<nlohmann::json> parse_answer(std::string_view body, std::string_view who) {
    nlohmann::json document = nlohmann::json::parse(body.begin(), body.end(), nullptr, false);
    if (document.is_discarded()) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected JSON, found '{}'", who, beginning_of(body));
    }
    return document;
}

const nlohmann::json* find_value(const nlohmann::json& document, const std::string& pointer) {
    try {
        const nlohmann::json::json_pointer place(pointer);
        return document.contains(place) ? &document.at(place) : nullptr;
    } catch (const nlohmann::json::exception&) {
        return nullptr;  // no pointer, or one into an array that has no such place
    }
}

Result<std::optional<double>> find_number(const nlohmann::json& document,
                                          const std::string& pointer, std::string_view who) {
    const nlohmann::json* value = find_value(document, pointer);
    if (value == nullptr || value->is_null()) {
        return std::optional<double>();
    }
    const std::optional<double> number = number_of(*value);
    if (!number || !std::isfinite(*number) || *number < 0) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected a number, 0 or more, at {}; found {}", who,
                              pointer, shown_value(*value));
    }
    return number;
}

}  // namespace finewatt
