#include "finewatt/carbon/locate.h"

#include "finewatt/base/ascii.h"
#include "finewatt/carbon/provider_http_internal.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <initializer_list>

namespace finewatt {
namespace {

std::optional<std::string> first_text(const nlohmann::json& answer,
                                      std::initializer_list<const char*> keys) {
    for (const char* key : keys) {
        if (std::optional<std::string> text = text_at(answer, key)) {
            return text;
        }
    }
    return std::nullopt;
}

bool is_country_code(const std::string& text) {
    return (text.size() == 2 || text.size() == 3) &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

}  // namespace

Result<ProviderSettings> locate_settings(const ProviderEnvironment& environment) {
    return settings_with_endpoint(environment, "FINEWATT_LOCATE_ENDPOINT",
                                  "https://ipinfo.io/json");
}

Result<Place> locate(HttpClient& http, const ProviderSettings& settings) {
    const HttpRequest request = provider_request(settings, "");
    const ProviderQuestion question{"locate", "place of this machine", ""};
    FINEWATT_ASSIGN(const HttpResponse response, http.send(request));
    FINEWATT_TRY(check_answer(question, request, response, {}));
    FINEWATT_ASSIGN(const nlohmann::json answer, parse_object(question, response.body, {}));
    const std::string country = ascii_upper(
        first_text(answer, {"country_code", "countryCode", "country_code_iso3", "country"})
            .value_or(""));
    if (!is_country_code(country)) {
        return FINEWATT_ERROR(kCorrupt,
                              "locate: expected a country code of two or three letters from {}, "
                              "found none; name the place with --place",
                              printable_url(request.url));
    }
    if (country != "US" && country != "USA") {
        return parse_place("country:" + country);
    }
    const std::optional<std::string> zip =
        first_text(answer, {"postal", "zip", "postal_code", "zip_code"});
    const Result<Place> place =
        zip ? parse_place("zip:" + *zip) : FINEWATT_ERROR(kNotFound, "none");
    if (!place) {
        return FINEWATT_ERROR(kNotFound,
                              "locate: expected a ZIP code for a place in the US from {}, found "
                              "none that is one; name the place with --place zip:15213",
                              printable_url(request.url));
    }
    return *place;
}

}  // namespace finewatt
