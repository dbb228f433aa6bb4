// Meters that answer HTTP: Shelly, Tasmota, and JSON that the user describes, against a server in
// this process.

#include "finewatt/sensor/json_meter_internal.h"
#include "finewatt/testing/local_server.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/wall_probing.h"

namespace finewatt {
namespace {

using ::testing::ElementsAre;
using testing::FakeMachine;
using testing::LocalHttpServer;
using testing::poll_shown;
using testing::probe_wall;
using testing::ServedAnswer;
using testing::ServedRequest;

constexpr const char* kShelly1 =
    R"({"power":97.84,"overpower":0.0,"is_valid":true,"timestamp":1795428000,)"
    R"("counters":[95.1,97.0,96.2],"total":250})";
constexpr const char* kShelly2 =
    R"({"id":0,"source":"init","output":true,"apower":97.8,"voltage":230.1,"current":0.47,)"
    R"("aenergy":{"total":1234.567,"by_minute":[1.0,2.0,3.0],"minute_ts":1795428000}})";
constexpr const char* kTasmota =
    R"({"StatusSNS":{"Time":"2026-11-23T10:00:00","ENERGY":{"TotalStartTime":"2025-01-01T00:00:00",)"
    R"("Total":3.185,"Yesterday":1.2,"Today":0.4,"Power":98,"Voltage":230,"Current":0.47}}})";

LocalHttpServer::Handler always(const std::string& body) {
    return [body](const ServedRequest&) { return ServedAnswer{200, body}; };
}

TEST(ShellyMeter, FirstGenerationCountsWattMinutes) {
    const LocalHttpServer server(always(kShelly1));
    FakeMachine machine;
    const SourceProbe probe = probe_wall(machine, "shelly1://" + server.host() + "/1");
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 97840", "ok 250"));
    const ChannelSpec& energy = probe.source->channels()[1];
    EXPECT_DOUBLE_EQ(energy.unit_size, 60);
    EXPECT_EQ(energy.source, "shelly1");
    EXPECT_EQ(energy.update_ms, 60'250);
    EXPECT_EQ(server.requests().at(0).target, "/meter/1");
}

TEST(ShellyMeter, FiguresThatTheMeterCallsInvalidAreNone) {
    LocalHttpServer server(always(kShelly1));
    FakeMachine machine;
    const SourceProbe probe = probe_wall(machine, "shelly1://" + server.host());
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    server.set_handler(always(R"({"power":0,"is_valid":false,"total":0})"));
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("EBADMSG", "EBADMSG"));
}

TEST(ShellyMeter, LaterGenerationsCountMilliwattHours) {
    const LocalHttpServer server(always(kShelly2));
    FakeMachine machine;
    const SourceProbe probe = probe_wall(machine, "shelly://" + server.host() + "?id=2");
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 97800", "ok 1234567"));
    EXPECT_DOUBLE_EQ(probe.source->channels()[1].unit_size, 3.6);
    EXPECT_EQ(server.requests().at(0).target, "/rpc/Switch.GetStatus?id=2");
}

TEST(ShellyMeter, MetersWithoutSwitchHaveTheirOwnPage) {
    const LocalHttpServer server(always(kShelly2));
    FakeMachine machine;
    const SourceProbe probe = probe_wall(machine, "shelly://" + server.host() + "?component=pm1");
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    EXPECT_EQ(server.requests().at(0).target, "/rpc/PM1.GetStatus?id=0");
    const SourceProbe wrong = probe_wall(machine, "shelly://plug?component=lamp");
    EXPECT_NE(wrong.reports.at(0).why.find("expected switch or pm1"), std::string::npos);
}

TEST(ShellyMeter, SwitchWithoutMeterIsRefused) {
    const LocalHttpServer server(always(R"({"id":0,"output":true})"));
    FakeMachine machine;
    const SourceProbe probe = probe_wall(machine, "shelly://" + server.host());
    EXPECT_EQ(probe.source, nullptr);
    EXPECT_NE(probe.reports.at(0).why.find("without power or energy"), std::string::npos);
}

TEST(ShellyMeter, RestartBeginsTheCounterAnew) {
    LocalHttpServer server(always(kShelly1));
    FakeMachine machine;
    const SourceProbe probe = probe_wall(machine, "shelly1://" + server.host());
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 97840", "ok 250"));
    server.set_handler(always(R"({"power":97.84,"is_valid":true,"total":0})"));
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 97840", "ok 0"));
}

TEST(ShellyMeter, WrongPasswordIsDeniedAndNeverShown) {
    const LocalHttpServer server([](const ServedRequest&) {
        return ServedAnswer{401, "", {{"WWW-Authenticate", "Basic realm=\"shelly\""}}};
    });
    FakeMachine machine;
    machine.environment = {{"FINEWATT_WALL_USER", "ann"}, {"FINEWATT_WALL_PASSWORD", "hush"}};
    const SourceProbe probe = probe_wall(machine, "shelly1://" + server.host());
    EXPECT_EQ(probe.source, nullptr);
    const SourceReport& report = probe.reports.at(0);
    EXPECT_EQ(report.status, SourceStatus::kDenied);
    EXPECT_NE(report.why.find("user name or password are refused"), std::string::npos);
    EXPECT_EQ((report.why + report.fix).find("hush"), std::string::npos);
    EXPECT_EQ(server.requests().at(0).headers.at("authorization"), "Basic YW5uOmh1c2g=");
}

TEST(ShellyMeter, PlugThatVanishesComesBack) {
    LocalHttpServer server(always(kShelly2));
    FakeMachine machine;
    const SourceProbe probe = probe_wall(machine, "shelly://" + server.host());
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    server.stop();
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ECONNREFUSED", "ECONNREFUSED"));
    server.start();
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 97800", "ok 1234567"));
}

TEST(ShellyMeter, SilenceIsATimeOutAndRubbishABadMessage) {
    LocalHttpServer server(always(kShelly2));
    FakeMachine machine;
    const SourceProbe probe = probe_wall(machine, "shelly://" + server.host() + "?timeout_ms=60");
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    server.set_handler([](const ServedRequest&) {
        ServedAnswer answer;
        answer.is_silent = true;
        return answer;
    });
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ETIMEDOUT", "ETIMEDOUT"));
    for (const char* const rubbish :
         {"<html>login</html>", "", "[1,2", R"({"apower":"lots","aenergy":{"total":1}})",
          R"({"apower":-5,"aenergy":{"total":1}})"}) {
        server.set_handler(always(rubbish));
        EXPECT_THAT(poll_shown(*probe.source), ElementsAre("EBADMSG", "EBADMSG")) << rubbish;
    }
    server.set_handler(always(std::string(std::size_t{2} << 20, ' ')));
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("EBADMSG", "EBADMSG"));
}

TEST(TasmotaMeter, GivesWattsAndKilowattHours) {
    const LocalHttpServer server(always(kTasmota));
    FakeMachine machine;
    const SourceProbe probe = probe_wall(machine, "tasmota://" + server.host());
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    // 3.185 kWh in ticks of 36 J, of which a step is 100.
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 98000", "ok 318500"));
    EXPECT_DOUBLE_EQ(probe.source->channels()[0].resolution_raw, 1000);
    EXPECT_DOUBLE_EQ(probe.source->channels()[1].resolution_raw, 100);
    EXPECT_NE(probe.source->channels()[0].reason.find("10 %"), std::string::npos);
    EXPECT_EQ(server.requests().at(0).target, "/cm?cmnd=Status%208");
}

TEST(TasmotaMeter, PowerOfSeveralPhasesIsAdded) {
    const LocalHttpServer server(
        always(R"({"StatusSNS":{"ENERGY":{"Total":1.5,"Power":[10,20.5,0]}}})"));
    FakeMachine machine;
    const SourceProbe probe = probe_wall(machine, "tasmota://" + server.host());
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    EXPECT_EQ(poll_shown(*probe.source).at(0), "ok 30500");
}

TEST(TasmotaMeter, PasswordGoesIntoTheQueryAndIntoNoMessage) {
    const LocalHttpServer server([](const ServedRequest& seen) {
        const bool is_known = seen.target.find("password=hu%26sh") != std::string::npos;
        return ServedAnswer{
            200, is_known ? kTasmota : R"({"WARNING":"Need user=<username>&password=<password>"})"};
    });
    FakeMachine machine;
    const SourceProbe without = probe_wall(machine, "tasmota://" + server.host());
    EXPECT_EQ(without.reports.at(0).status, SourceStatus::kDenied);
    machine.environment = {{"FINEWATT_WALL_USER", "ann"}, {"FINEWATT_WALL_PASSWORD", "hu&sh"}};
    EXPECT_NE(probe_wall(machine, "tasmota://" + server.host()).source, nullptr);
    machine.environment["FINEWATT_WALL_PASSWORD"] = "wrong&word";
    const SourceProbe wrong = probe_wall(machine, "tasmota://" + server.host());
    EXPECT_EQ(wrong.reports.at(0).status, SourceStatus::kDenied);
    EXPECT_EQ(wrong.reports.at(0).why.find("wrong"), std::string::npos);
}

TEST(JsonMeter, PointersAndUnitsAreTheUsers) {
    const LocalHttpServer server(always(R"({"data":[{"p":"0.25","e":2.5}]})"));
    FakeMachine machine;
    const SourceProbe probe =
        probe_wall(machine, "json+http://" + server.host() +
                                "/api?power=/data/0/p&power_unit=kW&energy=/data/0/e"
                                "&energy_unit=kWh&query=a%3Db&energy_step_j=36");
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 250000", "ok 2500000"));
    EXPECT_DOUBLE_EQ(probe.source->channels()[1].resolution_raw, 10);
    EXPECT_EQ(server.requests().at(0).target, "/api?a=b");
}

TEST(JsonMeter, UnitThatChangesMidwayIsFollowedWhereTheAnswerNamesIt) {
    LocalHttpServer server(always(R"({"v":950,"u":"Wh"})"));
    FakeMachine machine;
    const SourceProbe probe =
        probe_wall(machine, "json+http://" + server.host() + "/?energy=/v&energy_unit=/u");
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 950000"));
    server.set_handler(always(R"({"v":0.951,"u":"kWh"})"));
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 951000"));
    server.set_handler(always(R"({"v":0.951,"u":"BTU"})"));
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("EBADMSG"));
}

TEST(JsonMeter, UnitThatChangesInSilenceGivesNoEnergy) {
    LocalHttpServer server(always(R"({"v":3.5})"));
    FakeMachine machine;
    const SourceProbe probe =
        probe_wall(machine, "json+http://" + server.host() + "/?energy=/v&energy_unit=kWh");
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 3500000"));
    server.set_handler(always(R"({"v":3501})"));
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("RANGE"));
}

TEST(JsonMeter, BearerTokenComesFromThePassword) {
    const LocalHttpServer server(always(R"({"state":"12.5"})"));
    FakeMachine machine;
    machine.environment = {{"FINEWATT_WALL_USER", "x"}, {"FINEWATT_WALL_PASSWORD", "tok"}};
    const SourceProbe probe =
        probe_wall(machine, "json+http://" + server.host() + "/?power=/state&auth=bearer");
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    EXPECT_EQ(server.requests().at(0).headers.at("authorization"), "Bearer tok");
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 12500"));
}

TEST(JsonMeter, WrongOptionsAreNamed) {
    FakeMachine machine;
    const auto why = [&](const std::string& query) {
        return probe_wall(machine, "json+http://plug/?" + query).reports.at(0).why;
    };
    EXPECT_NE(why("power=watts").find("expected a JSON pointer"), std::string::npos);
    EXPECT_NE(why("power=/p&power_unit=hp").find("found 'hp'"), std::string::npos);
    EXPECT_NE(why("energy=/e&energy_step_j=0").find("expected a number above 0"),
              std::string::npos);
    EXPECT_NE(why("power=/p&auth=magic").find("expected bearer"), std::string::npos);
}

}  // namespace
}  // namespace finewatt
