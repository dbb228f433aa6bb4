#include "finewatt/carbon/provider.h"
#include "finewatt/carbon/provider_http_internal.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace finewatt {
namespace {

/// Replace every occurrence of the secrets, so that a server which echoes them gives nothing away.
std::string without(std::string text, const std::vector<std::string>& secrets) {
    constexpr std::string_view kMask = "***";
    for (const std::string& secret : secrets) {
        for (std::size_t at = secret.empty() ? std::string::npos : text.find(secret);
             at != std::string::npos; at = text.find(secret, at + kMask.size())) {
            text.replace(at, secret.size(), kMask);
        }
    }
    return text;
}

/// The first bytes of an answer, printable and without secrets.
std::string beginning_of(std::string_view body, const std::vector<std::string>& secrets) {
    constexpr std::size_t kShown = 120;
    // Cut after masking: half a secret must not show.
    const std::string clean = without(std::string(body), secrets);
    std::string shown = clean.substr(0, kShown);
    std::replace_if(
        shown.begin(), shown.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7F; }, '?');
    return shown + (clean.size() > kShown ? "…" : "");
}

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// "after 30 s", when Retry-After gives a number; else "later".
std::string retry_text(const HttpResponse& response) {
    const std::optional<std::string> wait = response.header("retry-after");
    const bool is_number =
        wait && !wait->empty() && wait->size() < 8 &&
        std::all_of(wait->begin(), wait->end(), [](char c) { return c >= '0' && c <= '9'; });
    return is_number ? fmt::format("after {} s", *wait) : "later";
}

}  // namespace

ProviderEnvironment provider_environment() {
    return [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value != nullptr && *value != '\0' ? std::optional<std::string>(value)
                                                  : std::nullopt;
    };
}

HttpRequest provider_request(const ProviderSettings& settings, const std::string& path_and_query) {
    HttpRequest request;
    request.url = settings.endpoint + path_and_query;
    request.headers = {{"Accept", "application/json"}};
    request.timeout = settings.timeout;
    request.use_proxy = settings.use_proxy;
    return request;
}

Status check_answer(const ProviderQuestion& question, const HttpRequest& request,
                    const HttpResponse& response, const std::vector<std::string>& secrets) {
    constexpr int kOk = 200;
    if (response.status == kOk) {
        return {};
    }
    const std::string who =
        fmt::format("{}: {}: expected HTTP status 200 from {}, found {}", question.provider,
                    question.what, printable_url(request.url), response.status);
    const std::string said =
        response.body.empty() ? "" : fmt::format(" ({})", beginning_of(response.body, secrets));
    switch (response.status) {
        case 401:
            return FINEWATT_ERROR(
                kPermission, "{}: refused{}; check {}", who, said,
                question.credentials.empty() ? "what the service asks for" : question.credentials);
        case 403:
            return FINEWATT_ERROR(kPermission,
                                  "{}: not allowed{}; the account may not cover this: check its "
                                  "plan{}{}",
                                  who, said, question.credentials.empty() ? "" : " and ",
                                  question.credentials);
        case 404:
        case 410:
            return FINEWATT_ERROR(kNotFound, "{}: not there{}; check the name and the endpoint",
                                  who, said);
        case 400:
        case 422:
            return FINEWATT_ERROR(kInvalidArgument, "{}: not understood{}; check name and times",
                                  who, said);
        case 429:
        case 503:
            return FINEWATT_ERROR(kBusy, "{}: too many requests or overloaded; try again {}", who,
                                  retry_text(response));
        default:
            return FINEWATT_ERROR(kIo, "{}{}; try again later, or give a file of intensities", who,
                                  said);
    }
}

Result<nlohmann::json> parse_object(const ProviderQuestion& question, std::string_view body,
                                    const std::vector<std::string>& secrets) {
    nlohmann::json document = nlohmann::json::parse(body.begin(), body.end(), nullptr, false);
    if (document.is_discarded() || !document.is_object()) {
        return FINEWATT_ERROR(kCorrupt,
                              "{}: {}: expected a JSON object, found '{}'; check the endpoint",
                              question.provider, question.what, beginning_of(body, secrets));
    }
    return document;
}

std::optional<std::string> text_at(const nlohmann::json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_string()) {
        return std::nullopt;
    }
    auto text = found->get<std::string>();
    return text.empty() ? std::nullopt : std::optional(std::move(text));
}

std::optional<double> number_at(const nlohmann::json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_number()) {
        return std::nullopt;
    }
    const auto number = found->get<double>();
    return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

std::string query_time(WallTime time) {
    constexpr std::size_t kSecondsEnd = 19;  // "2026-11-23T04:00:00"
    return time.to_iso8601().substr(0, kSecondsEnd) + "Z";
}

Status check_name(std::string_view name, std::string_view what) {
    constexpr std::size_t kLongest = 64;
    const bool is_plain = std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    });
    if (name.empty() || name.size() > kLongest || !is_plain) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "{}: expected 1 to {} letters, digits, '-' or '_', found '{}'", what,
                              kLongest, beginning_of(name, {}));
    }
    return {};
}

Result<ProviderSettings> settings_with_endpoint(const ProviderEnvironment& environment,
                                                const std::string& variable,
                                                std::string_view default_url) {
    ProviderSettings settings;
    settings.endpoint = environment(variable).value_or(std::string(default_url));
    while (settings.endpoint.ends_with('/')) {
        settings.endpoint.pop_back();
    }
    const bool is_http =
        settings.endpoint.starts_with("http://") || settings.endpoint.starts_with("https://");
    if (!is_http || settings.endpoint.find_first_of("@?# \t\r\n") != std::string::npos) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "{}: expected an http or https URL without user, query and blanks "
                              "(such as {}), found '{}'",
                              variable, default_url, printable_url(settings.endpoint));
    }
    return settings;
}

std::optional<std::string> secret_from(const ProviderEnvironment& environment,
                                       const std::string& variable) {
    std::string secret = environment(variable).value_or("");
    while (!secret.empty() && is_blank(secret.back())) {
        secret.pop_back();
    }
    secret.erase(secret.begin(), std::find_if_not(secret.begin(), secret.end(), is_blank));
    return secret.empty() ? std::nullopt : std::optional(std::move(secret));
}

Result<CoveringWindow> covering_window(WallTime begin, WallTime end, std::int64_t step_ns) {
    constexpr std::int64_t kTenYearsNs = 3'653LL * 86'400 * 1'000'000'000;
    const std::int64_t length_ns = end.as_unix_ns() - begin.as_unix_ns();
    if (length_ns <= 0 || length_ns > kTenYearsNs || begin.as_unix_ns() < 0) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "intensity over time: expected a begin before its end, at most ten "
                              "years apart, found {} to {}",
                              begin.to_iso8601(), end.to_iso8601());
    }
    CoveringWindow window;
    window.begin_ns = begin.as_unix_ns() / step_ns * step_ns;
    window.end_ns = (end.as_unix_ns() + step_ns - 1) / step_ns * step_ns;
    return window;
}

Status finish_series(IntensitySeries& series, const CoveringWindow& window) {
    std::vector<IntensityInterval>& all = series.intervals;
    all.erase(std::remove_if(all.begin(), all.end(),
                             [&](const IntensityInterval& one) {
                                 return one.end.as_unix_ns() <= window.begin_ns ||
                                        one.begin.as_unix_ns() >= window.end_ns;
                             }),
              all.end());
    std::stable_sort(
        all.begin(), all.end(),
        [](const IntensityInterval& a, const IntensityInterval& b) { return a.begin < b.begin; });
    all.erase(std::unique(all.begin(), all.end(),
                          [](const IntensityInterval& a, const IntensityInterval& b) {
                              return a.begin == b.begin;
                          }),
              all.end());
    if (all.empty()) {
        return FINEWATT_ERROR(kNotFound,
                              "expected values for {} to {}, found none; ask for other hours, or "
                              "give a file of intensities",
                              WallTime::from_unix_ns(window.begin_ns).to_iso8601(),
                              WallTime::from_unix_ns(window.end_ns).to_iso8601());
    }
    return check_series(series);
}

}  // namespace finewatt
