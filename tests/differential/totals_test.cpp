// What a total counts on machines that show the same energy in several places: each joule once.

#include "finewatt/meter/energy_total.h"
#include "finewatt/sensor/discovery.h"
#include "finewatt/testing/matchers.h"

#include <set>

#include "rapl_machine.h"

namespace finewatt {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using testing::FakeMachine;
using testing::FakePerf;
using testing::FakeProcessor;
using ::testing::UnorderedElementsAre;
using testing::write_chip;
using testing::write_cpus;
using testing::write_pmu;
using testing::write_zone;

constexpr unsigned kType = 32;
const FakeProcessor kEpyc{"AuthenticAMD", 25, 1, "AMD EPYC 7763 64-Core Processor", 64};

struct Machine : FakeMachine {
    FakePerf perf{tree};

    /// The ids of the channels that a total would add up.
    std::vector<std::string> counted(bool all_sources) {
        DiscoveryOptions made = options();
        made.perf = perf.calls();
        made.all_sources = all_sources;
        const Discovery found = discover(made);
        std::vector<ChannelSpec> channels;
        std::set<std::string> ids;
        for (const auto& source : found.sources) {
            for (const ChannelSpec& channel : source->channels()) {
                channels.push_back(channel);
                EXPECT_TRUE(ids.insert(channel.id).second) << channel.id << " twice";
            }
        }
        std::vector<std::string> counted_ids;
        for (const std::size_t i : choose_channels(channels).counted) {
            counted_ids.push_back(channels[i].id);
        }
        return counted_ids;
    }

    void write_arm() const {
        tree.write("/proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x41\n");
        tree.write("/proc/stat", testing::stat_text(10));
        tree.write("/proc/meminfo", "MemTotal:       32768000 kB\n");
    }
};

TEST(CountedOnce, ADesktopWithEveryRaplDomainInThreePlaces) {
    for (const bool all : {false, true}) {
        Machine machine;
        write_cpus(machine.tree, {"GenuineIntel", 6, 0x97, "12th Gen Intel(R) Core(TM) i7", 12},
                   {{0, 0}, {0, 0}});
        write_pmu(machine.tree, "power", kType, "0",
                  {{"energy-cores", "event=0x01"},
                   {"energy-pkg", "event=0x02"},
                   {"energy-ram", "event=0x03"},
                   {"energy-gpu", "event=0x04"},
                   {"energy-psys", "event=0x05"}});
        for (std::uint64_t config = 1; config <= 5; ++config) {
            machine.perf.set(kType, config, 0, 10);
        }
        write_zone(machine.tree, {"intel-rapl:0", "package-0"});
        write_zone(machine.tree, {"intel-rapl:0:0", "core"});
        write_zone(machine.tree, {"intel-rapl:0:1", "uncore"});
        write_zone(machine.tree, {"intel-rapl:0:2", "dram"});
        write_zone(machine.tree, {"intel-rapl:1", "psys"});
        write_zone(machine.tree, {"intel-rapl-mmio:0", "package-0"});
        testing::write_registers(
            machine.tree, 0,
            {{0x606, 0xA0E03}, {0x611, 1}, {0x619, 1}, {0x639, 1}, {0x641, 1}, {0x64D, 1}});
        EXPECT_THAT(machine.counted(all), ElementsAre("perf:package-0", "perf:package-0/dram"));
    }
}

TEST(CountedOnce, TwoDiesOfTwoSockets) {
    for (const bool all : {false, true}) {
        Machine machine;
        write_cpus(machine.tree, {}, {{0, 0}, {0, 1}, {1, 0}, {1, 1}});
        write_pmu(machine.tree, "power", kType, "0-3", {{"energy-pkg", "event=0x02"}});
        int zone = 0;
        for (const std::string name :
             {"package-0-die-0", "package-0-die-1", "package-1-die-0", "package-1-die-1"}) {
            machine.perf.set(kType, 2, zone, 10);
            write_zone(machine.tree,
                       {fmt::format("intel-rapl:{}", zone), name, fmt::format("{}\n", 700 + zone)});
            ++zone;
        }
        EXPECT_THAT(
            machine.counted(all),
            UnorderedElementsAre("perf:package-0-die-0", "perf:package-0-die-1",
                                 "perf:package-1-die-0", "perf:package-1-die-1", "ram-model"));
    }
}

TEST(CountedOnce, AnEpycWithEveryDriverThatAmdEverHad) {
    for (const bool all : {false, true}) {
        Machine machine;
        write_cpus(machine.tree, kEpyc, {{0, 0}, {0, 0}});
        machine.tree.write("/proc/sys/kernel/osrelease", "6.14.0\n");
        write_pmu(machine.tree, "power", kType, "0", {{"energy-pkg", "event=0x02"}});
        write_pmu(machine.tree, "power_core", kType + 1, "0-1", {{"energy-core", "event=0x01"}});
        machine.perf.set(kType, 2, 0, 10);
        machine.perf.set(kType + 1, 1, 0, 10);
        machine.perf.set(kType + 1, 1, 1, 10);
        write_zone(machine.tree, {"intel-rapl:0", "package-0"});
        write_zone(machine.tree, {"intel-rapl:0:0", "core"});
        testing::write_registers(machine.tree, 0, {{0xC0010299, 0xA1003}, {0xC001029B, 70}});
        write_chip(machine.tree, "hwmon0", "amd_energy",
                   {{"energy1_label", "Esocket0"}, {"energy1_input", "5"}});
        write_chip(machine.tree, "hwmon1", "zenpower",
                   {{"power1_label", "RAPL_P_Package"}, {"power1_input", "10000000"}});
        write_chip(machine.tree, "hwmon2", "amdgpu",
                   {{"power1_average", "15000000"}, {"power1_label", "PPT"}}, "0000:c5:00.0");
        EXPECT_THAT(machine.counted(all), UnorderedElementsAre("perf:package-0", "ram-model"));
    }
}

TEST(CountedOnce, ACrayNodeWithRaplAndTwoSockets) {
    for (const bool all : {false, true}) {
        Machine machine;
        write_cpus(machine.tree, kEpyc, {{0, 0}, {1, 0}});
        write_zone(machine.tree, {"intel-rapl:0", "package-0"});
        write_zone(machine.tree, {"intel-rapl:1", "package-1"});
        for (const std::string file : {"energy", "cpu_energy", "memory_energy", "accel0_energy"}) {
            machine.tree.write("/sys/cray/pm_counters/" + file, "100 J 5 us\n");
        }
        EXPECT_THAT(machine.counted(all),
                    UnorderedElementsAre("powercap:package-0", "powercap:package-1",
                                         "cray:memory_energy", "cray:accel0_energy"));
    }
}

TEST(CountedOnce, AGraceModule) {
    for (const bool all : {false, true}) {
        Machine machine;
        machine.write_arm();
        int chip = 0;
        for (const std::string rail : {"Module", "Grace", "CPU", "SysIO"}) {
            for (const int socket : {0, 1}) {
                write_chip(machine.tree, fmt::format("hwmon{}", chip++), "power_meter",
                           {{"power1_oem_info", fmt::format("{} Power Socket {}", rail, socket)},
                            {"power1_average", "90000000"}});
            }
        }
        EXPECT_THAT(machine.counted(all),
                    UnorderedElementsAre("power_meter:grace-0", "power_meter:grace-1"));
    }
}

TEST(CountedOnce, AJetsonCountsItsRailsOrItsInputNeverBoth) {
    for (const bool all : {false, true}) {
        Machine orin;
        orin.write_arm();
        write_chip(orin.tree, "hwmon1", "ina3221",
                   {{"in1_label", "VDD_IN"},
                    {"power1_input", "10000000"},
                    {"in2_label", "VDD_CPU_GPU_CV"},
                    {"power2_input", "5000000"},
                    {"in3_label", "VDD_SOC"},
                    {"power3_input", "3000000"}});
        EXPECT_THAT(orin.counted(all), ElementsAre("ina3221:VDD_IN"));

        Machine tx2;
        tx2.write_arm();
        write_chip(tx2.tree, "hwmon1", "ina3221",
                   {{"in1_label", "VDD_IN"},
                    {"power1_input", "10000000"},
                    {"in2_label", "VDD_SYS_CPU"},
                    {"power2_input", "5000000"},
                    {"in3_label", "VDD_SYS_GPU"},
                    {"power3_input", "3000000"}});
        write_chip(tx2.tree, "hwmon2", "ina3221",
                   {{"in1_label", "VDD_SYS_DDR"}, {"power1_input", "1000000"}});
        EXPECT_THAT(tx2.counted(all),
                    UnorderedElementsAre("ina3221:VDD_SYS_CPU", "ina3221:VDD_SYS_GPU",
                                         "ina3221:VDD_SYS_DDR"));
    }
}

TEST(CountedOnce, CoresWhosePackageIsDeniedAreInsideTheModel) {
    for (const bool all : {false, true}) {
        Machine machine;
        write_cpus(machine.tree, {}, {{0, 0}});
        write_zone(machine.tree, {"intel-rapl:0", "package-0"});
        write_zone(machine.tree, {"intel-rapl:0:0", "core"});
        write_zone(machine.tree, {"intel-rapl:0:1", "dram"});
        machine.denied = {"intel-rapl:0/energy_uj"};
        EXPECT_THAT(machine.counted(all),
                    UnorderedElementsAre("powercap:package-0/dram", "cpu-model"));
    }
}

TEST(CountedOnce, AWholeNodeMeterStaysBesideTheTotal) {
    for (const bool all : {false, true}) {
        Machine machine;
        write_cpus(machine.tree, {}, {{0, 0}});
        write_zone(machine.tree, {"intel-rapl:0", "package-0"});
        write_zone(machine.tree, {"intel-rapl:0:0", "dram"});
        write_chip(machine.tree, "hwmon1", "power_meter", {{"power1_average", "310000000"}});
        EXPECT_THAT(machine.counted(all),
                    UnorderedElementsAre("powercap:package-0", "powercap:package-0/dram"));
    }
}

TEST(CountedOnce, ALoneNodeMeterIsTheTotalWhereModelsAreOff) {
    Machine machine;
    write_chip(machine.tree, "hwmon1", "power_meter", {{"power1_average", "310000000"}});
    EXPECT_THAT(machine.counted(false), ElementsAre("power_meter:node-0"))
        << "an empty tree gives no model anything to model";
}

}  // namespace
}  // namespace finewatt
