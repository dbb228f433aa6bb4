#include "finewatt/carbon/electricity_maps.h"

#include "finewatt/carbon/carbon_over_time.h"
#include "finewatt/testing/bad_providers.h"

#include <fmt/format.h>

namespace finewatt {
namespace {

using testing::bad_answers;
using testing::environment_of;
using ::testing::HasSubstr;
using testing::json_answer;
using testing::LocalHttpServer;
using testing::make_http;
using testing::ServedAnswer;
using testing::ServedRequest;

constexpr const char* kToken = "em-token-4711";

WallTime at(const char* text) {
    const Result<WallTime> time = WallTime::parse_iso8601(text);
    EXPECT_OK(time);
    return time ? *time : WallTime();
}

ProviderSettings settings_of(const LocalHttpServer& server) {
    Result<ProviderSettings> settings = electricity_maps_settings(environment_of(
        {{"ELECTRICITYMAPS_TOKEN", kToken}, {"ELECTRICITYMAPS_ENDPOINT", server.url("")}}));
    EXPECT_OK(settings);
    settings->use_proxy = false;
    return *settings;
}

/// The value of a key in a request's query.
std::string query_value(const std::string& target, const std::string& key) {
    const std::size_t begin = target.find(key + "=");
    if (begin == std::string::npos) {
        return "";
    }
    const std::size_t from = begin + key.size() + 1;
    return target.substr(from, target.find('&', from) - from);
}

std::string entry(const std::string& time, const std::string& value, bool is_estimated = false) {
    return fmt::format(R"({{"zone":"DE","carbonIntensity":{},"datetime":"{}",)"
                       R"("updatedAt":"2026-11-23T05:00:00.000Z","emissionFactorType":"lifecycle",)"
                       R"("isEstimated":{},"estimationMethod":null}})",
                       value, time, is_estimated);
}

/// Serve one value per hour of the window that was asked for: its hour of the day.
ServedAnswer hourly_answer(const ServedRequest& request) {
    const Result<WallTime> begin = WallTime::parse_iso8601(query_value(request.target, "start"));
    const Result<WallTime> end = WallTime::parse_iso8601(query_value(request.target, "end"));
    if (!begin || !end) {
        return {400, "bad times"};
    }
    std::string data;
    constexpr std::int64_t kHourNs = 3'600'000'000'000;
    for (std::int64_t t = begin->as_unix_ns(); t < end->as_unix_ns(); t += kHourNs) {
        data += (data.empty() ? "" : ",") + entry(WallTime::from_unix_ns(t).to_iso8601(),
                                                  fmt::format("{}", 100 + t / kHourNs % 24));
    }
    return json_answer(R"({"zone":"DE","data":[)" + data + "]}");
}

TEST(ElectricityMapsSettings, TokenAndEndpointComeFromTheEnvironment) {
    ASSERT_OK_AND_ASSIGN(
        const ProviderSettings settings,
        electricity_maps_settings(environment_of({{"ELECTRICITYMAPS_TOKEN", " abc \n"}})));
    EXPECT_EQ(settings.endpoint, "https://api.electricitymaps.com");
    EXPECT_EQ(settings.secret, "abc");
    EXPECT_ERROR(kPermission, electricity_maps_settings(environment_of({})),
                 "expected a token in ELECTRICITYMAPS_TOKEN, found none");
    for (const char* bad :
         {"ftp://x", "x", "https://me:hush@mirror", "https://m/?token=hush", "https://a b"}) {
        const auto result = electricity_maps_settings(
            environment_of({{"ELECTRICITYMAPS_TOKEN", "abc"}, {"ELECTRICITYMAPS_ENDPOINT", bad}}));
        EXPECT_ERROR(kInvalidArgument, result, "ELECTRICITYMAPS_ENDPOINT: expected") << bad;
        EXPECT_EQ(testing::describe(result).find("hush"), std::string::npos);
    }
}

TEST(ElectricityMaps, LatestIsASeriesOfOneHour) {
    const LocalHttpServer server([](const ServedRequest& request) {
        const bool is_right = request.target == "/v3/carbon-intensity/latest?zone=DE" &&
                              request.headers.at("auth-token") == kToken;
        return is_right ? json_answer(entry("2026-11-23T04:00:00.000Z", "302", true))
                        : ServedAnswer{404, ""};
    });
    const auto http = make_http();
    ElectricityMaps maps(*http, settings_of(server));
    ASSERT_OK_AND_ASSIGN(const IntensitySeries series, maps.latest("DE"));
    ASSERT_EQ(series.intervals.size(), 1U);
    EXPECT_EQ(series.intervals[0].begin, at("2026-11-23T04:00:00Z"));
    EXPECT_EQ(series.intervals[0].end, at("2026-11-23T05:00:00Z"));
    EXPECT_EQ(series.intervals[0].intensity.as_grams_per_kwh(), 302);
    EXPECT_TRUE(series.intervals[0].is_estimated);
    EXPECT_EQ(series.zone, "DE");
    EXPECT_EQ(series.basis, "co2e");
    EXPECT_EQ(series.kind, IntensityKind::kAverage);
    EXPECT_THAT(series.source, HasSubstr("life-cycle"));
}

TEST(ElectricityMaps, PastRangeCoversTheWindowInFullHours) {
    const LocalHttpServer server(hourly_answer);
    const auto http = make_http();
    ElectricityMaps maps(*http, settings_of(server));
    ASSERT_OK_AND_ASSIGN(
        const IntensitySeries series,
        maps.past_range("DE", at("2026-11-22T22:10:00Z"), at("2026-11-23T01:00:01Z")));
    EXPECT_EQ(server.requests().at(0).target,
              "/v3/carbon-intensity/past-range?zone=DE&start=2026-11-22T22:00:00Z"
              "&end=2026-11-23T02:00:00Z");
    ASSERT_EQ(series.intervals.size(), 4U);
    EXPECT_EQ(series.intervals.front().begin, at("2026-11-22T22:00:00Z"));
    EXPECT_EQ(series.intervals.front().intensity.as_grams_per_kwh(), 122);
    EXPECT_EQ(series.intervals.back().end, at("2026-11-23T02:00:00Z"));
    EXPECT_EQ(series.intervals.back().intensity.as_grams_per_kwh(), 101);
}

TEST(ElectricityMaps, LongWindowsAreAskedForInPiecesOfTenDays) {
    const LocalHttpServer server(hourly_answer);
    const auto http = make_http();
    ElectricityMaps maps(*http, settings_of(server));
    ASSERT_OK_AND_ASSIGN(
        const IntensitySeries series,
        maps.past_range("DE", at("2026-01-01T00:00:00Z"), at("2026-01-26T00:00:00Z")));
    EXPECT_EQ(server.requests().size(), 3U);
    EXPECT_EQ(series.intervals.size(), 25U * 24U);
    EXPECT_OK(check_series(series));
}

TEST(ElectricityMaps, HoursWithoutAValueAreHolesNotZeros) {
    const LocalHttpServer server([](const ServedRequest&) {
        return json_answer(R"({"zone":"DE","data":[)" + entry("2026-11-23T01:00:00.000Z", "200") +
                           "," + entry("2026-11-23T00:00:00.000Z", "null") + "," +
                           entry("2026-11-23T01:00:00.000Z", "200") + "]}");
    });
    const auto http = make_http();
    ElectricityMaps maps(*http, settings_of(server));
    ASSERT_OK_AND_ASSIGN(
        const IntensitySeries series,
        maps.past_range("DE", at("2026-11-23T00:00:00Z"), at("2026-11-23T02:00:00Z")));
    ASSERT_EQ(series.intervals.size(), 1U);
    ASSERT_OK_AND_ASSIGN(const EnergyTrace trace,
                         even_trace(at("2026-11-23T00:00:00Z"), std::chrono::hours(2), kwh(1)));
    EnergySummary energy;
    energy.energy = kwh(1);
    EXPECT_ERROR(kNotFound, carbon_over_time(series, trace, energy),
                 "found none for 2026-11-23T00:00:00.000Z to 2026-11-23T01:00:00.000Z");
}

TEST(ElectricityMaps, ServersInTroubleAreToldAndTheTokenIsNot) {
    testing::expect_bad_answers_told(kToken, [](const ServedAnswer& answer) {
        const LocalHttpServer server([&](const ServedRequest&) { return answer; });
        const auto http = make_http();
        ElectricityMaps maps(*http, settings_of(server));
        return maps.latest("DE");
    });
    testing::expect_bad_answers_told(kToken, [](const ServedAnswer& answer) {
        const LocalHttpServer server([&](const ServedRequest&) { return answer; });
        const auto http = make_http();
        ElectricityMaps maps(*http, settings_of(server));
        return maps.past_range("DE", at("2026-11-23T00:00:00Z"), at("2026-11-23T02:00:00Z"));
    });
}

TEST(ElectricityMaps, SilentAndAbsentServersEndInTime) {
    LocalHttpServer server([](const ServedRequest&) {
        ServedAnswer answer;
        answer.is_silent = true;
        return answer;
    });
    ProviderSettings settings = settings_of(server);
    settings.timeout = std::chrono::milliseconds(80);
    const auto http = make_http();
    ElectricityMaps maps(*http, settings);
    EXPECT_ERROR(kBusy, maps.latest("DE"), "127.0.0.1");
    server.stop();
    EXPECT_ERROR(kNotFound, maps.latest("DE"), "nobody answers");
}

TEST(ElectricityMaps, AnswersThatAreNotWhatWasAskedForAreCorrupt) {
    std::string body;
    const LocalHttpServer server([&](const ServedRequest&) { return json_answer(body); });
    const auto http = make_http();
    ElectricityMaps maps(*http, settings_of(server));
    const auto latest = [&](std::string answer) {
        body = std::move(answer);
        return maps.latest("DE");
    };
    EXPECT_ERROR(kCorrupt, latest(R"({"zone":"FR","carbonIntensity":1})"), "found another zone");
    EXPECT_ERROR(kCorrupt, latest(R"({"zone":"DE","carbonIntensity":1})"), "'datetime'");
    EXPECT_ERROR(kCorrupt,
                 latest(R"({"zone":"DE","carbonIntensity":1,"datetime":"2026-11-23 04:00"})"),
                 "'datetime' with its zone");
    EXPECT_ERROR(kCorrupt, latest(entry("2026-11-23T04:00:00Z", "\"302\"")), "'carbonIntensity'");
    EXPECT_ERROR(kCorrupt, latest(entry("2026-11-23T04:00:00Z", "-1")), "from 0 to 5000");
    EXPECT_ERROR(kCorrupt, latest(entry("2026-11-23T04:00:00Z", "302000")), "from 0 to 5000");
    EXPECT_ERROR(kNotFound, latest(entry("2026-11-23T04:00:00Z", "null")), "a value for this hour");
    const auto range = [&](std::string answer) {
        body = std::move(answer);
        return maps.past_range("DE", at("2026-11-23T00:00:00Z"), at("2026-11-23T02:00:00Z"));
    };
    EXPECT_ERROR(kCorrupt, range(R"({"zone":"DE"})"), "a list 'data'");
    EXPECT_ERROR(kCorrupt, range(R"({"zone":"DE","data":[7]})"), "an object for each hour");
    EXPECT_ERROR(kNotFound, range(R"({"zone":"DE","data":[]})"), "found none; ask for other hours");
    EXPECT_ERROR(kNotFound,
                 range(R"({"zone":"DE","data":[)" + entry("2026-11-20T04:00:00Z", "302") + "]}"),
                 "found none");
    EXPECT_ERROR(kCorrupt,
                 range(R"({"zone":"DE","data":[)" + entry("2026-11-23T00:00:00Z", "302") + "," +
                       entry("2026-11-23T00:30:00Z", "302") + "]}"),
                 "interval 2: expected a begin at");
}

TEST(ElectricityMaps, BadQuestionsAreRefusedWithoutAsking) {
    const LocalHttpServer server([](const ServedRequest&) { return ServedAnswer{}; });
    const auto http = make_http();
    ElectricityMaps maps(*http, settings_of(server));
    for (const char* zone : {"", "DE&zone=FR", "DE\r\nX: y", "../login", "Ö", "DE FR"}) {
        EXPECT_ERROR(kInvalidArgument, maps.latest(zone), "Electricity Maps zone: expected")
            << zone;
    }
    EXPECT_ERROR(kInvalidArgument,
                 maps.past_range("DE", at("2026-11-23T02:00:00Z"), at("2026-11-23T02:00:00Z")),
                 "a begin before its end");
    EXPECT_ERROR(kInvalidArgument,
                 maps.past_range("DE", at("2000-11-23T02:00:00Z"), at("2026-11-23T02:00:00Z")),
                 "at most ten years");
    EXPECT_TRUE(server.requests().empty());
}

}  // namespace
}  // namespace finewatt
