#include "finewatt/sensor/json_meter_internal.h"
#include "finewatt/sensor/wall_credentials_internal.h"
#include "finewatt/sensor/wall_json_internal.h"

#include <nlohmann/json.hpp>

#include <array>
#include <cctype>
#include <charconv>

namespace finewatt {
namespace {

/// No meter needs more.
constexpr std::size_t kMaxAnswerBytes = std::size_t{1} << 20;

struct Unit {
    std::string_view name;
    double factor = 1;
};

constexpr std::array<Unit, 3> kPowerUnits{{{"W", 1}, {"mW", 1e-3}, {"kW", 1e3}}};
constexpr std::array<Unit, 6> kEnergyUnits{{{"J", 1},
                                            {"Wmin", 60},
                                            {"mWh", kJoulesPerWh * 1e-3},
                                            {"Wh", kJoulesPerWh},
                                            {"kWh", kJoulesPerWh * 1e3},
                                            {"MWh", kJoulesPerWh * 1e6}}};

template <std::size_t N>
std::optional<double> factor_of(const std::array<Unit, N>& units, std::string_view name) {
    for (const Unit& unit : units) {
        if (unit.name == name) {
            return unit.factor;
        }
    }
    return std::nullopt;
}

using UnitLookup = std::optional<double> (*)(std::string_view);

class JsonReader : public WallReader {
  public:
    JsonReader(std::string name, JsonLayout layout, std::unique_ptr<HttpClient> client)
        : name_(std::move(name)),
          layout_(std::move(layout)),
          client_(std::move(client)) {}

    WallFacts facts() const override { return layout_.facts; }

    Result<WallSample> read() override {
        FINEWATT_ASSIGN(const HttpResponse response, client_->send(layout_.request));
        FINEWATT_TRY(require_success(layout_.request, response));
        FINEWATT_ASSIGN(const nlohmann::json answer, parse_answer(response.body, name_));
        FINEWATT_TRY(check_answer(answer));
        WallSample sample;
        FINEWATT_ASSIGN(sample.power_w, figure(answer, layout_.power, power_unit_factor));
        FINEWATT_ASSIGN(sample.energy_j, figure(answer, layout_.energy, energy_unit_factor));
        return sample;
    }

  private:
    Status check_answer(const nlohmann::json& answer) const {
        if (!layout_.refusal_pointer.empty() &&
            find_value(answer, layout_.refusal_pointer) != nullptr) {
            return FINEWATT_ERROR(
                kPermission, "{}: it asks for a user name and password, or refuses them", name_);
        }
        const nlohmann::json* valid =
            layout_.valid_pointer.empty() ? nullptr : find_value(answer, layout_.valid_pointer);
        if (valid != nullptr && *valid == false) {
            return FINEWATT_ERROR(kCorrupt, "{}: the meter says that its figures are not valid",
                                  name_);
        }
        return {};
    }

    Result<std::optional<double>> figure(const nlohmann::json& answer, const JsonFigure& figure,
                                         UnitLookup lookup) const {
        if (figure.pointer.empty()) {
            return std::optional<double>();
        }
        FINEWATT_ASSIGN(const std::optional<double> number,
                        find_number(answer, figure.pointer, name_));
        if (!number) {
            return std::optional<double>();
        }
        double factor = figure.factor;
        if (!figure.unit_pointer.empty()) {
            const nlohmann::json* unit = find_value(answer, figure.unit_pointer);
            const std::string text =
                unit != nullptr && unit->is_string() ? unit->get<std::string>() : "";
            const std::optional<double> found = lookup(text);
            if (!found) {
                return FINEWATT_ERROR(kCorrupt, "{}: expected a known unit at {}, found '{}'",
                                      name_, figure.unit_pointer, text);
            }
            factor = *found;
        }
        return std::optional(*number * factor);
    }

    std::string name_;
    JsonLayout layout_;
    std::unique_ptr<HttpClient> client_;
};

std::string option(const WallMeterSpec& spec, const std::string& key) {
    const auto found = spec.options.find(key);
    return found == spec.options.end() ? "" : found->second;
}

/// One figure of a meter that the user describes: its pointer, and its unit or where the unit is.
Result<JsonFigure> figure_of(const WallMeterSpec& spec, const std::string& key,
                             std::string_view default_unit, UnitLookup lookup) {
    JsonFigure figure;
    figure.pointer = option(spec, key);
    std::string unit = option(spec, key + "_unit");
    if (!figure.pointer.empty() && figure.pointer.front() != '/') {
        return FINEWATT_ERROR(kInvalidArgument,
                              "wall meter '{}': {}: expected a JSON pointer like /meters/0/power, "
                              "found '{}'",
                              spec.text, key, figure.pointer);
    }
    if (unit.starts_with('/')) {
        figure.unit_pointer = unit;
        return figure;
    }
    unit = unit.empty() ? std::string(default_unit) : unit;
    const std::optional<double> factor = lookup(unit);
    if (!factor) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "wall meter '{}': {}_unit: expected W, mW, kW, or J, mWh, Wh, kWh, "
                              "MWh, Wmin, or a JSON pointer to the unit; found '{}'",
                              spec.text, key, unit);
    }
    figure.factor = *factor;
    return figure;
}

Status read_number(const WallMeterSpec& spec, const std::string& key, double& into) {
    const std::string text = option(spec, key);
    if (text.empty()) {
        return {};
    }
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, into);
    if (parsed.ec != std::errc() || parsed.ptr != end || !(into > 0)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "wall meter '{}': {}: expected a number above 0, found '{}'",
                              spec.text, key, text);
    }
    return {};
}

/// A password becomes a bearer token where the spec says so; else basic or digest.
Status add_credentials(const WallMeterSpec& spec, const DiscoveryOptions& options,
                       HttpRequest& request) {
    FINEWATT_ASSIGN(request.credentials, wall_credentials(options.env, spec.host));
    const std::string way = option(spec, "auth");
    if (way.empty()) {
        return {};
    }
    if (way != "bearer") {
        return FINEWATT_ERROR(kInvalidArgument,
                              "wall meter '{}': auth: expected bearer, found '{}'", spec.text, way);
    }
    if (request.credentials) {
        request.headers.emplace_back("Authorization", "Bearer " + request.credentials->password);
        request.credentials.reset();
    }
    return {};
}

}  // namespace

std::string encode_percent(std::string_view text) {
    std::string encoded;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~') {
            encoded += c;
        } else {
            encoded += fmt::format("%{:02X}", static_cast<unsigned>(byte));
        }
    }
    return encoded;
}

std::optional<double> power_unit_factor(std::string_view unit) {
    return factor_of(kPowerUnits, unit);
}

std::optional<double> energy_unit_factor(std::string_view unit) {
    return factor_of(kEnergyUnits, unit);
}

std::string base_url(const WallMeterSpec& spec) {
    const bool is_v6 = spec.host.find(':') != std::string::npos;
    std::string url = spec.is_tls ? "https://" : "http://";
    url += is_v6 ? "[" + spec.host + "]" : spec.host;
    return spec.port != 0 ? fmt::format("{}:{}", url, spec.port) : url;
}

HttpRequest meter_request(const WallMeterSpec& spec, const std::string& path_and_query) {
    HttpRequest request;
    request.url = base_url(spec) + path_and_query;
    request.timeout = spec.timeout;
    request.verify_tls = !spec.is_insecure;
    request.use_proxy = false;  // a meter stands in the same room, not behind a proxy
    request.max_body_bytes = kMaxAnswerBytes;
    return request;
}

Result<std::unique_ptr<WallReader>> make_json_reader(const WallMeterSpec& spec, JsonLayout layout) {
    FINEWATT_ASSIGN(std::unique_ptr<HttpClient> client, HttpClient::create());
    return std::unique_ptr<WallReader>(
        std::make_unique<JsonReader>(spec.name, std::move(layout), std::move(client)));
}

Result<std::unique_ptr<WallReader>> open_json_meter(const WallMeterSpec& spec,
                                                    const DiscoveryOptions& options) {
    JsonLayout layout;
    const std::string query = option(spec, "query");
    layout.request = meter_request(spec, spec.path + (query.empty() ? "" : "?" + query));
    FINEWATT_TRY(add_credentials(spec, options, layout.request));
    FINEWATT_ASSIGN(layout.power, figure_of(spec, "power", "W", power_unit_factor));
    FINEWATT_ASSIGN(layout.energy, figure_of(spec, "energy", "Wh", energy_unit_factor));
    // Our choices where the user does not say: plugs show tenths of a watt and milliwatt-hours.
    layout.facts.source = "json";
    layout.facts.power_step_w = 0.1;
    layout.facts.energy_tick_j = kJoulesPerWh * 1e-3;
    layout.facts.energy_step_j = layout.facts.energy_tick_j;
    layout.facts.max_power_w = kNodeCeilingW;
    FINEWATT_TRY(read_number(spec, "power_step_w", layout.facts.power_step_w));
    FINEWATT_TRY(read_number(spec, "energy_step_j", layout.facts.energy_step_j));
    if (!spec.update_ms) {
        layout.facts.remark =
            "how often it renews its figures is unknown; update_ms in its name would say it";
    }
    return make_json_reader(spec, std::move(layout));
}

}  // namespace finewatt
