// How discovery chooses per component and device, on machines with several sensors. The totals of
// such machines are in tests/differential.

#include "finewatt/sensor/discovery.h"
#include "finewatt/testing/fake_sensors.h"
#include "finewatt/testing/matchers.h"

#include <algorithm>

namespace finewatt {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using testing::FakeMachine;
using testing::FakePerf;
using testing::FakeProcessor;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using testing::write_chip;
using testing::write_cpus;
using testing::write_pmu;
using testing::write_registers;
using testing::write_zone;

constexpr unsigned kType = 32;
const FakeProcessor kEpyc{"AuthenticAMD", 25, 1, "AMD EPYC 7763 64-Core Processor", 64};

struct Machine : FakeMachine {
    FakePerf perf{tree};

    Discovery discover_all_of_it(bool all_sources = false) {
        DiscoveryOptions made = options();
        made.perf = perf.calls();
        made.all_sources = all_sources;
        return discover(made);
    }

    /// Two sockets of an Intel server whose counters show in perf, powercap and registers.
    void write_server() const {
        write_cpus(tree, {}, {{0, 0}, {0, 0}, {1, 0}, {1, 0}});
        write_pmu(tree, "power", kType, "0,2",
                  {{"energy-pkg", "event=0x02"}, {"energy-ram", "event=0x03"}});
        for (const int cpu : {0, 2}) {
            perf.set(kType, 2, cpu, 1000);
            perf.set(kType, 3, cpu, 500);
            write_registers(tree, static_cast<unsigned>(cpu),
                            {{0x606, 0xA0E03}, {0x611, 11}, {0x619, 12}});
        }
        for (const int package : {0, 1}) {
            write_zone(tree,
                       {fmt::format("intel-rapl:{}", package), fmt::format("package-{}", package)});
            write_zone(tree, {fmt::format("intel-rapl:{}:0", package), "dram"});
        }
    }
};

std::vector<std::string> ids_of(const Discovery& discovery) {
    std::vector<std::string> ids;
    for (const auto& source : discovery.sources) {
        for (const ChannelSpec& channel : source->channels()) {
            ids.push_back(channel.id);
        }
    }
    return ids;
}

ChannelSpec channel_of(const Discovery& discovery, const std::string& id) {
    for (const auto& source : discovery.sources) {
        for (const ChannelSpec& channel : source->channels()) {
            if (channel.id == id) {
                return channel;
            }
        }
    }
    ADD_FAILURE() << "no channel " << id;
    return {};
}

std::string why_of(const Discovery& discovery, const std::string& source) {
    std::string why;
    for (const SourceReport& report : discovery.reports) {
        why += report.source == source ? report.why + "\n" : "";
    }
    return why;
}

TEST(DiscoveryChoice, PerfServesAllAndNothingElseIsPolled) {
    Machine machine;
    machine.write_server();
    const Discovery found = machine.discover_all_of_it();
    EXPECT_THAT(ids_of(found), ElementsAre("perf:package-0", "perf:package-1",
                                           "perf:package-0/dram", "perf:package-1/dram"));
    EXPECT_THAT(why_of(found, "powercap"), HasSubstr("not polled: perf:package-0 serves"));
    EXPECT_THAT(why_of(found, "msr"), HasSubstr("not polled"));
    EXPECT_THAT(found.unmeasured, IsEmpty());
}

TEST(DiscoveryChoice, TheReasonNamesTheBetterSourcesThatCouldNotServe) {
    Machine machine;
    machine.write_server();
    machine.perf.is_denied = true;
    machine.denied = {"energy_uj"};
    const Discovery found = machine.discover_all_of_it();
    EXPECT_THAT(ids_of(found), ElementsAre("msr:package-0", "msr:package-0/dram", "msr:package-1",
                                           "msr:package-1/dram"));
    EXPECT_THAT(channel_of(found, "msr:package-0").reason,
                HasSubstr("before it in order: perf denied, powercap denied"));
    EXPECT_THAT(found.unmeasured, IsEmpty()) << "what powercap denies, the registers show";
}

TEST(DiscoveryChoice, PowercapFillsWhatPerfLacks) {
    Machine machine;
    write_cpus(machine.tree, {}, {{0, 0}});
    write_pmu(machine.tree, "power", kType, "0", {{"energy-pkg", "event=0x02"}});
    machine.perf.set(kType, 2, 0, 10);
    write_zone(machine.tree, {"intel-rapl:0", "package-0"});
    write_zone(machine.tree, {"intel-rapl:0:0", "dram", "77\n"});
    const Discovery found = machine.discover_all_of_it();
    EXPECT_THAT(ids_of(found), ElementsAre("perf:package-0", "powercap:package-0/dram"));
    EXPECT_THAT(channel_of(found, "powercap:package-0/dram").reason,
                HasSubstr("before it in order: perf without it"));
    EXPECT_THAT(why_of(found, "powercap"), HasSubstr("polled for powercap:package-0/dram only"));
    // The kept channel gets its own reading, not that of the channel before it.
    std::vector<Reading> readings(1);
    found.sources[1]->poll(readings);
    EXPECT_EQ(readings[0].raw, 77U);
    EXPECT_EQ(readings[0].outcome, PollOutcome::kOk);
}

TEST(DiscoveryChoice, ASocketThatPerfLacksIsTakenFromPowercap) {
    Machine machine;
    machine.write_server();
    write_pmu(machine.tree, "power", kType, "0",
              {{"energy-pkg", "event=0x02"}, {"energy-ram", "event=0x03"}});
    const Discovery found = machine.discover_all_of_it();
    EXPECT_THAT(ids_of(found), ElementsAre("perf:package-0", "perf:package-0/dram",
                                           "powercap:package-1", "powercap:package-1/dram"));
}

TEST(DiscoveryChoice, AllSourcesPollsEveryOneUnderTheSameDeviceNames) {
    Machine machine;
    machine.write_server();
    const Discovery found = machine.discover_all_of_it(true);
    EXPECT_THAT(ids_of(found), IsSupersetOf({"perf:package-1", "powercap:package-1",
                                             "msr:package-1", "perf:package-1/dram",
                                             "powercap:package-1/dram", "msr:package-1/dram"}));
    for (const std::string source : {"perf", "powercap", "msr"}) {
        EXPECT_EQ(channel_of(found, source + ":package-1").device, "cpu1");
        EXPECT_EQ(channel_of(found, source + ":package-1").domain, Domain::kPackage);
    }
}

TEST(DiscoveryChoice, MirroredDiesAreDroppedInEverySource) {
    Machine machine;
    write_cpus(machine.tree, {}, {{0, 0}, {0, 1}});
    write_pmu(machine.tree, "power", kType, "0,1", {{"energy-pkg", "event=0x02"}});
    machine.perf.set(kType, 2, 0, 10);
    machine.perf.set(kType, 2, 1, 10);
    write_zone(machine.tree, {"intel-rapl:0", "package-0-die-0", "777\n"});
    write_zone(machine.tree, {"intel-rapl:1", "package-0-die-1", "777\n"});
    for (const bool all : {false, true}) {
        const std::vector<std::string> ids = ids_of(machine.discover_all_of_it(all));
        EXPECT_THAT(ids, Contains("perf:package-0-die-0"));
        EXPECT_THAT(ids, Not(Contains("perf:package-0-die-1")));
        EXPECT_THAT(ids, Not(Contains("powercap:package-0-die-1")));
    }
}

TEST(DiscoveryChoice, AmdDiesOfOneCounterAreThePackage) {
    Machine machine;
    write_cpus(machine.tree, kEpyc, {{0, 0}, {0, 1}});
    machine.tree.write("/proc/sys/kernel/osrelease", "6.10.3\n");
    write_pmu(machine.tree, "power", kType, "0,1", {{"energy-pkg", "event=0x02"}});
    machine.perf.set(kType, 2, 0, 10);
    machine.perf.set(kType, 2, 1, 10);
    write_zone(machine.tree, {"intel-rapl:0", "package-0-die-0", "777\n"});
    write_zone(machine.tree, {"intel-rapl:0:0", "core", "5\n"});
    write_zone(machine.tree, {"intel-rapl:1", "package-0-die-1", "777\n"});
    write_zone(machine.tree, {"intel-rapl:1:0", "core", "6\n"});
    const Discovery all = machine.discover_all_of_it(true);
    EXPECT_EQ(channel_of(all, "perf:package-0").device, "cpu0");
    EXPECT_EQ(channel_of(all, "powercap:package-0-die-0").device, "cpu0");
    EXPECT_EQ(channel_of(all, "powercap:package-0-die-0/core").domain, Domain::kOther)
        << "one core's counter is no part of anything";
    EXPECT_THAT(ids_of(machine.discover_all_of_it()), Contains("perf:package-0"));
    EXPECT_THAT(ids_of(machine.discover_all_of_it()), Not(Contains("powercap:package-0-die-0")));
}

TEST(DiscoveryChoice, CrayFillsMemoryAndIsNotAddedToThePackages) {
    Machine machine;
    write_cpus(machine.tree, kEpyc, {{0, 0}, {1, 0}});
    write_zone(machine.tree, {"intel-rapl:0", "package-0"});
    write_zone(machine.tree, {"intel-rapl:1", "package-1"});
    for (const std::string file : {"energy", "cpu_energy", "memory_energy", "accel0_energy"}) {
        machine.tree.write("/sys/cray/pm_counters/" + file, "100 J 5 us\n");
    }
    const Discovery found = machine.discover_all_of_it();
    EXPECT_THAT(ids_of(found),
                ElementsAre("powercap:package-0", "powercap:package-1", "cray:memory_energy",
                            "cray:accel0_energy", "cray:energy"));
    const Discovery all = machine.discover_all_of_it(true);
    const ChannelSpec both = channel_of(all, "cray:cpu_energy");
    EXPECT_EQ(both.domain, Domain::kOther) << "it covers both sockets, which are counted already";
    EXPECT_THAT(both.reason, HasSubstr("powercap:package-0 shows the same energy"));
}

TEST(DiscoveryChoice, CountersComeBeforeAveragedPowerAndThatBeforeTheMoment) {
    Machine machine;
    write_cpus(machine.tree, kEpyc, {{0, 0}});
    write_chip(machine.tree, "hwmon1", "zenpower",
               {{"power1_label", "RAPL_P_Package"}, {"power1_input", "10000000"}});
    EXPECT_THAT(ids_of(machine.discover_all_of_it()), Contains("zenpower:package-0"));
    write_chip(machine.tree, "hwmon2", "fam17h_power", {{"power1_average", "10000000"}});
    EXPECT_THAT(ids_of(machine.discover_all_of_it()), Contains("fam17h_power:package-0"));
    EXPECT_THAT(ids_of(machine.discover_all_of_it()), Not(Contains("zenpower:package-0")));
    write_chip(machine.tree, "hwmon3", "amd_energy",
               {{"energy1_label", "Esocket0"}, {"energy1_input", "5"}});
    const Discovery found = machine.discover_all_of_it();
    EXPECT_THAT(ids_of(found), Contains("amd_energy:package-0"));
    EXPECT_THAT(ids_of(found), Not(Contains("fam17h_power:package-0")));
    EXPECT_THAT(why_of(found, "fam_power"), HasSubstr("not polled: amd_energy:package-0 serves"));
}

TEST(DiscoveryChoice, GraceNeedsNoModelOfCpuOrMemory) {
    Machine machine;
    machine.tree.write("/proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x41\n");
    machine.tree.write("/proc/stat", testing::stat_text(10));
    machine.tree.write("/proc/meminfo", "MemTotal:       32768000 kB\n");
    write_chip(machine.tree, "hwmon1", "power_meter",
               {{"power1_oem_info", "Grace Power Socket 0"}, {"power1_average", "90000000"}});
    write_chip(machine.tree, "hwmon2", "power_meter",
               {{"power1_oem_info", "Module Power Socket 0"}, {"power1_average", "400000000"}});
    EXPECT_THAT(ids_of(machine.discover_all_of_it()),
                ElementsAre("power_meter:grace-0", "power_meter:module-0"));
}

TEST(DiscoveryChoice, TheWholeModuleOfAJetsonNeedsNoModels) {
    Machine machine;
    machine.tree.write("/proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x41\n");
    machine.tree.write("/proc/stat", testing::stat_text(10));
    machine.tree.write("/proc/meminfo", "MemTotal:       32768000 kB\n");
    write_chip(machine.tree, "hwmon1", "ina3221",
               {{"in1_label", "VDD_IN"},
                {"in1_input", "5000"},
                {"curr1_input", "2000"},
                {"in2_label", "VDD_CPU_GPU_CV"},
                {"in2_input", "5000"},
                {"curr2_input", "1000"}});
    EXPECT_THAT(ids_of(machine.discover_all_of_it()),
                ElementsAre("ina3221:VDD_IN", "ina3221:VDD_CPU_GPU_CV"));
}

TEST(DiscoveryChoice, AServersOwnMeterStaysBesideTheModels) {
    Machine machine;
    machine.write_processors("Intel(R) Xeon(R) CPU E5-2620 v3 @ 2.40GHz", 12, 6);
    write_chip(machine.tree, "hwmon1", "power_meter", {{"power1_average", "310000000"}});
    EXPECT_THAT(ids_of(machine.discover_all_of_it()),
                ElementsAre("power_meter:node-0", "cpu-model", "ram-model"));
}

TEST(DiscoveryChoice, AmdAndIntelCardsAreMeasuredSideBySide) {
    Machine machine;
    write_chip(machine.tree, "hwmon1", "amdgpu",
               {{"power1_average", "200000000"}, {"power1_cap", "300000000"}}, "0000:03:00.0");
    write_chip(machine.tree, "hwmon2", "xe", {{"energy1_label", "card"}, {"energy1_input", "900"}},
               "0000:04:00.0");
    EXPECT_THAT(ids_of(machine.discover_all_of_it()),
                IsSupersetOf({"amdgpu:0000:03:00.0", "xe:0000:04:00.0/card"}));
}

TEST(DiscoveryChoice, AcceleratorsThatTheNodeMeasuresAreNotUnmeasured) {
    Machine machine;
    machine.denied = {"power1_average"};
    write_chip(machine.tree, "hwmon1", "amdgpu",
               {{"power1_average", "200000000"}, {"power1_cap", "300000000"}}, "0000:03:00.0");
    const auto lacks_a_gpu = [&] {
        const Discovery found = machine.discover_all_of_it();
        return std::any_of(
            found.unmeasured.begin(), found.unmeasured.end(),
            [](const UnmeasuredComponent& missing) { return missing.component == "gpu"; });
    };
    EXPECT_TRUE(lacks_a_gpu());
    machine.tree.write("/sys/cray/pm_counters/accel0_energy", "100 J 5 us\n");
    EXPECT_FALSE(lacks_a_gpu());
}

TEST(DiscoveryChoice, APackageAndItsOnlyDieAreOneDevice) {
    // A counter of the whole package and one of its die must not be added.
    Machine machine;
    write_cpus(machine.tree, {}, {{0, 0}});
    write_pmu(machine.tree, "power", kType, "0", {{"energy-pkg", "event=0x02"}});
    machine.perf.set(kType, 2, 0, 10);
    write_zone(machine.tree, {"intel-rapl:0", "package-0-die-0", "777\n"});
    EXPECT_THAT(ids_of(machine.discover_all_of_it()), Not(Contains("powercap:package-0-die-0")));
    EXPECT_EQ(channel_of(machine.discover_all_of_it(true), "powercap:package-0-die-0").domain,
              Domain::kOther);
}

TEST(DiscoveryChoice, TheCoresOfAPackageThatIsCountedMakeNoSourceNeeded) {
    Machine machine;
    write_cpus(machine.tree, {}, {{0, 0}});
    write_pmu(machine.tree, "power", kType, "0",
              {{"energy-pkg", "event=0x02"}, {"energy-ram", "event=0x03"}});
    machine.perf.set(kType, 2, 0, 10);
    machine.perf.set(kType, 3, 0, 10);
    write_zone(machine.tree, {"intel-rapl:0", "package-0"});
    write_zone(machine.tree, {"intel-rapl:0:0", "core"});
    write_zone(machine.tree, {"intel-rapl:0:1", "uncore"});
    EXPECT_THAT(ids_of(machine.discover_all_of_it()),
                ElementsAre("perf:package-0", "perf:package-0/dram"));
}

}  // namespace
}  // namespace finewatt
