// Whatever a sensor file holds, no source may crash, and a good reading must be a number that the
// sensor can mean: inside the range of its counter, or a power that a machine can draw.

#include "finewatt/sensor/discovery.h"
#include "finewatt/testing/fake_sensors.h"
#include "finewatt/testing/matchers.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

namespace finewatt {
namespace {

using testing::FakeMachine;
using testing::FakePerf;
using testing::FakeProcessor;
using testing::write_chip;
using testing::write_cpus;
using testing::write_pmu;
using testing::write_registers;
using testing::write_zone;

constexpr unsigned kType = 32;

/// A machine that shows one of every sensor.
struct FullMachine : FakeMachine {
    FakePerf perf{tree};

    FullMachine() {
        write_cpus(tree, {"GenuineIntel", 6, 0x9E, "Intel(R) Core(TM) i7-8700 CPU", 6},
                   {{0, 0}, {0, 0}});
        tree.write("/proc/sys/kernel/osrelease", "6.1.0\n");
        write_pmu(tree, "power", kType, "0",
                  {{"energy-pkg", "event=0x02"}, {"energy-ram", "event=0x03"}});
        perf.set(kType, 2, 0, 1000);
        perf.set(kType, 3, 0, 1000);
        write_registers(tree, 0, {{0x606, 0xA0E03}, {0x611, 11}, {0x619, 12}});
        write_zone(tree, {"intel-rapl:0", "package-0"});
        write_zone(tree, {"intel-rapl:0:0", "dram"});
        write_chip(tree, "hwmon0", "amd_energy",
                   {{"energy1_label", "Esocket0"}, {"energy1_input", "5"}});
        write_chip(tree, "hwmon1", "zenpower",
                   {{"power1_label", "SVI2_P_Core"},
                    {"power1_input", "40000000"},
                    {"power2_label", "SVI2_P_SoC"},
                    {"power2_input", "5000000"}});
        write_chip(tree, "hwmon2", "power_meter",
                   {{"power1_oem_info", "Grace Power Socket 0"},
                    {"power1_average", "90000000"},
                    {"power1_average_interval", "50"}});
        write_chip(tree, "hwmon3", "ina3221",
                   {{"in1_label", "VDD_IN"}, {"in1_input", "5000"}, {"curr1_input", "2000"}});
        write_chip(tree, "hwmon4", "amdgpu",
                   {{"power1_average", "200000000"}, {"power1_cap", "300000000"}});
        write_chip(tree, "hwmon5", "xe", {{"energy1_label", "card"}, {"energy1_input", "900"}});
        for (const std::string file : {"energy", "cpu_energy", "memory_energy"}) {
            tree.write("/sys/cray/pm_counters/" + file, "100 J 5 us\n");
        }
        tree.write("/sys/cray/pm_counters/freshness", "7\n");
    }

    DiscoveryOptions all_options() {
        DiscoveryOptions made = options();
        made.perf = perf.calls();
        made.all_sources = true;
        return made;
    }

    /// A file's path as the kernel would name it.
    std::string relative(const std::filesystem::path& file) const {
        return file.string().substr(tree.path().string().size());
    }

    /// Every file of the tree, in a fixed order.
    std::vector<std::filesystem::path> files() const {
        std::vector<std::filesystem::path> found;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(tree.path())) {
            if (entry.is_regular_file()) {
                found.push_back(entry.path());
            }
        }
        std::sort(found.begin(), found.end());
        return found;
    }
};

std::string garbage(std::mt19937_64& random) {
    static const std::vector<std::string> kTexts{"",
                                                 "\n",
                                                 "-1\n",
                                                 "-9223372036854775808\n",
                                                 "18446744073709551615\n",
                                                 "18446744073709551616\n",
                                                 "4294967295000\n",
                                                 "1e5\n",
                                                 "0x10\n",
                                                 "nan\n",
                                                 "inf\n",
                                                 "12 34\n",
                                                 " \t \n",
                                                 "1.5\n",
                                                 "event=0x02,foo\n",
                                                 "0-4294967295\n",
                                                 "65536\n",
                                                 "%s%n\n",
                                                 "Joules",
                                                 std::string("\0\0\0\0", 4),
                                                 std::string(5000, '9'),
                                                 std::string(40, ' ') + "7"};
    const std::uint64_t pick = random() % (kTexts.size() + 2);
    if (pick < kTexts.size()) {
        return kTexts[pick];
    }
    if (pick == kTexts.size()) {
        return std::to_string(random()) + "\n";
    }
    std::string bytes(random() % 64, '\0');
    for (char& byte : bytes) {
        byte = static_cast<char>(random() & 0xFF);
    }
    return bytes;
}

/// Whether a good reading can be meant by the sensor.
void expect_sense(const ChannelSpec& channel, const Reading& reading, const std::string& context) {
    if (reading.outcome != PollOutcome::kOk) {
        EXPECT_FALSE(reading.error.empty()) << channel.id << " " << context;
        return;
    }
    EXPECT_TRUE(reading.error.empty()) << channel.id << " " << context;
    if (channel.kind == ChannelKind::kGauge) {
        const double watts = static_cast<double>(reading.raw) * channel.unit_size;
        EXPECT_LE(watts, 10 * channel.max_power_w.value_or(0)) << channel.id << " " << context;
    } else if (channel.range) {
        EXPECT_LT(reading.raw, *channel.range) << channel.id << " " << context;
    }
}

void expect_sensible_readings(Source& source, const std::string& context) {
    const auto readings = testing::poll_all(source);
    for (std::size_t i = 0; i < readings.size(); ++i) {
        expect_sense(source.channels()[i], readings[i], context);
    }
}

void expect_sane_specs(const Source& source, const std::string& context) {
    for (const ChannelSpec& channel : source.channels()) {
        EXPECT_FALSE(channel.id.empty()) << context;
        EXPECT_GT(channel.unit_size, 0) << channel.id << " " << context;
        EXPECT_TRUE(std::isfinite(channel.unit_size)) << channel.id << " " << context;
        EXPECT_GE(channel.resolution_raw, 1) << channel.id << " " << context;
        EXPECT_TRUE(!channel.max_power_w || *channel.max_power_w > 0) << channel.id;
        EXPECT_TRUE(!channel.window_ms || *channel.window_ms > 0) << channel.id << " " << context;
    }
}

TEST(SensorGarbage, TheFullMachineShowsEverySourceBeforeItIsSpoilt) {
    FullMachine machine;
    std::vector<std::string> names;
    for (const auto& source : discover(machine.all_options()).sources) {
        names.emplace_back(source->name());
    }
    EXPECT_THAT(names,
                ::testing::IsSupersetOf({"perf", "powercap", "msr", "amd_energy", "cray", "xe",
                                         "power_meter", "amdgpu", "zenpower", "ina3221"}));
}

TEST(SensorGarbage, SpoiltBeforeTheProbeNeverGivesNonsense) {
    FullMachine machine;
    const auto files = machine.files();
    std::mt19937_64 random(20261123);
    for (int round = 0; round < 200; ++round) {
        std::map<std::string, std::string> before;
        std::string context = fmt::format("round {}:", round);
        for (std::uint64_t i = 0; i <= random() % 3; ++i) {
            const std::string relative = machine.relative(files[random() % files.size()]);
            ASSERT_OK_AND_ASSIGN(const std::string text,
                                 read_file(machine.tree.path() / relative.substr(1)));
            before.emplace(relative, text);
            machine.tree.write(relative, garbage(random));
            context += " " + relative;
        }
        const Discovery found = discover(machine.all_options());
        for (const auto& source : found.sources) {
            expect_sane_specs(*source, context);
            expect_sensible_readings(*source, context);
        }
        for (const SourceReport& report : found.reports) {
            EXPECT_FALSE(report.why.empty()) << report.source << " " << context;
        }
        for (const auto& [relative, text] : before) {
            machine.tree.write(relative, text);
        }
    }
}

TEST(SensorGarbage, SpoiltAfterTheProbeIsARetryOrAGoodNumber) {
    FullMachine machine;
    const Discovery found = discover(machine.all_options());
    const auto files = machine.files();
    std::mt19937_64 random(4);
    for (int round = 0; round < 300; ++round) {
        const std::string relative = machine.relative(files[random() % files.size()]);
        const Result<std::string> before = read_file(machine.tree.path() / relative.substr(1));
        ASSERT_OK(before);
        machine.tree.write(relative, garbage(random));
        for (const auto& source : found.sources) {
            expect_sensible_readings(*source, relative);
        }
        machine.tree.write(relative, *before);
    }
}

}  // namespace
}  // namespace finewatt
