#include "finewatt/carbon/embodied.h"

#include "finewatt/testing/matchers.h"

#include <limits>
#include <random>

namespace finewatt {
namespace {

using std::chrono::hours;
using std::chrono::nanoseconds;
using ::testing::HasSubstr;

constexpr int kHoursPerYear = 8766;  // of 365.25 days

EmbodiedCarbon embodied(nanoseconds used, const EmbodiedOptions& options) {
    const Result<EmbodiedCarbon> result = embodied_of(used, options);
    EXPECT_OK(result);
    return result ? *result : EmbodiedCarbon{};
}

EmbodiedOptions own(double server_kg, double years) {
    EmbodiedOptions options;
    options.server_given = GivenFootprint{server_kg};
    options.lifetime_years = years;
    return options;
}

RunRecord run_with_gpus() {
    RunRecord run;
    run.duration_s = 3600;
    ComponentEnergy gpu;
    gpu.component = "gpu";
    gpu.device = "GPU 0";
    ComponentEnergy memory = gpu;
    memory.source = "nvml:0:memory";
    ComponentEnergy other = gpu;
    other.device = "GPU 1";
    ComponentEnergy cpu;
    cpu.component = "cpu";
    run.energy.components = {gpu, memory, other, cpu};
    run.carbon_reason = "no place named";
    return run;
}

TEST(Embodied, IsTheShareOfTheLifetime) {
    // A quarter of four years of one server of 2,000 kg.
    const EmbodiedCarbon result = embodied(hours(kHoursPerYear), own(2000, 4));
    EXPECT_DOUBLE_EQ(result.kg, 500);
    EXPECT_DOUBLE_EQ(result.kg_low, 500);
    EXPECT_DOUBLE_EQ(result.kg_high, 500);
    EXPECT_EQ(result.provenance, "modelled");
}

TEST(Embodied, ReproducesBloomsHourlyFigures) {
    // Luccioni et al. 2022: 0.056 kg an hour for a server, 0.003 for a GPU; six years, used 85 %.
    EmbodiedOptions options;
    options.server = "hpe-dl345-gen10plus";
    options.lifetime_years = 6;
    options.use_share = 0.85;
    EXPECT_NEAR(embodied(hours(1), options).kg, 0.056, 0.0005);
    options.accelerators = 1;
    options.accelerator = "gpu-bloom";
    const double with_gpu = embodied(hours(1), options).kg;
    options.accelerators = 0;
    EXPECT_NEAR(with_gpu - embodied(hours(1), options).kg, 0.003, 0.0005);
}

TEST(Embodied, AcceleratorsAndTheReservedShareCount) {
    EmbodiedOptions options = own(1000, 1);
    options.server_share = 0.25;
    options.accelerators = 2;
    options.accelerator_given = GivenFootprint{100, 80, 150};
    const EmbodiedCarbon result = embodied(hours(kHoursPerYear), options);
    EXPECT_DOUBLE_EQ(result.kg, 450);
    EXPECT_DOUBLE_EQ(result.kg_low, 410);
    EXPECT_DOUBLE_EQ(result.kg_high, 550);
    EXPECT_THAT(result.source, HasSubstr("0.25 x own figure 1000 kg"));
    EXPECT_THAT(result.source, HasSubstr("2 x own figure 100 kg (80 to 150)"));
    EXPECT_THAT(result.source, HasSubstr("over 1 years"));
}

TEST(Embodied, DefaultsAreAssumedAndHaveARange) {
    const EmbodiedCarbon cpu_only = embodied(hours(kHoursPerYear), {});
    EXPECT_EQ(cpu_only.provenance, "assumed");
    EXPECT_DOUBLE_EQ(cpu_only.kg, 2500.0 / 4);
    EXPECT_DOUBLE_EQ(cpu_only.kg_low, 1000.0 / 6);
    EXPECT_DOUBLE_EQ(cpu_only.kg_high, 5700.0 / 3);
    EXPECT_THAT(cpu_only.source, HasSubstr("Luccioni"));
    EXPECT_THAT(cpu_only.source, HasSubstr("over 4 years (3 to 6)"));
    EmbodiedOptions options;
    options.accelerators = 4;
    EXPECT_DOUBLE_EQ(embodied(hours(kHoursPerYear), options).kg, (3000.0 + 4 * 164) / 4);
}

TEST(Embodied, NamedHardwareWithAKnownLifetimeIsModelled) {
    EmbodiedOptions options;
    options.server = "AWS-P5-Host";
    options.accelerator = "h100";
    options.accelerators = 8;
    options.lifetime_years = 5;
    EXPECT_EQ(embodied(hours(1), options).provenance, "modelled");
    options.accelerator = "accelerator";
    EXPECT_EQ(embodied(hours(1), options).provenance, "assumed");
}

TEST(Embodied, PartsOfAServerAddUp) {
    // Cloud Carbon Footprint: 1000 base, a second CPU, 384 GB, one SSD, two hard disks.
    ASSERT_OK_AND_ASSIGN(const HardwareFootprint server, server_from_parts({2, 384, 1, 2}));
    EXPECT_NEAR(server.kg, 1000 + 100 + 533.0 * (384 - 16) / 384 + 100 + 100, 1e-9);
    EXPECT_DOUBLE_EQ(server.kg_low, server.kg / 2);
    EXPECT_DOUBLE_EQ(server.kg_high, server.kg * 2);
    ASSERT_OK_AND_ASSIGN(const HardwareFootprint small, server_from_parts({1, 8, 0, 0}));
    EXPECT_DOUBLE_EQ(small.kg, 1000);
    EmbodiedOptions options;
    options.server_parts = ServerParts{2, 384, 1, 2};
    options.lifetime_years = 1;
    EXPECT_NEAR(embodied(hours(kHoursPerYear), options).kg, server.kg, 1e-9);
    EXPECT_ERROR(kInvalidArgument, server_from_parts({0, 8, 0, 0}), "found 0 CPUs");
    EXPECT_ERROR(kInvalidArgument, server_from_parts({1, -8, 0, 0}), "-8 GB");
    EXPECT_ERROR(kInvalidArgument, server_from_parts({1, 8, -1, 0}), "-1 SSDs");
}

TEST(Embodied, UnknownHardwareListsNearMatches) {
    EXPECT_ERROR(kNotFound, hardware_footprint("a10"), "near matches: a100");
    EXPECT_ERROR(kNotFound, hardware_footprint("'; DROP TABLE runs"), "there are: server, ");
    EmbodiedOptions options;
    options.server = "a100";
    EXPECT_ERROR(kInvalidArgument, embodied_of(hours(1), options),
                 "expected a kind of server, found accelerator");
    options = {};
    options.accelerator = "laptop";
    EXPECT_ERROR(kInvalidArgument, embodied_of(hours(1), options),
                 "expected a kind of accelerator");
}

TEST(Embodied, ValuesOutOfRangeAreRefused) {
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    EXPECT_ERROR(kInvalidArgument, embodied_of(hours(-1), {}), "a time of 0 s or more");
    EmbodiedOptions options;
    options.accelerators = -1;
    EXPECT_ERROR(kInvalidArgument, embodied_of(hours(1), options), "found 3600 s and -1");
    for (const double bad : {0.0, -0.5, 1.1, kNan}) {
        options = {};
        options.server_share = bad;
        EXPECT_ERROR(kInvalidArgument, embodied_of(hours(1), options), "share of the server");
        options = {};
        options.use_share = bad;
        EXPECT_ERROR(kInvalidArgument, embodied_of(hours(1), options), "share of its life");
    }
    for (const double bad : {0.0, -4.0, 101.0, kNan}) {
        options = {};
        options.lifetime_years = bad;
        EXPECT_ERROR(kInvalidArgument, embodied_of(hours(1), options), "lifetime of the hardware");
    }
    for (const GivenFootprint bad : {GivenFootprint{-1}, GivenFootprint{1e7}, GivenFootprint{kNan},
                                     GivenFootprint{10, 11, 12}, GivenFootprint{10, 5, 9}}) {
        options = {};
        options.server_given = bad;
        EXPECT_ERROR(kInvalidArgument, embodied_of(hours(1), options), "0 <= low <= kg <= high");
    }
}

TEST(Embodied, TableIsSound) {
    ASSERT_OK_AND_ASSIGN(const auto rows, hardware_footprints());
    EXPECT_GE(rows.size(), 10U);
    for (const HardwareFootprint& row : rows) {
        EXPECT_TRUE(row.kind == "server" || row.kind == "accelerator") << row.name;
        EXPECT_TRUE(row.provenance == "modelled" || row.provenance == "assumed") << row.name;
        EXPECT_TRUE(0 < row.kg_low && row.kg_low <= row.kg && row.kg <= row.kg_high) << row.name;
        EXPECT_FALSE(row.source.empty()) << row.name;
    }
}

TEST(SetEmbodied, CountsTheGpusOfTheRecordOnce) {
    RunRecord run = run_with_gpus();
    ASSERT_OK(set_embodied(run, {}));
    EmbodiedOptions two;
    two.accelerators = 2;
    EXPECT_DOUBLE_EQ(*run.carbon->embodied_kg, embodied(hours(1), two).kg);
    EXPECT_EQ(run.carbon->embodied_provenance, "assumed");
    EXPECT_LT(*run.carbon->embodied_kg_low, *run.carbon->embodied_kg);
}

TEST(SetEmbodied, WithoutAPlaceTheOperationalPartStaysUnknownWithItsReason) {
    RunRecord run = run_with_gpus();
    ASSERT_OK(set_embodied(run, {}));
    EXPECT_EQ(run.carbon->co2_kg, std::nullopt);
    EXPECT_EQ(run.carbon->reason, "no place named");
    EXPECT_EQ(run.carbon_reason, std::nullopt);
}

TEST(SetEmbodied, KeepsTheOperationalPart) {
    RunRecord run = run_with_gpus();
    run.carbon = CarbonSummary{};
    run.carbon->co2_kg = 1;
    run.carbon_reason.reset();
    ASSERT_OK(set_embodied(run, {}));
    EXPECT_EQ(run.carbon->co2_kg, 1);
    EXPECT_EQ(run.carbon->reason, std::nullopt);
}

TEST(SetEmbodied, RunWithoutADurationHasAReasonAndNoFigure) {
    RunRecord run = run_with_gpus();
    run.duration_s.reset();
    ASSERT_OK(set_embodied(run, {}));
    EXPECT_EQ(run.carbon->embodied_kg, std::nullopt);
    EXPECT_THAT(*run.carbon->embodied_reason, HasSubstr("duration is unknown"));
}

TEST(SetEmbodied, AFailureLeavesTheRunUnchanged) {
    RunRecord run = run_with_gpus();
    EmbodiedOptions options;
    options.server = "abacus";
    EXPECT_ERROR(kNotFound, set_embodied(run, options), "abacus");
    EXPECT_FALSE(run.carbon.has_value());
}

TEST(EmbodiedProperty, GrowsInProportionToTimeAndStaysInItsRange) {
    std::mt19937_64 random(20261123);
    std::uniform_int_distribution<int> some_hours(0, 10'000);
    std::uniform_int_distribution<int> some_cards(0, 16);
    for (int round = 0; round < 50; ++round) {
        EmbodiedOptions options;
        options.accelerators = some_cards(random);
        const int a = some_hours(random);
        const int b = some_hours(random);
        const EmbodiedCarbon sum = embodied(hours(a + b), options);
        EXPECT_NEAR(sum.kg, embodied(hours(a), options).kg + embodied(hours(b), options).kg,
                    1e-9 * sum.kg + 1e-15);
        EXPECT_LE(sum.kg_low, sum.kg);
        EXPECT_LE(sum.kg, sum.kg_high);
    }
}

}  // namespace
}  // namespace finewatt
