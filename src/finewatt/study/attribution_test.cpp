#include "finewatt/study/attribution.h"

#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

#include <random>

namespace finewatt {
namespace {

using ::testing::HasSubstr;

ComponentEnergy component(const std::string& source, const std::string& domain,
                          const std::string& device, double energy_j) {
    ComponentEnergy made;
    made.source = source;
    made.domain = domain;
    made.device = device;
    made.energy = joules(energy_j);
    made.energy_low = joules(0.99 * energy_j);
    made.energy_high = joules(1.01 * energy_j);
    return made;
}

EnergySummary sum_of(std::vector<ComponentEnergy> components) {
    EnergySummary energy;
    energy.energy = joules(0);
    energy.energy_low = joules(0);
    energy.energy_high = joules(0);
    for (const ComponentEnergy& part : components) {
        *energy.energy += *part.energy;
        *energy.energy_low += *part.energy_low;
        *energy.energy_high += *part.energy_high;
    }
    energy.components = std::move(components);
    return energy;
}

IdleBaseline baseline_of(const std::vector<ChannelIdle>& channels) {
    IdleBaseline baseline;
    baseline.id = "01KAQIDLE";
    baseline.channels = channels;
    return baseline;
}

MeasuredShares cpu_shares(double cpu_s, double machine_cpu_s) {
    MeasuredShares shares;
    shares.method = "cgroup";
    shares.cpu_s = cpu_s;
    shares.machine_cpu_s = machine_cpu_s;
    return shares;
}

TEST(Attribution, ActivePartIsSplitByCpuTimeAndRestIsALineOfItsOwn) {
    // 100 s; 100 W on the package, of which 30 W are rest; the run has 60 of 80 busy CPU seconds.
    const EnergySummary energy = sum_of({component("pkg", "package", "cpu0", 10'000)});
    const IdleBaseline baseline =
        baseline_of({{"pkg", "package", "cpu0", watts(30), watts(28), watts(32), "measured"}});
    const Attribution result = attribute_energy(energy, 100, cpu_shares(60, 80), &baseline, {});
    EXPECT_EQ(result.method, "cgroup");
    EXPECT_DOUBLE_EQ(*result.cpu_share, 0.75);
    EXPECT_DOUBLE_EQ(result.energy->as_joules(), 0.75 * 7000);
    EXPECT_DOUBLE_EQ(result.energy_low->as_joules(), 0.75 * (9900 - 3200));
    EXPECT_DOUBLE_EQ(result.energy_high->as_joules(), 0.75 * (10'100 - 2800));
    EXPECT_DOUBLE_EQ(result.idle_energy->as_joules(), 3000);
    EXPECT_EQ(result.provenance, "derived");
    EXPECT_FALSE(result.reason.has_value());
}

TEST(Attribution, WithoutBaselineItIsAShareOfTheWholeDownToTheLowestPowerSeen) {
    const EnergySummary energy = sum_of({component("pkg", "package", "cpu0", 10'000)});
    PowerSeries series;
    series.channel = "pkg";
    for (int i = 0; i <= 100; ++i) {
        series.t_s.push_back(i);
        series.power_w.push_back(i < 10 ? 40 : 106);
    }
    const std::vector<PowerSeries> all{series};
    const Attribution result = attribute_energy(energy, 100, cpu_shares(60, 80), nullptr, all);
    EXPECT_DOUBLE_EQ(result.energy->as_joules(), 7500);
    EXPECT_DOUBLE_EQ(result.energy_high->as_joules(), 0.75 * 10'100);
    EXPECT_DOUBLE_EQ(result.energy_low->as_joules(), 0.75 * (9900 - 4000));
    EXPECT_FALSE(result.idle_energy.has_value());
    EXPECT_THAT(result.reason.value_or(""), HasSubstr("no idle baseline"));
}

TEST(Attribution, WithoutBaselineAndSeriesTheRangeGoesDownToZero) {
    const EnergySummary energy = sum_of({component("pkg", "package", "cpu0", 10'000)});
    const Attribution result = attribute_energy(energy, 100, cpu_shares(60, 80), nullptr, {});
    EXPECT_EQ(result.energy_low->as_joules(), 0);
}

TEST(Attribution, GpuFollowsItsOwnProcesses) {
    const EnergySummary energy = sum_of({component("pkg", "package", "cpu0", 10'000),
                                         component("nvml:a", "gpu", "GPU-a", 20'000),
                                         component("nvml:b", "gpu", "GPU-b", 5000)});
    const IdleBaseline baseline =
        baseline_of({{"pkg", "package", "cpu0", watts(30), watts(30), watts(30), ""},
                     {"nvml:a", "gpu", "GPU-a", watts(50), watts(50), watts(50), ""},
                     {"nvml:b", "gpu", "GPU-b", watts(50), watts(50), watts(50), ""}});
    MeasuredShares shares = cpu_shares(10, 20);
    shares.gpu = {{"GPU-a", {0.8, 0.8, 0.8}}, {"GPU-b", {0, 0, 0}}};
    shares.gpu_share = 0.8;
    const Attribution result = attribute_energy(energy, 100, shares, &baseline, {});
    EXPECT_DOUBLE_EQ(result.energy->as_joules(), 0.5 * 7000 + 0.8 * 15'000 + 0);
    EXPECT_DOUBLE_EQ(result.idle_energy->as_joules(), 3000 + 5000 + 5000);
    EXPECT_DOUBLE_EQ(*result.gpu_share, 0.8);
}

TEST(Attribution, GpuWhoseProcessesCannotBeSeenCountsAsAWholeWithTheReason) {
    const EnergySummary energy = sum_of({component("nvml:a", "gpu", "GPU-a", 20'000)});
    MeasuredShares shares = cpu_shares(10, 20);
    shares.gpu_reason = "the driver cannot tell";
    const Attribution result = attribute_energy(energy, 100, shares, nullptr, {});
    EXPECT_DOUBLE_EQ(result.energy->as_joules(), 20'000);
    EXPECT_EQ(result.energy_low->as_joules(), 0);
    EXPECT_FALSE(result.gpu_share.has_value());
    EXPECT_THAT(result.reason.value_or(""), HasSubstr("whole devices: the driver cannot tell"));
}

TEST(Attribution, GpuThatNobodyUsedGivesNothing) {
    const EnergySummary energy = sum_of({component("nvml:a", "gpu", "GPU-a", 20'000)});
    const Attribution result = attribute_energy(energy, 100, cpu_shares(10, 20), nullptr, {});
    EXPECT_EQ(result.energy->as_joules(), 0);
}

TEST(Attribution, PartsOutsideTheTotalAreNotSplit) {
    EnergySummary energy = sum_of({component("pkg", "package", "cpu0", 10'000)});
    energy.components.push_back(component("core", "core", "cpu0", 9000));
    energy.components.back().counted = false;
    const Attribution result = attribute_energy(energy, 100, cpu_shares(60, 80), nullptr, {});
    EXPECT_DOUBLE_EQ(result.energy->as_joules(), 7500);
}

TEST(Attribution, UnknownIsNullWithAReason) {
    EnergySummary energy = sum_of({component("pkg", "package", "cpu0", 10'000)});
    MeasuredShares hidden;
    hidden.cpu_reason = "/proc/stat: not found";
    const Attribution no_share = attribute_energy(energy, 100, hidden, nullptr, {});
    EXPECT_FALSE(no_share.energy.has_value());
    EXPECT_THAT(no_share.reason.value_or(""), HasSubstr("/proc/stat"));
    energy.energy.reset();
    energy.reason = "counter reset";
    const Attribution no_total = attribute_energy(energy, 100, cpu_shares(1, 2), nullptr, {});
    EXPECT_FALSE(no_total.energy.has_value());
    EXPECT_DOUBLE_EQ(*no_total.cpu_share, 0.5) << "the share is known";
    EXPECT_THAT(no_total.reason.value_or(""), HasSubstr("counter reset"));
}

TEST(CpuShare, NothingBusyIsUnknownAndNotZero) {
    EXPECT_FALSE(cpu_share_of(cpu_shares(0, 0)).has_value());
    EXPECT_FALSE(cpu_share_of(MeasuredShares{}).has_value());
    EXPECT_EQ(cpu_share_of(cpu_shares(0, 5))->best, 0);
}

TEST(CpuShare, NeverExceedsTheMachineThoughTicksSayLess) {
    const auto share = cpu_share_of(cpu_shares(2.03, 1.98));
    EXPECT_EQ(share->best, 1);
    EXPECT_EQ(share->high, 1);
}

TEST(CpuShare, RangeHoldsWhatTicksHide) {
    MeasuredShares shares = cpu_shares(10, 20);
    shares.cpu_s_missing = 1;
    shares.machine_cpu_s_error = 0.5;
    const auto share = cpu_share_of(shares);
    EXPECT_DOUBLE_EQ(share->best, 0.5);
    EXPECT_DOUBLE_EQ(share->low, 10 / 20.5);
    EXPECT_DOUBLE_EQ(share->high, 11 / 19.5);
}

TEST(LowestPower, NeedsTwoStretchesOfASecond) {
    PowerSeries series;
    series.t_s = {0, 0.5, 1, 1.5};
    series.power_w = {5, 5, 5, 1};
    EXPECT_FALSE(lowest_power_w(series).has_value());
    series.t_s.push_back(2);
    series.power_w.push_back(3);
    EXPECT_EQ(lowest_power_w(series), 2);
}

TEST(AttributionProperty, SharesOfAllTreesNeverExceedTheNodeAndRangesHold) {
    std::mt19937_64 random(20261123);
    std::uniform_real_distribution<double> unit(0, 1);
    for (int round = 0; round < 500; ++round) {
        const double duration_s = 1 + 1000 * unit(random);
        std::vector<ComponentEnergy> parts;
        std::vector<ChannelIdle> idle;
        for (int i = 0; i < 3; ++i) {
            const std::string name = fmt::format("c{}", i);
            parts.push_back(
                component(name, i == 2 ? "gpu" : "package", name, duration_s * 300 * unit(random)));
            const double rest_w = 200 * unit(random);
            idle.push_back({name, "package", name, watts(rest_w), watts(0.9 * rest_w),
                            watts(1.1 * rest_w), "measured"});
        }
        const EnergySummary energy = sum_of(parts);
        const IdleBaseline baseline = baseline_of(idle);
        const double machine_s = 1 + duration_s * unit(random);
        double left = 1;
        Joules sum{};
        double shares_sum = 0;
        Joules rest{};
        for (int tree = 0; tree < 4; ++tree) {
            const double mine = left * unit(random);
            left -= mine;
            MeasuredShares shares = cpu_shares(mine * machine_s, machine_s);
            shares.gpu = {{"c2", {mine, mine, mine}}};
            const IdleBaseline* used = round % 2 == 0 ? &baseline : nullptr;
            const Attribution result = attribute_energy(energy, duration_s, shares, used, {});
            ASSERT_TRUE(result.energy.has_value());
            ASSERT_LE(*result.energy_low, *result.energy);
            ASSERT_LE(*result.energy, *result.energy_high);
            ASSERT_GE(*result.energy_low, joules(0));
            ASSERT_LE(*result.energy_high, *energy.energy_high * (1 + 1e-12));
            sum += *result.energy;
            shares_sum += *result.cpu_share;
            rest = result.idle_energy.value_or(joules(0));
        }
        ASSERT_LE(shares_sum, 1 + 1e-12) << round;
        ASSERT_LE(sum + rest, *energy.energy * (1 + 1e-12)) << round;
    }
}

}  // namespace
}  // namespace finewatt
