#include "finewatt/sensor/ram_model_source.h"

#include "finewatt/testing/fake_machine.h"
#include "finewatt/testing/matchers.h"

#include <array>

namespace finewatt {
namespace {

using testing::FakeMachine;
using ::testing::HasSubstr;
using testing::poll_all;

TEST(MemTotal, IsReadInBytes) {
    EXPECT_EQ(parse_mem_total_bytes("MemTotal:       24684084 kB\nMemFree: 1 kB\n"),
              25'276'502'016U);
    for (const char* text :
         {"", "MemFree: 5 kB\n", "MemTotal: x kB\n", "MemTotal: 0 kB\n", "MemTotal: 5\n"}) {
        EXPECT_EQ(parse_mem_total_bytes(text), std::nullopt) << text;
    }
}

TEST(RamPower, RangeHoldsBothPublishedModels) {
    struct Row {
        double gib;
        double dimm_model_w;  // CodeCarbon 3.3.0
        double linear_model_w;
    };

    constexpr std::array<Row, 12> kRows{{{8, 10, 3},
                                         {16, 10, 6},
                                         {32, 20, 12},
                                         {64, 20, 24},
                                         {128, 38, 48},
                                         {251, 70, 94},
                                         {256, 38, 96},
                                         {376, 54, 141},
                                         {384, 54, 144},
                                         {512, 38, 192},
                                         {1024, 38, 384},
                                         {1536, 54, 576}}};
    for (const Row& row : kRows) {
        const RamPower power = ram_power(row.gib);
        // 0.5 W: the published figures are rounded to watts.
        EXPECT_LE(power.low_w, std::min(row.dimm_model_w, row.linear_model_w) + 0.5) << row.gib;
        EXPECT_GE(power.high_w, std::max(row.dimm_model_w, row.linear_model_w) - 0.5) << row.gib;
    }
}

TEST(RamPower, NeverFallsWithTheSize) {
    RamPower last;
    for (double gib = 0.25; gib <= 4096; gib += 0.25) {
        const RamPower power = ram_power(gib);
        ASSERT_GE(power.low_w, last.low_w) << gib;
        ASSERT_GE(power.best_w, last.best_w) << gib;
        ASSERT_GE(power.high_w, last.high_w) << gib;
        ASSERT_LE(power.low_w, power.best_w) << gib;
        ASSERT_LE(power.best_w, power.high_w) << gib;
        last = power;
    }
}

TEST(RamModelSource, EnergyIsConstantPowerTimesTime) {
    FakeMachine machine;
    machine.tree.write("/proc/meminfo", "MemTotal:       67108864 kB\n");  // 64 GiB
    const SourceProbe probe = RamModelSource::probe(machine.options(), "no dram zone");
    ASSERT_NE(probe.source, nullptr);
    machine.clock.advance(std::chrono::seconds(100));
    const Reading reading = poll_all(*probe.source)[0];
    EXPECT_NEAR(static_cast<double>(reading.raw) * 1e-6, ram_power(64).best_w * 100, 1e-5);
    const ChannelSpec& spec = probe.source->channels()[0];
    EXPECT_EQ(spec.domain, Domain::kDram);
    EXPECT_EQ(spec.provenance, Provenance::kModelled);
    const double best_w = ram_power(64).best_w;
    EXPECT_NEAR(best_w * (1 - spec.gain_error_low.value_or(0)), 20, 1e-9);
    EXPECT_NEAR(best_w * (1 + spec.gain_error_high.value_or(0)), 50, 1e-9);
    EXPECT_THAT(spec.reason, HasSubstr("no dram zone"));
}

TEST(RamModelSource, WithoutMeminfoMemoryIsUnmeasured) {
    FakeMachine machine;
    const SourceProbe probe = RamModelSource::probe(machine.options(), "no dram zone");
    EXPECT_EQ(probe.source, nullptr);
    ASSERT_EQ(probe.unmeasured.size(), 1U);
    EXPECT_EQ(probe.unmeasured[0].component, "dram");
}

}  // namespace
}  // namespace finewatt
