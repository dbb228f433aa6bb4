#include "finewatt/carbon/electricity_maps.h"

#include "finewatt/base/ascii.h"
#include "finewatt/carbon/provider_http_internal.h"
#include "finewatt/carbon/zoned_time_internal.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace finewatt {
namespace {

constexpr const char* kTokenVariable = "ELECTRICITYMAPS_TOKEN";
constexpr std::int64_t kMinuteNs = 60'000'000'000;
constexpr std::int64_t kHourNs = 60 * kMinuteNs;
/// The longest window of past-range at hourly granularity (the provider's API reference).
constexpr std::int64_t kLongestWindowNs = 10 * 24 * kHourNs;

ProviderQuestion question_of(const std::string& zone) {
    return {"Electricity Maps", "zone " + zone, kTokenVariable};
}

/// Length of the interval that a value stands for. Without a word it is hourly.
std::int64_t granularity_ns(const nlohmann::json& entry, const nlohmann::json& answer) {
    std::optional<std::string> name = text_at(entry, "temporalGranularity");
    name = name ? name : text_at(answer, "temporalGranularity");
    if (name == "5_minutes") {
        return 5 * kMinuteNs;
    }
    return name == "15_minutes" ? 15 * kMinuteNs : kHourNs;
}

/// Read one value; nothing where the provider has none for that time.
Result<std::optional<IntensityInterval>> interval_in(const nlohmann::json& entry,
                                                     const nlohmann::json& answer,
                                                     const std::string& zone) {
    const std::string who = fmt::format("Electricity Maps: zone {}", zone);
    if (!entry.is_object()) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected an object for each hour, found {}", who,
                              entry.type_name());
    }
    const std::optional<std::string> text = text_at(entry, "datetime");
    const std::optional<ZonedTime> time = text ? parse_zoned_time(*text) : std::nullopt;
    if (!time || !time->has_zone) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected a 'datetime' with its zone, found {}", who,
                              text ? "another text" : "none");
    }
    const auto value = entry.find("carbonIntensity");
    if (value != entry.end() && value->is_null()) {
        return std::optional<IntensityInterval>();
    }
    const std::optional<double> number = number_at(entry, "carbonIntensity");
    if (!number) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected a number 'carbonIntensity' at {}, found none",
                              who, time->time.to_iso8601());
    }
    IntensityInterval one;
    one.begin = time->time;
    one.end = WallTime::from_unix_ns(one.begin.as_unix_ns() + granularity_ns(entry, answer));
    one.intensity = grams_per_kwh(*number);
    const auto estimated = entry.find("isEstimated");
    one.is_estimated =
        estimated != entry.end() && estimated->is_boolean() && estimated->get<bool>();
    FINEWATT_TRY(check_interval(one, fmt::format("{} at {}", who, one.begin.to_iso8601())));
    return std::optional(one);
}

/// Parse an answer and see that it is about the zone.
Result<nlohmann::json> parse_answer(const std::string& body, const std::string& zone,
                                    const std::string& secret) {
    FINEWATT_ASSIGN(nlohmann::json answer, parse_object(question_of(zone), body, {secret}));
    const std::optional<std::string> found = text_at(answer, "zone");
    if (!found || ascii_lower(*found) != ascii_lower(zone)) {
        return FINEWATT_ERROR(kCorrupt,
                              "Electricity Maps: expected an answer for zone {}, found {}", zone,
                              found ? "another zone" : "none");
    }
    return answer;
}

/// A series of the provider, without values.
IntensitySeries empty_series(const std::string& zone, const nlohmann::json& answer) {
    IntensitySeries series;
    series.zone = zone;
    series.basis = "co2e";
    const std::string factors = text_at(answer, "emissionFactorType").value_or("lifecycle");
    series.source = fmt::format("Electricity Maps API v3, grid average, {} factors",
                                factors == "direct" ? "direct" : "life-cycle");
    return series;
}

}  // namespace

Result<ProviderSettings> electricity_maps_settings(const ProviderEnvironment& environment) {
    FINEWATT_ASSIGN(ProviderSettings settings,
                    settings_with_endpoint(environment, "ELECTRICITYMAPS_ENDPOINT",
                                           "https://api.electricitymaps.com"));
    const std::optional<std::string> token = secret_from(environment, kTokenVariable);
    if (!token) {
        return FINEWATT_ERROR(kPermission,
                              "Electricity Maps: expected a token in {}, found none; create one at "
                              "app.electricitymaps.com and export it",
                              kTokenVariable);
    }
    settings.secret = *token;
    return settings;
}

ElectricityMaps::ElectricityMaps(HttpClient& http, ProviderSettings settings)
    : http_(&http),
      settings_(std::move(settings)) {}

Result<std::string> ElectricityMaps::ask(const std::string& zone,
                                         const std::string& path_and_query) {
    HttpRequest request = provider_request(settings_, path_and_query);
    request.headers.emplace_back("auth-token", settings_.secret);
    FINEWATT_ASSIGN(HttpResponse response, http_->send(request));
    FINEWATT_TRY(check_answer(question_of(zone), request, response, {settings_.secret}));
    return std::move(response.body);
}

Result<IntensitySeries> ElectricityMaps::latest(const std::string& zone) {
    FINEWATT_TRY(check_name(zone, "Electricity Maps zone"));
    FINEWATT_ASSIGN(const std::string body, ask(zone, "/v3/carbon-intensity/latest?zone=" + zone));
    FINEWATT_ASSIGN(const nlohmann::json answer, parse_answer(body, zone, settings_.secret));
    FINEWATT_ASSIGN(const std::optional<IntensityInterval> one, interval_in(answer, answer, zone));
    if (!one) {
        return FINEWATT_ERROR(kNotFound,
                              "Electricity Maps: zone {}: expected a value for this hour, found "
                              "none; ask for a past hour",
                              zone);
    }
    IntensitySeries series = empty_series(zone, answer);
    series.intervals.push_back(*one);
    return series;
}

Result<IntensitySeries> ElectricityMaps::past_range(const std::string& zone, WallTime begin,
                                                    WallTime end) {
    FINEWATT_TRY(check_name(zone, "Electricity Maps zone"));
    FINEWATT_ASSIGN(const CoveringWindow window, covering_window(begin, end, kHourNs));
    IntensitySeries series;
    for (std::int64_t at = window.begin_ns; at < window.end_ns; at += kLongestWindowNs) {
        const std::int64_t until = std::min(window.end_ns, at + kLongestWindowNs);
        FINEWATT_ASSIGN(
            const std::string body,
            ask(zone, fmt::format("/v3/carbon-intensity/past-range?zone={}&start={}&end={}", zone,
                                  query_time(WallTime::from_unix_ns(at)),
                                  query_time(WallTime::from_unix_ns(until)))));
        FINEWATT_ASSIGN(const nlohmann::json answer, parse_answer(body, zone, settings_.secret));
        const auto data = answer.find("data");
        if (data == answer.end() || !data->is_array()) {
            return FINEWATT_ERROR(
                kCorrupt, "Electricity Maps: zone {}: expected a list 'data', found none", zone);
        }
        if (series.source.empty()) {
            series = empty_series(zone, data->empty() ? answer : data->front());
        }
        for (const nlohmann::json& entry : *data) {
            FINEWATT_ASSIGN(const std::optional<IntensityInterval> one,
                            interval_in(entry, answer, zone));
            if (one) {
                series.intervals.push_back(*one);
            }
        }
    }
    FINEWATT_TRY_CONTEXT(finish_series(series, window), "Electricity Maps: zone {}", zone);
    return series;
}

}  // namespace finewatt
