#include "finewatt/carbon/locate.h"

#include "finewatt/testing/bad_providers.h"

namespace finewatt {
namespace {

using testing::environment_of;
using testing::json_answer;
using testing::LocalHttpServer;
using testing::make_http;
using testing::ServedAnswer;
using testing::ServedRequest;

ProviderSettings settings_of(const LocalHttpServer& server) {
    Result<ProviderSettings> settings =
        locate_settings(environment_of({{"FINEWATT_LOCATE_ENDPOINT", server.url("/json")}}));
    EXPECT_OK(settings);
    settings->use_proxy = false;
    return *settings;
}

std::string place_for(const std::string& body) {
    const LocalHttpServer server([&](const ServedRequest& request) {
        return request.target == "/json" ? json_answer(body) : ServedAnswer{404, ""};
    });
    const auto http = make_http();
    const Result<Place> place = locate(*http, settings_of(server));
    return place ? place_text(*place) : place.error().describe();
}

TEST(LocateSettings, EndpointComesFromTheEnvironment) {
    ASSERT_OK_AND_ASSIGN(const ProviderSettings settings, locate_settings(environment_of({})));
    EXPECT_EQ(settings.endpoint, "https://ipinfo.io/json");
    EXPECT_ERROR(kInvalidArgument,
                 locate_settings(environment_of({{"FINEWATT_LOCATE_ENDPOINT", "here"}})),
                 "FINEWATT_LOCATE_ENDPOINT: expected an http");
}

TEST(Locate, PlacesInTheUsAreZipCodes) {
    EXPECT_EQ(place_for(R"({"ip":"1.2.3.4","country":"US","postal":"15213","loc":"40.4,-80.0"})"),
              "zip:15213");
    EXPECT_EQ(place_for(R"({"countryCode":"US","country":"United States","zip":"19041-1392"})"),
              "zip:19041");
}

TEST(Locate, PlacesElsewhereAreCountries) {
    EXPECT_EQ(place_for(R"({"country":"DE","postal":"10115"})"), "country:DE");
    EXPECT_EQ(place_for(R"({"country_code":"fr","country":"France"})"), "country:FR");
    EXPECT_EQ(place_for(R"({"country_code_iso3":"NOR"})"), "country:NOR");
}

TEST(Locate, NothingIsGuessedFromHalfAnAnswer) {
    using ::testing::HasSubstr;
    EXPECT_THAT(place_for(R"({"country":"US"})"), HasSubstr("expected a ZIP code"));
    EXPECT_THAT(place_for(R"({"country":"US","postal":"ABCDE"})"),
                HasSubstr("expected a ZIP code"));
    EXPECT_THAT(place_for(R"({"country":"Germany"})"), HasSubstr("expected a country code"));
    EXPECT_THAT(place_for(R"({"country":"<script>"})"), HasSubstr("expected a country code"));
    EXPECT_THAT(place_for(R"({"country":49})"), HasSubstr("expected a country code"));
}

TEST(Locate, ServersInTroubleAreTold) {
    testing::expect_bad_answers_told("", [](const ServedAnswer& answer) {
        const LocalHttpServer server([&](const ServedRequest&) { return answer; });
        const auto http = make_http();
        return locate(*http, settings_of(server));
    });
    LocalHttpServer server([](const ServedRequest&) { return ServedAnswer{}; });
    const ProviderSettings settings = settings_of(server);
    server.stop();
    const auto http = make_http();
    EXPECT_ERROR(kNotFound, locate(*http, settings), "nobody answers");
}

}  // namespace
}  // namespace finewatt
