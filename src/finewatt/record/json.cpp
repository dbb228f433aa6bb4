#include "finewatt/record/json.h"

#include "finewatt/record/calibration.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <type_traits>
#include <utility>

namespace finewatt {
namespace {

using OrderedJson = nlohmann::ordered_json;
using Json = nlohmann::json;

/// A struct that has a field table.
template <class T>
concept Record = requires {
    T::fields();
};

template <class Tag>
double stored_number(Quantity<Tag> quantity) {
    if constexpr (Tag::is_energy) {
        return quantity.as_joules();
    } else if constexpr (Tag::is_power) {
        return quantity.as_watts();
    } else if constexpr (Tag::is_mass) {
        return quantity.as_grams();
    } else {
        return quantity.as_grams_per_kwh();
    }
}

// ---- struct -> JSON. One overload per type that a field table may name. All are declared before
// the first template that calls them, since these types bring no lookup by argument.

OrderedJson encode(double value);
OrderedJson encode(bool value);
OrderedJson encode(int value);
OrderedJson encode(const std::string& text);
OrderedJson encode(WallTime time);
OrderedJson encode(const SettingValue& value);
template <class Tag>
OrderedJson encode(Quantity<Tag> quantity);
template <class T>
OrderedJson encode(const std::optional<T>& value);
template <class T>
OrderedJson encode(const std::vector<T>& values);
template <class T>
OrderedJson encode(const std::map<std::string, T>& values);
template <Record T>
OrderedJson encode(const T& record);

OrderedJson encode(double value) {
    if (!std::isfinite(value)) {
        return nullptr;
    }
    // Up to 2^53 every whole number is a double; counts then read as counts (32, not 32.0).
    constexpr double kLargestExact = 9007199254740992.0;
    const bool is_negative_zero = value == 0 && std::signbit(value);
    if (std::trunc(value) == value && std::abs(value) <= kLargestExact && !is_negative_zero) {
        return static_cast<std::int64_t>(value);
    }
    return value;
}

OrderedJson encode(bool value) {
    return value;
}

OrderedJson encode(int value) {
    return value;
}

OrderedJson encode(const std::string& text) {
    // A plain text member that is empty is unknown (a channel without a device, an energy without
    // provenance). Where an empty text means something, the member is an optional.
    return text.empty() ? OrderedJson(nullptr) : OrderedJson(text);
}

OrderedJson encode(WallTime time) {
    return time.to_iso8601();
}

OrderedJson encode(const SettingValue& value) {
    if (const auto* text = std::get_if<std::string>(&value)) {
        return *text;
    }
    if (const auto* flag = std::get_if<bool>(&value)) {
        return *flag;
    }
    if (const auto* whole = std::get_if<std::int64_t>(&value)) {
        return *whole;
    }
    if (const auto* number = std::get_if<double>(&value)) {
        // Always with a fraction or exponent, so that it reads back as a double.
        return std::isfinite(*number) ? OrderedJson(*number) : OrderedJson(nullptr);
    }
    return nullptr;
}

template <class Tag>
OrderedJson encode(Quantity<Tag> quantity) {
    return encode(stored_number(quantity));
}

template <class T>
OrderedJson encode(const std::optional<T>& value) {
    if (!value) {
        return nullptr;
    }
    if constexpr (std::is_same_v<T, std::string>) {
        return *value;
    } else {
        return encode(*value);
    }
}

template <class T>
OrderedJson encode(const std::vector<T>& values) {
    OrderedJson array = OrderedJson::array();
    for (const T& value : values) {
        if constexpr (std::is_same_v<T, std::string>) {
            array.push_back(value);
        } else {
            array.push_back(encode(value));
        }
    }
    return array;
}

template <class T>
OrderedJson encode(const std::map<std::string, T>& values) {
    OrderedJson object = OrderedJson::object();
    for (const auto& [key, value] : values) {
        object[key] = encode(value);
    }
    return object;
}

template <Record T>
OrderedJson encode(const T& record) {
    OrderedJson object = OrderedJson::object();
    std::apply(
        [&](const auto&... fields) {
            ((object[std::string(fields.name)] = encode(record.*(fields.member))), ...);
        },
        T::fields());
    return object;
}

template <Record T>
std::string document(const T& record, int indent) {
    return encode(record).dump(indent > 0 ? indent : -1, ' ', false,
                               OrderedJson::error_handler_t::replace);
}

// ---- JSON -> struct.

Error unexpected(const Json& found, std::string_view expected) {
    std::string text = found.dump(-1, ' ', false, Json::error_handler_t::replace);
    constexpr std::size_t kShown = 40;
    if (text.size() > kShown) {
        text = text.substr(0, kShown) + "…";
    }
    return FINEWATT_ERROR(kCorrupt, "expected {}, found {}", expected, text);
}

Status decode(const Json& json, double& out);
Status decode(const Json& json, bool& out);
Status decode(const Json& json, int& out);
Status decode(const Json& json, std::string& out);
Status decode(const Json& json, WallTime& out);
Status decode(const Json& json, SettingValue& out);
template <class Tag>
Status decode(const Json& json, Quantity<Tag>& out);
template <class T>
Status decode(const Json& json, std::optional<T>& out);
template <class T>
Status decode(const Json& json, std::vector<T>& out);
template <class T>
Status decode(const Json& json, std::map<std::string, T>& out);
template <Record T>
Status decode(const Json& json, T& out);

Status decode(const Json& json, double& out) {
    if (json.is_null()) {  // how NaN and infinity are written
        out = std::numeric_limits<double>::quiet_NaN();
        return {};
    }
    if (!json.is_number()) {
        return unexpected(json, "a number");
    }
    out = json.get<double>();
    return {};
}

Status decode(const Json& json, bool& out) {
    if (!json.is_boolean()) {
        return unexpected(json, "true or false");
    }
    out = json.get<bool>();
    return {};
}

Status decode(const Json& json, int& out) {
    if (!json.is_number_integer()) {
        return unexpected(json, "a whole number");
    }
    const bool is_too_large =
        json.is_number_unsigned() &&
        json.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<int>::max());
    if (is_too_large || json.get<std::int64_t>() < std::numeric_limits<int>::min()) {
        return unexpected(json, "a whole number of 32 bits");
    }
    out = json.get<int>();
    return {};
}

Status decode(const Json& json, std::string& out) {
    if (json.is_null()) {
        out.clear();
        return {};
    }
    if (!json.is_string()) {
        return unexpected(json, "a text");
    }
    out = json.get<std::string>();
    return {};
}

Status decode(const Json& json, WallTime& out) {
    if (!json.is_string()) {
        return unexpected(json, "a UTC time like 2026-11-23T04:28:00Z");
    }
    const Result<WallTime> time = WallTime::parse_iso8601(json.get<std::string>());
    if (!time) {
        return unexpected(json, "a UTC time like 2026-11-23T04:28:00Z");
    }
    out = *time;
    return {};
}

Status decode(const Json& json, SettingValue& out) {
    const bool fits_int64 =
        json.is_number_integer() &&
        !(json.is_number_unsigned() &&
          json.get<std::uint64_t>() >
              static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
    if (json.is_null()) {
        out = std::monostate{};
    } else if (json.is_boolean()) {
        out = json.get<bool>();
    } else if (fits_int64) {
        out = json.get<std::int64_t>();
    } else if (json.is_number()) {
        out = json.get<double>();
    } else if (json.is_string()) {
        out = json.get<std::string>();
    } else {
        return unexpected(json, "a text, a number, true, false or null");
    }
    return {};
}

template <class Tag>
Status decode(const Json& json, Quantity<Tag>& out) {
    double number = 0;
    FINEWATT_TRY(decode(json, number));
    out = Quantity<Tag>::from_stored(number);
    return {};
}

template <class T>
Status decode(const Json& json, std::optional<T>& out) {
    if (json.is_null()) {
        out.reset();
        return {};
    }
    return decode(json, out.emplace());
}

template <class T>
Status decode(const Json& json, std::vector<T>& out) {
    if (!json.is_array()) {
        return unexpected(json, "a list");
    }
    out.clear();
    out.reserve(json.size());
    for (const Json& element : json) {
        FINEWATT_TRY_CONTEXT(decode(element, out.emplace_back()), "[{}]", out.size() - 1);
    }
    return {};
}

template <class T>
Status decode(const Json& json, std::map<std::string, T>& out) {
    if (!json.is_object()) {
        return unexpected(json, "an object");
    }
    out.clear();
    for (const auto& item : json.items()) {
        FINEWATT_TRY_CONTEXT(decode(item.value(), out[item.key()]), "{}", item.key());
    }
    return {};
}

template <class Struct, class Member>
Status decode_field(const Json& object, const Field<Struct, Member>& field, Struct& out) {
    const auto found = object.find(std::string(field.name));
    if (found == object.end()) {
        return {};
    }
    FINEWATT_TRY_CONTEXT(decode(*found, out.*(field.member)), "{}", field.name);
    return {};
}

template <Record T>
Status decode(const Json& json, T& out) {
    if (!json.is_object()) {
        return unexpected(json, "an object");
    }
    Status status;
    std::apply(
        [&](const auto&... fields) {
            // Stops at the first field that fails.
            static_cast<void>(((status = decode_field(json, fields, out)).has_value() && ...));
        },
        T::fields());
    return status;
}

/// Parse a calibration document and check its head.
Result<Json> parse_calibration(std::string_view text) {
    Json json;
    try {
        json = Json::parse(text);
    } catch (const Json::exception& e) {
        return FINEWATT_ERROR(kCorrupt, "calibration: expected a JSON document: {}", e.what());
    }
    if (!json.is_object() || !json.contains("finewatt_calibration")) {
        return unexpected(json, "an object with the key 'finewatt_calibration'")
            .with_context("calibration");
    }
    int format = 0;
    FINEWATT_TRY_CONTEXT(decode(json["finewatt_calibration"], format),
                         "calibration: finewatt_calibration");
    if (format < 1 || format > kCalibrationFormat) {
        return FINEWATT_ERROR(kUnsupported,
                              "calibration: expected format {} or older, found {}; a newer "
                              "finewatt reads it",
                              kCalibrationFormat, format);
    }
    if (!json.contains("type") || !json["type"].is_string()) {
        return FINEWATT_ERROR(kCorrupt, "calibration: expected a text 'type', found none");
    }
    return json;
}

template <Record T>
Result<T> calibration_of_type(std::string_view text, std::string_view type) {
    FINEWATT_ASSIGN(const Json json, parse_calibration(text));
    if (json["type"] != type) {
        return FINEWATT_ERROR(kUnsupported, "calibration: expected type '{}', found '{}'", type,
                              json["type"].get<std::string>());
    }
    T out;
    FINEWATT_TRY_CONTEXT(decode(json, out), "calibration");
    if (out.id.empty()) {
        return FINEWATT_ERROR(kCorrupt, "calibration: expected an 'id', found none");
    }
    return out;
}

Status check_required(const Json& object) {
    for (const char* key : {"run_id", "kind", "status", "started_at"}) {
        const auto found = object.find(key);
        if (found == object.end() || !found->is_string()) {
            return FINEWATT_ERROR(kCorrupt,
                                  "expected a run record with the text '{}', found {}; is this "
                                  "the output of 'finewatt runs show ID --json'?",
                                  key, found == object.end() ? "no such key" : found->type_name());
        }
    }
    return {};
}

}  // namespace

std::string to_json(const RunRecord& run, int indent) {
    return document(run, indent);
}

std::string to_json(const EnergySummary& energy, int indent) {
    return document(energy, indent);
}

std::string to_json(const CarbonSummary& carbon, int indent) {
    return document(carbon, indent);
}

std::string to_json(const PredictionSummary& prediction, int indent) {
    return document(prediction, indent);
}

std::string to_json(const IdleBaseline& baseline, int indent) {
    return document(baseline, indent);
}

std::string to_json(const WallCalibration& calibration, int indent) {
    return document(calibration, indent);
}

Result<IdleBaseline> baseline_from_json(std::string_view text) {
    return calibration_of_type<IdleBaseline>(text, kIdleType);
}

Result<WallCalibration> calibration_from_json(std::string_view text) {
    return calibration_of_type<WallCalibration>(text, kWallType);
}

Result<std::string> calibration_type(std::string_view text) {
    FINEWATT_ASSIGN(const Json json, parse_calibration(text));
    return json["type"].get<std::string>();
}

Result<RunRecord> run_from_json(std::string_view text) {
    Json json;
    try {
        json = Json::parse(text);
    } catch (const Json::exception& e) {
        return FINEWATT_ERROR(kCorrupt, "run record: expected a JSON document: {}", e.what());
    }
    if (!json.is_object()) {
        return unexpected(json, "a JSON object").with_context("run record");
    }
    FINEWATT_TRY_CONTEXT(check_required(json), "run record");
    RunRecord run;
    FINEWATT_TRY_CONTEXT(decode(json, run), "run record");
    return run;
}

}  // namespace finewatt
