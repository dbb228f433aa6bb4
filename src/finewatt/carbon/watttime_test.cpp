#include "finewatt/carbon/watttime.h"

#include "finewatt/testing/bad_providers.h"

#include <fmt/format.h>

#include <atomic>

namespace finewatt {
namespace {

using testing::environment_of;
using ::testing::HasSubstr;
using testing::json_answer;
using testing::LocalHttpServer;
using testing::make_http;
using testing::ServedAnswer;
using testing::ServedRequest;

constexpr const char* kPassword = "wt-secret-0815";
constexpr const char* kSession = "session-token-99";

WallTime at(const char* text) {
    const Result<WallTime> time = WallTime::parse_iso8601(text);
    EXPECT_OK(time);
    return time ? *time : WallTime();
}

ProviderSettings settings_of(const LocalHttpServer& server) {
    Result<ProviderSettings> settings =
        watttime_settings(environment_of({{"WATTTIME_USER", "ann"},
                                          {"WATTTIME_PASSWORD", kPassword},
                                          {"WATTTIME_ENDPOINT", server.url("/")}}));
    EXPECT_OK(settings);
    settings->use_proxy = false;
    return *settings;
}

bool is_login(const ServedRequest& request) {
    // base64 of "ann:wt-secret-0815"
    return request.target == "/login" && request.headers.count("authorization") == 1 &&
           request.headers.at("authorization") == "Basic YW5uOnd0LXNlY3JldC0wODE1";
}

bool has_session(const ServedRequest& request, const std::string& session = kSession) {
    return request.headers.count("authorization") == 1 &&
           request.headers.at("authorization") == "Bearer " + session;
}

ServedAnswer login_answer(const std::string& session = kSession) {
    return json_answer(R"({"token":")" + session + R"("})");
}

std::string rates(const std::string& data, const std::string& units = "lbs_co2_per_mwh",
                  const std::string& region = "CAISO_NORTH", const std::string& period = "300") {
    return fmt::format(R"({{"data":[{}],"meta":{{"data_point_period_seconds":{},"region":"{}",)"
                       R"("warnings":[],"signal_type":"co2_moer","model":{{"date":"2026-03-01"}},)"
                       R"("units":"{}"}}}})",
                       data, period, region, units);
}

std::string point(const std::string& time, double value) {
    return fmt::format(R"({{"point_time":"{}","value":{},"version":"3.2"}})", time, value);
}

TEST(WattTimeSettings, AccountAndEndpointComeFromTheEnvironment) {
    ASSERT_OK_AND_ASSIGN(
        const ProviderSettings settings,
        watttime_settings(environment_of({{"WATTTIME_USER", "ann"}, {"WATTTIME_PASSWORD", "x"}})));
    EXPECT_EQ(settings.endpoint, "https://api.watttime.org");
    EXPECT_ERROR(kPermission, watttime_settings(environment_of({{"WATTTIME_USER", "ann"}})),
                 "found no password");
    EXPECT_ERROR(kPermission, watttime_settings(environment_of({})), "found no user");
}

TEST(WattTime, HistoricalGivesMarginalRatesInGramsPerKwh) {
    const LocalHttpServer server([](const ServedRequest& request) {
        if (is_login(request)) {
            return login_answer();
        }
        return has_session(request)
                   ? json_answer(rates(point("2026-11-23T00:00:00+00:00", 1000) + "," +
                                       point("2026-11-23T00:05:00+00:00", 0)))
                   : ServedAnswer{401, ""};
    });
    const auto http = make_http();
    WattTime watttime(*http, settings_of(server));
    ASSERT_OK_AND_ASSIGN(
        const IntensitySeries series,
        watttime.historical("CAISO_NORTH", at("2026-11-23T00:01:00Z"), at("2026-11-23T00:10:00Z")));
    EXPECT_EQ(server.requests().at(1).target,
              "/v3/historical?region=CAISO_NORTH&start=2026-11-23T00:00:00Z"
              "&end=2026-11-23T00:10:00Z&signal_type=co2_moer");
    ASSERT_EQ(series.intervals.size(), 2U);
    EXPECT_EQ(series.intervals[0].end, at("2026-11-23T00:05:00Z"));
    EXPECT_DOUBLE_EQ(series.intervals[0].intensity.as_grams_per_kwh(), 453.59237);
    EXPECT_EQ(series.intervals[1].intensity.as_grams_per_kwh(), 0);
    EXPECT_EQ(series.kind, IntensityKind::kMarginal);
    EXPECT_EQ(series.basis, "co2");
    EXPECT_THAT(series.source, HasSubstr("marginal operating emissions rate"));
    EXPECT_THAT(series.source, HasSubstr("2026-03-01"));
}

TEST(WattTime, RegionIsFoundByPlace) {
    const LocalHttpServer server([](const ServedRequest& request) {
        return is_login(request)
                   ? login_answer()
                   : json_answer(R"({"region":"ISONE_WCMA","region_full_name":"ISONE Western",)"
                                 R"("signal_type":"co2_moer"})");
    });
    const auto http = make_http();
    WattTime watttime(*http, settings_of(server));
    ASSERT_OK_AND_ASSIGN(const std::string region, watttime.region_at(42.372, -72.519));
    EXPECT_EQ(region, "ISONE_WCMA");
    EXPECT_EQ(server.requests().at(1).target,
              "/v3/region-from-loc?latitude=42.372&longitude=-72.519&signal_type=co2_moer");
    EXPECT_ERROR(kInvalidArgument, watttime.region_at(91, 0), "a latitude from -90 to 90");
    EXPECT_ERROR(kInvalidArgument, watttime.region_at(0, std::nan("")), "a latitude");
}

TEST(WattTime, ASessionThatRanOutIsRenewedOnce) {
    std::atomic<int> logins = 0;
    const LocalHttpServer server([&](const ServedRequest& request) {
        if (is_login(request)) {
            return login_answer(++logins == 1 ? "old" : "new");
        }
        // The old session is good for the first question only.
        const bool is_good =
            has_session(request, "new") ||
            (has_session(request, "old") && request.target.find("latitude=1") != std::string::npos);
        return is_good ? json_answer(R"({"region":"A"})") : ServedAnswer{401, ""};
    });
    const auto http = make_http();
    WattTime watttime(*http, settings_of(server));
    EXPECT_OK(watttime.region_at(1, 1));
    EXPECT_OK(watttime.region_at(2, 2));
    EXPECT_OK(watttime.region_at(3, 3));
    EXPECT_EQ(logins, 2);
}

TEST(WattTime, RefusedAccountsAndSessionsAreToldWithoutSecrets) {
    testing::expect_bad_answers_told(kPassword, [](const ServedAnswer& answer) {
        const LocalHttpServer server([&](const ServedRequest&) { return answer; });
        const auto http = make_http();
        return WattTime(*http, settings_of(server)).region_at(1, 1);
    });
    testing::expect_bad_answers_told(kSession, [](const ServedAnswer& answer) {
        const LocalHttpServer server([&](const ServedRequest& request) {
            return is_login(request) ? login_answer() : answer;
        });
        const auto http = make_http();
        return WattTime(*http, settings_of(server))
            .historical("CAISO_NORTH", at("2026-11-23T00:00:00Z"), at("2026-11-23T01:00:00Z"));
    });
}

TEST(WattTime, SessionTokenWithALineEndIsCorrupt) {
    const LocalHttpServer server(
        [](const ServedRequest&) { return json_answer(R"({"token":"a\r\nX-Evil: 1"})"); });
    const auto http = make_http();
    EXPECT_ERROR(kCorrupt, WattTime(*http, settings_of(server)).region_at(1, 1), "with a 'token'");
}

TEST(WattTime, OtherSignalsUnitsAndRegionsAreCorrupt) {
    std::string body;
    const LocalHttpServer server([&](const ServedRequest& request) {
        return is_login(request) ? login_answer() : json_answer(body);
    });
    const auto http = make_http();
    WattTime watttime(*http, settings_of(server));
    const auto ask = [&](std::string answer) {
        body = std::move(answer);
        return watttime.historical("CAISO_NORTH", at("2026-11-23T00:00:00Z"),
                                   at("2026-11-23T01:00:00Z"));
    };
    const std::string good = point("2026-11-23T00:00:00+00:00", 900);
    EXPECT_OK(ask(rates(good)));
    EXPECT_ERROR(kCorrupt, ask(rates(good, "lbs_per_mwh")), "another signal or unit");
    EXPECT_ERROR(kCorrupt, ask(rates(good, "lbs_co2_per_mwh", "PJM")), "found another one");
    EXPECT_ERROR(kCorrupt, ask(rates(good, "lbs_co2_per_mwh", "CAISO_NORTH", "0")), "a period");
    EXPECT_ERROR(kCorrupt, ask(R"({"data":[]})"), "'meta'");
    EXPECT_ERROR(kCorrupt, ask(rates("7")), "'point_time'");
    EXPECT_ERROR(kCorrupt, ask(rates(point("2026-11-23 00:00", 900))), "'point_time'");
    EXPECT_ERROR(kCorrupt, ask(rates(point("2026-11-23T00:00:00Z", -5))), "from 0 to 5000");
    EXPECT_ERROR(kNotFound, ask(rates("")), "found none");
    EXPECT_ERROR(kInvalidArgument,
                 watttime.historical("a b", at("2026-11-23T00:00:00Z"), at("2026-11-23T01:00:00Z")),
                 "WattTime region: expected");
}

TEST(WattTime, LongWindowsAreAskedForInPieces) {
    const LocalHttpServer server([](const ServedRequest& request) {
        if (is_login(request)) {
            return login_answer();
        }
        const std::size_t begin = request.target.find("start=") + 6;
        return json_answer(rates(point(request.target.substr(begin, 20), 500)));
    });
    const auto http = make_http();
    WattTime watttime(*http, settings_of(server));
    ASSERT_OK_AND_ASSIGN(
        const IntensitySeries series,
        watttime.historical("CAISO_NORTH", at("2026-01-01T00:00:00Z"), at("2026-03-15T00:00:00Z")));
    EXPECT_EQ(series.intervals.size(), 3U);
    EXPECT_EQ(server.requests().size(), 4U);
}

TEST(WattTime, SilentServerEndsInTime) {
    const LocalHttpServer server([](const ServedRequest&) {
        ServedAnswer answer;
        answer.is_silent = true;
        return answer;
    });
    ProviderSettings settings = settings_of(server);
    settings.timeout = std::chrono::milliseconds(80);
    const auto http = make_http();
    EXPECT_ERROR(kBusy, WattTime(*http, settings).region_at(1, 1), "/login");
}

}  // namespace
}  // namespace finewatt
