// A management controller in this process. Its answers follow DMTF's schemas; all names and numbers
// are made up.

#include "finewatt/testing/local_server.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/wall_probing.h"

#include <map>
#include <set>

namespace finewatt {
namespace {

using ::testing::ElementsAre;
using testing::FakeMachine;
using testing::LocalHttpServer;
using testing::poll_shown;
using testing::probe_wall;
using testing::ServedAnswer;
using testing::ServedRequest;

using Pages = std::map<std::string, std::string>;

Pages root_pages() {
    return {
        {"/redfish/v1/", R"({"@odata.id":"/redfish/v1/","RedfishVersion":"1.15.0",)"
                         R"("Chassis":{"@odata.id":"/redfish/v1/Chassis"}})"},
        {"/redfish/v1/Chassis",
         R"({"Members@odata.count":2,"Members":[{"@odata.id":"/redfish/v1/Chassis/Shelf"},)"
         R"({"@odata.id":"/redfish/v1/Chassis/1U"}]})"},
        {"/redfish/v1/Chassis/Shelf", R"({"Id":"Shelf","ChassisType":"Shelf"})"},
    };
}

/// A controller with the newer page, EnvironmentMetrics.
Pages modern_pages() {
    Pages pages = root_pages();
    pages["/redfish/v1/Chassis/1U"] =
        R"({"Id":"1U","EnvironmentMetrics":{"@odata.id":"/redfish/v1/Chassis/1U/Env"},)"
        R"("Power":{"@odata.id":"/redfish/v1/Chassis/1U/Power"}})";
    pages["/redfish/v1/Chassis/1U/Env"] =
        R"({"PowerWatts":{"DataSourceUri":"/redfish/v1/Chassis/1U/Sensors/P","Reading":374},)"
        R"("EnergykWh":{"Reading":325675.5}})";
    return pages;
}

/// A controller with the older page, Power.
Pages old_pages() {
    Pages pages = root_pages();
    pages["/redfish/v1/Chassis/1U"] =
        R"({"Id":"1U","EnvironmentMetrics":{"@odata.id":"/redfish/v1/Chassis/1U/Gone"},)"
        R"("Power":{"@odata.id":"/redfish/v1/Chassis/1U/Power"}})";
    pages["/redfish/v1/Chassis/1U/Power"] =
        R"({"PowerControl":[{"MemberId":"0","PowerConsumedWatts":344,)"
        R"("PowerMetrics":{"IntervalInMin":30,"AverageConsumedWatts":319}}]})";
    return pages;
}

/// A controller whose power supplies are metered one by one.
Pages supply_pages() {
    Pages pages = root_pages();
    const std::string base = "/redfish/v1/Chassis/1U";
    pages[base] = R"({"PowerSubsystem":{"@odata.id":"/redfish/v1/Chassis/1U/PowerSubsystem"}})";
    pages[base + "/PowerSubsystem"] =
        R"({"PowerSupplies":{"@odata.id":"/redfish/v1/Chassis/1U/PowerSubsystem/PowerSupplies"}})";
    pages[base + "/PowerSubsystem/PowerSupplies"] =
        R"({"Members":[{"@odata.id":"/redfish/v1/psu/0"},{"@odata.id":"/redfish/v1/psu/1"}]})";
    for (const std::string id : {"0", "1"}) {
        const std::string psu = "/redfish/v1/psu/" + id;
        pages[psu] = R"({"Metrics":{"@odata.id":")" + psu + R"(/Metrics"}})";
        pages[psu + "/Metrics"] =
            R"({"InputPowerWatts":{"Reading":12)" + id + R"(.5},"EnergykWh":{"Reading":10}})";
    }
    return pages;
}

/// Serves pages to anyone.
LocalHttpServer::Handler open_controller(Pages pages) {
    return [pages = std::move(pages)](const ServedRequest& seen) {
        const auto found = pages.find(seen.target);
        return found != pages.end() ? ServedAnswer{200, found->second} : ServedAnswer{404, "{}"};
    };
}

SourceProbe probe(FakeMachine& machine, const LocalHttpServer& server,
                  const std::string& rest = "") {
    return probe_wall(machine, "redfish+http://" + server.host() + rest);
}

TEST(RedfishMeter, EnvironmentMetricsGivePowerAndEnergy) {
    const LocalHttpServer server(open_controller(modern_pages()));
    FakeMachine machine;
    const SourceProbe found = probe(machine, server);
    ASSERT_NE(found.source, nullptr) << found.reports.at(0).why;
    // 325,675.5 kWh in ticks of 3.6 J.
    EXPECT_THAT(poll_shown(*found.source), ElementsAre("ok 374000", "ok 325675500000"));
    const ChannelSpec& power = found.source->channels()[0];
    EXPECT_EQ(power.device, "node");
    EXPECT_EQ(power.domain, Domain::kNode);
    EXPECT_EQ(power.update_ms, 60'250);
    EXPECT_DOUBLE_EQ(power.resolution_raw, 1000);
    EXPECT_DOUBLE_EQ(found.source->channels()[1].resolution_raw, 1000);
}

TEST(RedfishMeter, ReadingIsOneRequest) {
    const LocalHttpServer server(open_controller(modern_pages()));
    FakeMachine machine;
    const SourceProbe found = probe(machine, server);
    ASSERT_NE(found.source, nullptr) << found.reports.at(0).why;
    const std::size_t before = server.requests().size();
    poll_shown(*found.source);
    EXPECT_EQ(server.requests().size(), before + 1);
}

TEST(RedfishMeter, OlderControllersHaveThePowerPage) {
    const LocalHttpServer server(open_controller(old_pages()));
    FakeMachine machine;
    const SourceProbe found = probe(machine, server);
    ASSERT_NE(found.source, nullptr) << found.reports.at(0).why;
    EXPECT_THAT(poll_shown(*found.source), ElementsAre("ok 344000"));
}

TEST(RedfishMeter, PowerSuppliesAddUp) {
    const LocalHttpServer server(open_controller(supply_pages()));
    FakeMachine machine;
    const SourceProbe found = probe(machine, server);
    ASSERT_NE(found.source, nullptr) << found.reports.at(0).why;
    EXPECT_THAT(poll_shown(*found.source), ElementsAre("ok 242000", "ok 20000000"));
    // Whole kilowatt-hours only: a step is that coarse.
    EXPECT_DOUBLE_EQ(found.source->channels()[1].resolution_raw, 1e6);
}

TEST(RedfishMeter, SumWithoutOneSupplyIsNoSum) {
    LocalHttpServer server(open_controller(supply_pages()));
    FakeMachine machine;
    const SourceProbe found = probe(machine, server);
    ASSERT_NE(found.source, nullptr) << found.reports.at(0).why;
    Pages pages = supply_pages();
    pages["/redfish/v1/psu/1/Metrics"] = R"({"InputPowerWatts":{"Reading":null}})";
    server.set_handler(open_controller(pages));
    EXPECT_THAT(poll_shown(*found.source), ElementsAre("ENODATA", "ENODATA"));
    const SourceProbe again = probe(machine, server);
    EXPECT_EQ(again.source, nullptr);
}

TEST(RedfishMeter, ZeroWattsAreNoReading) {
    LocalHttpServer server(open_controller(modern_pages()));
    FakeMachine machine;
    const SourceProbe found = probe(machine, server);
    ASSERT_NE(found.source, nullptr) << found.reports.at(0).why;
    Pages pages = modern_pages();
    pages["/redfish/v1/Chassis/1U/Env"] = R"({"PowerWatts":{"Reading":0}})";
    server.set_handler(open_controller(pages));
    EXPECT_THAT(poll_shown(*found.source), ElementsAre("EBADMSG", "EBADMSG"));
}

TEST(RedfishMeter, AllRequestsOfAReadingShareTheTimeOut) {
    LocalHttpServer server(open_controller(supply_pages()));
    FakeMachine machine;
    const SourceProbe found = probe(machine, server, "?timeout_ms=80");
    ASSERT_NE(found.source, nullptr) << found.reports.at(0).why;
    server.set_handler([](const ServedRequest&) {
        ServedAnswer answer;
        answer.is_silent = true;
        return answer;
    });
    EXPECT_THAT(poll_shown(*found.source), ElementsAre("ETIMEDOUT", "ETIMEDOUT"));
    server.set_handler(open_controller(supply_pages()));
    EXPECT_EQ(poll_shown(*found.source).at(0), "ok 242000");
}

TEST(RedfishMeter, NamedChassisIsTakenOrRefused) {
    const LocalHttpServer server(open_controller(modern_pages()));
    FakeMachine machine;
    EXPECT_NE(probe(machine, server, "/1U").source, nullptr);
    const SourceProbe shelf = probe(machine, server, "/Shelf");
    EXPECT_EQ(shelf.source, nullptr);
    EXPECT_NE(shelf.reports.at(0).why.find("no chassis Shelf tells its power"), std::string::npos);
    EXPECT_NE(shelf.reports.at(0).why.find("there are: Shelf, 1U"), std::string::npos);
}

TEST(RedfishMeter, LinksToOtherHostsAreNotFollowed) {
    Pages pages = modern_pages();
    pages["/redfish/v1/"] = R"({"Chassis":{"@odata.id":"http://elsewhere/redfish/v1/Chassis"}})";
    const LocalHttpServer server(open_controller(pages));
    FakeMachine machine;
    EXPECT_NE(probe(machine, server).reports.at(0).why.find("names no Chassis"), std::string::npos);
}

/// Serves pages only with a token or basic credentials, as far as it knows them.
struct GuardedController {
    std::string token = "t-1";
    bool has_sessions = true;

    LocalHttpServer::Handler handler() {
        return [this, pages = modern_pages()](const ServedRequest& seen) {
            if (seen.target == "/redfish/v1/SessionService/Sessions") {
                return log_in(seen);
            }
            const auto sent = seen.headers.find("x-auth-token");
            const auto basic = seen.headers.find("authorization");
            const bool is_known =
                (sent != seen.headers.end() && sent->second == token) ||
                // base64 of "root:hush"
                (basic != seen.headers.end() && basic->second == "Basic cm9vdDpodXNo");
            const auto found = pages.find(seen.target);
            if (seen.target != "/redfish/v1/" && !is_known) {
                return ServedAnswer{401, ""};
            }
            return found != pages.end() ? ServedAnswer{200, found->second} : ServedAnswer{204, ""};
        };
    }

    ServedAnswer log_in(const ServedRequest& seen) const {
        if (!has_sessions) {
            return {405, ""};
        }
        if (seen.body.find(R"("Password":"hush")") == std::string::npos) {
            return {401, ""};
        }
        return {201, "{}", {{"X-Auth-Token", token}, {"Location", "http://bmc/sessions/7"}}};
    }
};

TEST(RedfishMeter, SessionIsOpenedOnceRenewedWhenItEndsAndClosed) {
    GuardedController controller;
    LocalHttpServer server(controller.handler());
    FakeMachine machine;
    machine.environment = {{"FINEWATT_WALL_USER", "root"}, {"FINEWATT_WALL_PASSWORD", "hush"}};
    SourceProbe found = probe(machine, server);
    ASSERT_NE(found.source, nullptr) << found.reports.at(0).why;
    controller.token = "t-2";  // the controller has restarted
    EXPECT_EQ(poll_shown(*found.source).at(0), "ok 374000");
    std::size_t logins = 0;
    for (const ServedRequest& seen : server.requests()) {
        logins += seen.method == "POST" ? 1U : 0U;
    }
    EXPECT_EQ(logins, 2U);
    found.source.reset();
    const ServedRequest last = server.requests().back();
    EXPECT_EQ(last.method, "DELETE");
    EXPECT_EQ(last.target, "/sessions/7");
}

TEST(RedfishMeter, ControllerWithoutSessionsGetsBasicCredentials) {
    GuardedController controller;
    controller.has_sessions = false;
    const LocalHttpServer server(controller.handler());
    FakeMachine machine;
    machine.environment = {{"FINEWATT_WALL_USER", "root"}, {"FINEWATT_WALL_PASSWORD", "hush"}};
    const SourceProbe found = probe(machine, server);
    ASSERT_NE(found.source, nullptr) << found.reports.at(0).why;
    EXPECT_EQ(poll_shown(*found.source).at(0), "ok 374000");
}

TEST(RedfishMeter, WrongOrMissingPasswordIsDenied) {
    GuardedController controller;
    const LocalHttpServer server(controller.handler());
    FakeMachine machine;
    const SourceProbe without = probe(machine, server);
    EXPECT_EQ(without.reports.at(0).status, SourceStatus::kDenied);
    EXPECT_NE(without.reports.at(0).why.find("set FINEWATT_WALL_USER"), std::string::npos);
    machine.environment = {{"FINEWATT_WALL_USER", "root"}, {"FINEWATT_WALL_PASSWORD", "guess"}};
    const SourceProbe wrong = probe(machine, server);
    EXPECT_EQ(wrong.reports.at(0).status, SourceStatus::kDenied);
    EXPECT_EQ(wrong.reports.at(0).why.find("guess"), std::string::npos);
}

}  // namespace
}  // namespace finewatt
