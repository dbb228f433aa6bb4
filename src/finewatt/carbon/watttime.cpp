#include "finewatt/carbon/watttime.h"

#include "finewatt/base/ascii.h"
#include "finewatt/carbon/provider_http_internal.h"
#include "finewatt/carbon/zoned_time_internal.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace finewatt {
namespace {

constexpr const char* kCredentialVariables = "WATTTIME_USER and WATTTIME_PASSWORD";
constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kFiveMinutesNs = 300 * kSecondNs;
/// The longest window of /v3/historical (the provider's API reference).
constexpr std::int64_t kLongestWindowNs = 32LL * 86'400 * kSecondNs;

/// What the answer's "meta" says of all its values.
struct Meta {
    std::int64_t period_ns = kFiveMinutesNs;
    std::string model;  ///< date of the model, may be empty
};

Result<Meta> meta_in(const nlohmann::json& answer, const std::string& region) {
    const auto meta = answer.find("meta");
    if (meta == answer.end() || !meta->is_object()) {
        return FINEWATT_ERROR(kCorrupt, "WattTime: region {}: expected 'meta', found none", region);
    }
    const std::string found = text_at(*meta, "region").value_or("");
    if (ascii_lower(found) != ascii_lower(region)) {
        return FINEWATT_ERROR(kCorrupt, "WattTime: expected an answer for region {}, found {}",
                              region, found.empty() ? "none" : "another one");
    }
    if (text_at(*meta, "signal_type") != "co2_moer" ||
        text_at(*meta, "units") != "lbs_co2_per_mwh") {
        return FINEWATT_ERROR(kCorrupt,
                              "WattTime: region {}: expected the signal co2_moer in "
                              "lbs_co2_per_mwh, found another signal or unit",
                              region);
    }
    Meta result;
    if (const std::optional<double> seconds = number_at(*meta, "data_point_period_seconds")) {
        constexpr double kDaySeconds = 86'400;
        if (*seconds < 1 || *seconds > kDaySeconds) {
            return FINEWATT_ERROR(kCorrupt,
                                  "WattTime: region {}: expected a period of 1 s to a day, found "
                                  "{} s",
                                  region, *seconds);
        }
        result.period_ns = std::llround(*seconds) * kSecondNs;
    }
    if (const auto model = meta->find("model"); model != meta->end() && model->is_object()) {
        result.model = text_at(*model, "date").value_or("");
    }
    return result;
}

Result<IntensityInterval> interval_in(const nlohmann::json& entry, const Meta& meta,
                                      const std::string& region) {
    const std::string who = fmt::format("WattTime: region {}", region);
    const std::optional<std::string> text =
        entry.is_object() ? text_at(entry, "point_time") : std::nullopt;
    const std::optional<ZonedTime> time = text ? parse_zoned_time(*text) : std::nullopt;
    const std::optional<double> value =
        entry.is_object() ? number_at(entry, "value") : std::nullopt;
    if (!time || !time->has_zone || !value) {
        return FINEWATT_ERROR(kCorrupt,
                              "{}: expected 'point_time' with its zone and a number 'value' in "
                              "each entry, found another form",
                              who);
    }
    IntensityInterval one;
    one.begin = time->time;
    one.end = WallTime::from_unix_ns(one.begin.as_unix_ns() + meta.period_ns);
    one.intensity = pounds_per_mwh(*value);
    FINEWATT_TRY(check_interval(one, fmt::format("{} at {}", who, one.begin.to_iso8601())));
    return one;
}

}  // namespace

Result<ProviderSettings> watttime_settings(const ProviderEnvironment& environment) {
    FINEWATT_ASSIGN(
        ProviderSettings settings,
        settings_with_endpoint(environment, "WATTTIME_ENDPOINT", "https://api.watttime.org"));
    const std::optional<std::string> user = secret_from(environment, "WATTTIME_USER");
    const std::optional<std::string> password = secret_from(environment, "WATTTIME_PASSWORD");
    if (!user || !password) {
        return FINEWATT_ERROR(kPermission,
                              "WattTime: expected an account in {}, found no {}; register at "
                              "watttime.org and export both",
                              kCredentialVariables, user ? "password" : "user");
    }
    settings.user = *user;
    settings.secret = *password;
    return settings;
}

WattTime::WattTime(HttpClient& http, ProviderSettings settings)
    : http_(&http),
      settings_(std::move(settings)) {}

Status WattTime::log_in() {
    HttpRequest request = provider_request(settings_, "/login");
    request.credentials = HttpCredentials{settings_.user, settings_.secret};
    request.auth = HttpAuth::kBasic;
    const ProviderQuestion question{"WattTime", "login", kCredentialVariables};
    FINEWATT_ASSIGN(const HttpResponse response, http_->send(request));
    FINEWATT_TRY(check_answer(question, request, response, {settings_.secret}));
    // The answer holds a session token, so nothing of it goes into a message.
    const nlohmann::json answer =
        nlohmann::json::parse(response.body.begin(), response.body.end(), nullptr, false);
    const std::optional<std::string> token =
        answer.is_object() ? text_at(answer, "token") : std::nullopt;
    const auto is_control = [](unsigned char c) { return c <= ' ' || c == 0x7F; };
    if (!token || std::any_of(token->begin(), token->end(), is_control)) {
        return FINEWATT_ERROR(kCorrupt,
                              "WattTime: login: expected JSON with a 'token' from {}, found none; "
                              "check WATTTIME_ENDPOINT",
                              printable_url(request.url));
    }
    session_ = *token;
    return {};
}

Result<std::string> WattTime::ask(const std::string& path_and_query, const std::string& what) {
    constexpr int kUnauthorized = 401;
    const ProviderQuestion question{"WattTime", what, kCredentialVariables};
    const bool is_new_session = session_.empty();
    if (is_new_session) {
        FINEWATT_TRY(log_in());
    }
    HttpRequest request = provider_request(settings_, path_and_query);
    request.headers.emplace_back("Authorization", "Bearer " + session_);
    FINEWATT_ASSIGN(HttpResponse response, http_->send(request));
    if (response.status == kUnauthorized && !is_new_session) {
        FINEWATT_TRY(log_in());  // a session lasts 30 minutes
        request.headers.back().second = "Bearer " + session_;
        FINEWATT_ASSIGN(response, http_->send(request));
    }
    FINEWATT_TRY(check_answer(question, request, response, {settings_.secret, session_}));
    return std::move(response.body);
}

Result<std::string> WattTime::region_at(double latitude_deg, double longitude_deg) {
    if (!(std::abs(latitude_deg) <= 90) || !(std::abs(longitude_deg) <= 180)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "WattTime: expected a latitude from -90 to 90 and a longitude from "
                              "-180 to 180 degrees, found {} and {}",
                              latitude_deg, longitude_deg);
    }
    const std::string what = fmt::format("place {}, {}", latitude_deg, longitude_deg);
    FINEWATT_ASSIGN(
        const std::string body,
        ask(fmt::format("/v3/region-from-loc?latitude={}&longitude={}&signal_type=co2_moer",
                        latitude_deg, longitude_deg),
            what));
    FINEWATT_ASSIGN(
        const nlohmann::json answer,
        parse_object({"WattTime", what, kCredentialVariables}, body, {settings_.secret, session_}));
    const std::string region = text_at(answer, "region").value_or("");
    FINEWATT_TRY_CONTEXT(check_name(region, "region"), "WattTime: answer for a place");
    return region;
}

Result<IntensitySeries> WattTime::historical(const std::string& region, WallTime begin,
                                             WallTime end) {
    FINEWATT_TRY(check_name(region, "WattTime region"));
    FINEWATT_ASSIGN(const CoveringWindow window, covering_window(begin, end, kFiveMinutesNs));
    IntensitySeries series;
    series.zone = region;
    series.basis = "co2";
    series.kind = IntensityKind::kMarginal;
    const std::string what = "region " + region;
    for (std::int64_t at = window.begin_ns; at < window.end_ns; at += kLongestWindowNs) {
        const std::int64_t until = std::min(window.end_ns, at + kLongestWindowNs);
        FINEWATT_ASSIGN(
            const std::string body,
            ask(fmt::format("/v3/historical?region={}&start={}&end={}&signal_type=co2_moer", region,
                            query_time(WallTime::from_unix_ns(at)),
                            query_time(WallTime::from_unix_ns(until))),
                what));
        FINEWATT_ASSIGN(const nlohmann::json answer,
                        parse_object({"WattTime", what, kCredentialVariables}, body,
                                     {settings_.secret, session_}));
        FINEWATT_ASSIGN(const Meta meta, meta_in(answer, region));
        const auto data = answer.find("data");
        if (data == answer.end() || !data->is_array()) {
            return FINEWATT_ERROR(
                kCorrupt, "WattTime: region {}: expected a list 'data', found none", region);
        }
        series.source = fmt::format(
            "WattTime API v3, marginal operating emissions rate (co2_moer)"
            "{}{}",
            meta.model.empty() ? "" : ", model of ", meta.model);
        for (const nlohmann::json& entry : *data) {
            FINEWATT_ASSIGN(const IntensityInterval one, interval_in(entry, meta, region));
            series.intervals.push_back(one);
        }
    }
    FINEWATT_TRY_CONTEXT(finish_series(series, window), "WattTime: region {}", region);
    return series;
}

}  // namespace finewatt
