// Perf, powercap and registers show the same counters: over one run they must give one energy.

#include "finewatt/meter/meter.h"
#include "finewatt/meter/replay.h"
#include "finewatt/sensor/discovery.h"
#include "finewatt/testing/matchers.h"

#include <chrono>
#include <map>
#include <thread>

#include "rapl_machine.h"

namespace finewatt {
namespace {

using testing::ManualClock;
using testing::RaplMachine;

// Powercap cuts the unit 61,035.156 nJ to 61,035 nJ: 2.6 parts in a million.
constexpr double kPowercapGain = 3e-6;

std::string json_number(const std::optional<std::uint64_t>& value) {
    return value ? fmt::format("{}", *value) : "null";
}

std::string trace_header(const std::vector<std::unique_ptr<Source>>& sources) {
    std::string channels;
    for (const auto& source : sources) {
        for (const ChannelSpec& spec : source->channels()) {
            const std::string size =
                spec.unit == "ticks" ? fmt::format(R"("joules_per_tick":{},)", spec.unit_size) : "";
            channels += fmt::format(
                R"({}{{"id":"{}","kind":"counter","unit":"{}",{}"range":{},"max_power_w":{},)"
                R"("domain":"{}","device":"{}","update_ms":{}}})",
                channels.empty() ? "" : ",", spec.id, spec.unit, size, json_number(spec.range),
                spec.max_power_w.value(), domain_name(spec.domain), spec.device,
                spec.update_ms.value());
        }
    }
    return fmt::format(
               R"({{"finewatt_trace":1,"started_at":"2026-11-23T00:00:00Z","channels":[{}]}})",
               channels) +
           "\n";
}

std::string trace_lines(const std::vector<std::unique_ptr<Source>>& sources) {
    std::string lines;
    for (const auto& source : sources) {
        const std::vector<Reading> readings = testing::poll_all(*source);
        for (std::size_t i = 0; i < readings.size(); ++i) {
            EXPECT_EQ(readings[i].outcome, PollOutcome::kOk) << source->channels()[i].id;
            lines +=
                fmt::format("{{\"t_ns\":{},\"id\":\"{}\",\"raw\":{}}}\n", readings[i].time.as_ns(),
                            source->channels()[i].id, readings[i].raw);
        }
    }
    return lines;
}

TEST(SensorDifference, PerfPowercapAndRegistersAgreeOverAWrap) {
    RaplMachine server;
    ManualClock clock;
    const Discovery found = discover(server.options(clock));
    std::string trace = trace_header(found.sources);
    trace += trace_lines(found.sources);
    for (std::uint64_t step = 0; step < 20; ++step) {
        clock.advance(std::chrono::seconds(1));
        server.consume(0, "package", 2'000'000 + 100'000 * step);  // 122 W and rising
        server.consume(1, "package", 900'000);
        server.consume(0, "dram", 150'000);
        server.consume(1, "dram", 170'001);
        server.show();
        trace += trace_lines(found.sources);
    }
    const auto file = server.machine.tree.write("/trace.jsonl", trace);
    ASSERT_OK_AND_ASSIGN(const ReplayResult result, replay_file(file));

    std::map<std::string, ChannelEnergy> energy_of;
    for (std::size_t i = 0; i < result.specs.size(); ++i) {
        energy_of[result.specs[i].id] = result.channels[i];
    }
    double total_j = 0;
    for (const int socket : {0, 1}) {
        for (const std::string domain : {"package", "dram"}) {
            const std::string zone =
                fmt::format("package-{}{}", socket, domain == "dram" ? "/dram" : "");
            const double truth_j = server.consumed_j(socket, domain);
            total_j += truth_j;
            for (const std::string source : {"perf", "powercap", "msr"}) {
                const ChannelEnergy& energy = energy_of.at(source + ":" + zone);
                ASSERT_TRUE(energy.energy) << source << zone << energy.reason.value_or("");
                const double allowed_j = source == "powercap" ? truth_j * kPowercapGain + 2e-6 : 0;
                EXPECT_NEAR(energy.energy->as_joules(), truth_j, allowed_j + 1e-9)
                    << source << " " << zone;
                const bool is_wrapped = domain == "package" && source != "perf";
                EXPECT_EQ(energy.wraps, is_wrapped ? 1U : 0U) << source << " " << zone;
                EXPECT_LE(energy.energy_low.value().as_joules(), truth_j);
                EXPECT_GE(energy.energy_high.value().as_joules(), truth_j);
            }
        }
    }
    ASSERT_TRUE(result.total.energy);
    EXPECT_NEAR(result.total.energy->as_joules(), total_j, 1e-9) << "each counter counts once";
    for (const std::size_t counted : result.selection.counted) {
        EXPECT_EQ(result.specs[counted].id.rfind("perf:", 0), 0U) << result.specs[counted].id;
    }
}

TEST(SensorDifference, TheLiveMeterSeesOneEnergyInAllThree) {
    RaplMachine server(1'000'000);
    const SystemClock clock;
    Discovery found = discover(server.options(clock));
    MeterOptions options;
    options.interval = std::chrono::milliseconds(5);
    ASSERT_OK_AND_ASSIGN(const auto meter, Meter::start(std::move(found.sources), options, clock));
    for (int step = 0; step < 10; ++step) {
        server.consume(0, "package", 300);
        server.consume(1, "package", 200);
        server.consume(0, "dram", 50);
        // A file that is being written reads as garbage: a gap, which the next reading covers.
        server.show();
    }
    const MeterResult result = meter->stop();
    std::map<std::string, double> energy_j;
    std::size_t counted = 0;
    for (const ComponentEnergy& component : result.energy.components) {
        ASSERT_TRUE(component.energy) << component.source << component.reason.value_or("");
        energy_j[component.source] = component.energy->as_joules();
        counted += component.counted ? 1 : 0;
    }
    for (const std::string zone : {"package-0", "package-1", "package-0/dram", "package-1/dram"}) {
        EXPECT_NEAR(energy_j.at("perf:" + zone), energy_j.at("msr:" + zone), 1e-9) << zone;
        EXPECT_NEAR(energy_j.at("perf:" + zone), energy_j.at("powercap:" + zone), 1e-5) << zone;
    }
    EXPECT_NEAR(energy_j.at("perf:package-0"), server.consumed_j(0, "package"), 1e-9);
    EXPECT_EQ(counted, 4U);
    const double truth_j = server.consumed_j(0, "package") + server.consumed_j(1, "package") +
                           server.consumed_j(0, "dram");
    ASSERT_TRUE(result.energy.energy) << result.energy.reason.value_or("");
    EXPECT_NEAR(result.energy.energy->as_joules(), truth_j, 1e-9);
}

}  // namespace
}  // namespace finewatt
