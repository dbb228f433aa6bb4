#include "finewatt/sensor/discovery.h"
#include "finewatt/testing/local_server.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/wall_probing.h"

namespace finewatt {
namespace {

using testing::FakeMachine;
using testing::LocalHttpServer;
using testing::ServedAnswer;
using testing::ServedRequest;

ServedAnswer answer_power(const ServedRequest&) {
    return {200, R"({"p":100})"};
}

/// The first channel of each probe, for meters that all answer.
std::vector<ChannelSpec> channels_of(const std::vector<std::string>& meters) {
    FakeMachine machine;
    DiscoveryOptions options = machine.options();
    options.wall_meters = meters;
    std::vector<ChannelSpec> channels;
    for (const SourceProbe& probe : probe_wall_meters(options)) {
        EXPECT_NE(probe.source, nullptr) << probe.reports.at(0).why;
        if (probe.source) {
            channels.push_back(probe.source->channels().front());
        }
    }
    return channels;
}

TEST(WallProbe, OutletsAreDevicesOfTheirOwnSoThatTheyAddUp) {
    const LocalHttpServer server(answer_power);
    const std::string meter = "json+http://" + server.host() + "/?power=/p";
    const auto channels = channels_of({meter + "&name=left", meter + "&name=right&query=b"});
    ASSERT_EQ(channels.size(), 2U);
    EXPECT_EQ(channels[0].domain, Domain::kNode);
    EXPECT_EQ(channels[1].domain, Domain::kNode);
    EXPECT_EQ(channels[0].device, "wall:left");
    EXPECT_EQ(channels[1].device, "wall:right");
}

TEST(WallProbe, MetersOfTheWholeMachineShareADeviceSoThatOneIsCounted) {
    const LocalHttpServer server(answer_power);
    const std::string meter = "json+http://" + server.host() + "/?power=/p&covers=node";
    const auto channels = channels_of({meter + "&name=bmc", meter + "&name=pdu&query=b"});
    ASSERT_EQ(channels.size(), 2U);
    EXPECT_EQ(channels[0].domain, Domain::kNode);
    EXPECT_EQ(channels[0].device, "node");
    EXPECT_EQ(channels[1].device, "node");
}

TEST(WallProbe, MeterOfTheWholeMachineIsNeverAddedToOutlets) {
    const LocalHttpServer server(answer_power);
    const std::string meter = "json+http://" + server.host() + "/?power=/p";
    const auto channels =
        channels_of({meter + "&covers=node&name=bmc", meter + "&name=plug&query=b"});
    ASSERT_EQ(channels.size(), 2U);
    EXPECT_EQ(channels[0].domain, Domain::kOther);
    EXPECT_NE(channels[0].reason.find("outlets are metered already"), std::string::npos);
    EXPECT_EQ(channels[1].domain, Domain::kNode);
}

TEST(WallProbe, MeterOfSomethingElseIsNeverCounted) {
    const LocalHttpServer server(answer_power);
    const auto channels = channels_of({"json+http://" + server.host() + "/?power=/p&covers=other"});
    ASSERT_EQ(channels.size(), 1U);
    EXPECT_EQ(channels[0].domain, Domain::kOther);
}

TEST(WallProbe, DiscoveryContainsTheMetersAndTheirReports) {
    const LocalHttpServer server(answer_power);
    FakeMachine machine;
    machine.write_processors("Some CPU", 2, 2);
    DiscoveryOptions options = machine.options();
    options.wall_meters = {"json+http://" + server.host() + "/?power=/p&name=plug"};
    const Discovery discovery = discover(options);
    std::vector<std::string> names;
    for (const auto& source : discovery.sources) {
        names.emplace_back(source->name());
    }
    EXPECT_THAT(names, ::testing::Contains("wall:plug"));
    EXPECT_OK(require_wall_meters(discovery.reports));
}

TEST(WallProbe, RunNeedsEveryMeterThatItNames) {
    LocalHttpServer server(answer_power);
    server.stop();
    FakeMachine machine;
    DiscoveryOptions options = machine.options();
    options.wall_meters = {"json+http://" + server.host() + "/?power=/p&name=plug"};
    const std::vector<SourceProbe> probes = probe_wall_meters(options);
    ASSERT_EQ(probes.at(0).source, nullptr);
    EXPECT_EQ(probes.at(0).reports.at(0).status, SourceStatus::kAbsent);
    EXPECT_ERROR(kNotFound, require_wall_meters(probes.at(0).reports), "wall:plug: expected an");
}

TEST(WallProbe, ListThatCannotBeReadIsOneBrokenReport) {
    FakeMachine machine;
    DiscoveryOptions options = machine.options();
    options.wall_meters = {"ipmi:", "plug"};
    const std::vector<SourceProbe> probes = probe_wall_meters(options);
    ASSERT_EQ(probes.size(), 1U);
    EXPECT_EQ(probes[0].reports.at(0).status, SourceStatus::kBroken);
    EXPECT_FALSE(require_wall_meters(probes[0].reports));
}

TEST(WallProbe, OtherSensorsThatAreMissingDoNotMatter) {
    const std::vector<SourceReport> reports{{"powercap", SourceStatus::kAbsent, {}, "", ""}};
    EXPECT_OK(require_wall_meters(reports));
}

}  // namespace
}  // namespace finewatt
