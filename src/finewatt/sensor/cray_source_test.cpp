#include "finewatt/sensor/cray_source.h"

#include "finewatt/testing/fake_sensors.h"
#include "finewatt/testing/matchers.h"

namespace finewatt {
namespace {

using testing::channel_ids;
using testing::channel_named;
using ::testing::ElementsAre;
using testing::FakeMachine;
using ::testing::HasSubstr;
using testing::reading_of;
using testing::write_cpus;

constexpr const char* kFolder = "/sys/cray/pm_counters/";

void write_node(const testing::TempTree& tree, std::uint64_t node_j) {
    const auto write = [&](const std::string& file, const std::string& text) {
        tree.write(kFolder + file, text + "\n");
    };
    write("energy", fmt::format("{} J 1700061210920464 us", node_j));
    write("cpu_energy", "3000 J 1700061210920464 us");
    write("memory_energy", "1000 J 1700061210920464 us");
    write("accel0_energy", "2000 J 1700061210920464 us");
    write("accel1_energy", "2500 J 1700061210920464 us");
    write("power", "700 W 1700061210920464 us");
    write("cpu_power", "200 W 1700061210920464 us");
    write("power_cap", "0 W");
    write("generation", "3");
    write("freshness", "6969");
    write("version", "2");
}

TEST(CrayValue, IsANumberItsUnitAndPerhapsATime) {
    EXPECT_EQ(parse_cray_value("81147367 J 1700061210920464 us\n", "J"), 81'147'367U);
    EXPECT_EQ(parse_cray_value("12345 J\n", "J"), 12'345U);
}

TEST(CrayValue, RefusesAnythingElse) {
    for (const std::string text :
         {"", "J", "12345", "12345 W 5 us", "12345 J 5", "12345 J x us", "-5 J 5 us", "1.5 J 5 us",
          "12345 J 5 ms", "12345  J 5 us", "99999999999999999999999 J"}) {
        EXPECT_EQ(parse_cray_value(text, "J"), std::nullopt) << text;
    }
}

TEST(CraySource, ANodeOfOneSocketShowsItsPartsAndTheWhole) {
    FakeMachine machine;
    write_cpus(machine.tree, {}, {{0, 0}});
    write_node(machine.tree, 9000);
    const SourceProbe probe = CraySource::probe(machine.options());
    ASSERT_NE(probe.source, nullptr);
    EXPECT_THAT(channel_ids(probe.source.get()),
                ElementsAre("cray:cpu_energy", "cray:memory_energy", "cray:accel0_energy",
                            "cray:accel1_energy", "cray:energy"));
    const ChannelSpec cpu = channel_named(probe.source.get(), "cray:cpu_energy");
    EXPECT_EQ(cpu.domain, Domain::kPackage);
    EXPECT_EQ(cpu.device, "cpu0") << "the same name as RAPL's, so that a total counts one";
    EXPECT_DOUBLE_EQ(cpu.unit_size, 1.0);
    EXPECT_EQ(channel_named(probe.source.get(), "cray:energy").domain, Domain::kNode);
    EXPECT_EQ(channel_named(probe.source.get(), "cray:accel1_energy").device, "accel1");
    EXPECT_EQ(reading_of(*probe.source, "cray:energy").raw, 9000U);
    EXPECT_THAT(probe.reports.at(0).why, HasSubstr("power cap since its start: 3"));
}

TEST(CraySource, TwoSocketsHaveOneFigureForAllProcessors) {
    FakeMachine machine;
    write_cpus(machine.tree, {}, {{0, 0}, {1, 0}});
    write_node(machine.tree, 9000);
    const SourceProbe probe = CraySource::probe(machine.options());
    EXPECT_EQ(channel_named(probe.source.get(), "cray:cpu_energy").device, "cpu");
}

TEST(CraySource, FiguresThatAreNotRenewedForASecondAreARetry) {
    FakeMachine machine;
    write_node(machine.tree, 9000);
    const SourceProbe probe = CraySource::probe(machine.options());
    ASSERT_NE(probe.source, nullptr);
    machine.clock.advance(std::chrono::milliseconds(900));
    EXPECT_EQ(reading_of(*probe.source, "cray:energy").outcome, PollOutcome::kOk);
    machine.clock.advance(std::chrono::milliseconds(200));
    const Reading stale = reading_of(*probe.source, "cray:energy");
    EXPECT_EQ(stale.outcome, PollOutcome::kRetry);
    EXPECT_EQ(stale.error, "ETIMEDOUT");
    machine.tree.write(std::string(kFolder) + "freshness", "6970\n");
    EXPECT_EQ(reading_of(*probe.source, "cray:energy").outcome, PollOutcome::kOk);
}

TEST(CraySource, WithoutFreshnessNothingIsStale) {
    FakeMachine machine;
    machine.tree.write(std::string(kFolder) + "energy", "5 J\n");
    const SourceProbe probe = CraySource::probe(machine.options());
    ASSERT_NE(probe.source, nullptr);
    machine.clock.advance(std::chrono::seconds(100));
    EXPECT_EQ(reading_of(*probe.source, "cray:energy").raw, 5U);
}

TEST(CraySource, PowerStandsInWhereTheNodeHasNoEnergyFile) {
    FakeMachine machine;
    machine.tree.write(std::string(kFolder) + "power", "700 W 5 us\n");
    const SourceProbe probe = CraySource::probe(machine.options());
    const ChannelSpec power = channel_named(probe.source.get(), "cray:power");
    EXPECT_EQ(power.kind, ChannelKind::kGauge);
    EXPECT_EQ(power.domain, Domain::kNode);
    EXPECT_EQ(power.provenance, Provenance::kDerived);
    EXPECT_EQ(reading_of(*probe.source, "cray:power").raw, 700U);
    machine.tree.write(std::string(kFolder) + "power", "4294967295 W 5 us\n");
    EXPECT_EQ(reading_of(*probe.source, "cray:power").error, "RANGE");
}

TEST(CraySource, OtherMachinesHaveNone) {
    FakeMachine machine;
    const SourceProbe probe = CraySource::probe(machine.options());
    EXPECT_EQ(probe.source, nullptr);
    EXPECT_EQ(probe.reports.at(0).status, SourceStatus::kAbsent);
}

TEST(CraySource, DeniedFilesAreReported) {
    FakeMachine machine;
    write_node(machine.tree, 9000);
    machine.denied = {"accel"};
    const SourceProbe probe = CraySource::probe(machine.options());
    ASSERT_EQ(probe.reports.size(), 2U);
    EXPECT_EQ(probe.reports[1].status, SourceStatus::kDenied);
    EXPECT_THAT(probe.reports[1].channels, ElementsAre("cray:accel0_energy", "cray:accel1_energy"));
}

}  // namespace
}  // namespace finewatt
