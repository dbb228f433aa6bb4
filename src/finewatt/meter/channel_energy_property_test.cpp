// Properties that hold for any readings: seeded random traces with wraps, failed reads, resets and
// odd spacings.
#include "finewatt/meter/channel_stream.h"
#include "finewatt/meter/test_traces_internal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>

namespace finewatt {
namespace {

using meter_test::at;
using meter_test::ChannelTrace;
using meter_test::counter_uj;
using meter_test::energy_between;
using meter_test::energy_of;
using meter_test::failed;
using meter_test::gauge_mw;
using meter_test::good;
using meter_test::kTenth;

constexpr std::uint64_t kSeeds = 300;

struct Options {
    bool with_failures = true;
    bool with_resets = false;
};

ChannelTrace random_counter(std::uint64_t seed, Options options) {
    std::mt19937_64 random(seed);
    const std::uint64_t range = 1'000'000 + random() % 100'000'000;
    ChannelSpec spec = counter_uj(random() % 4 == 0 ? std::nullopt : std::optional(range),
                                  random() % 4 == 0 ? std::nullopt : std::optional<double>(500));
    ChannelTrace trace(spec);
    std::uint64_t total = random() % range;
    std::int64_t t_ns = 0;
    for (int i = 0; i < 200; ++i) {
        if (options.with_failures && random() % 10 == 0) {
            trace.add(failed(t_ns));
        } else {
            trace.add(good(t_ns, spec.range ? total % *spec.range : total));
        }
        if (options.with_resets && random() % 50 == 0) {
            total = 0;
        }
        // Spacings of 0 to 200 ms, some of them zero; 0 to 300 W.
        const auto gap_ns =
            static_cast<std::int64_t>(random() % 5 == 0 ? 0 : random() % 200'000'000);
        t_ns += gap_ns;
        total += static_cast<std::uint64_t>(static_cast<double>(gap_ns) * 1e-3 *
                                            static_cast<double>(random() % 300));
    }
    return trace;
}

ChannelTrace random_gauge(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    ChannelSpec spec = gauge_mw(random() % 2 == 0 ? std::nullopt : std::optional<double>(25));
    if (random() % 2 == 0) {
        spec.max_power_w = 400;
    }
    ChannelTrace trace(spec);
    std::int64_t t_ns = 0;
    for (int i = 0; i < 200; ++i) {
        trace.add(random() % 10 == 0 ? failed(t_ns) : good(t_ns, random() % 300'000));
        t_ns += static_cast<std::int64_t>(random() %
                                          (random() % 20 == 0 ? 2'000'000'000U : 200'000'000U));
    }
    return trace;
}

MonoTime random_time(std::mt19937_64& random, const ChannelTrace& trace) {
    const auto span = static_cast<std::uint64_t>(trace.last_time().as_ns()) + 1;
    return at(static_cast<std::int64_t>(random() % span));
}

void expect_sound(const ChannelEnergy& energy, std::uint64_t seed) {
    if (energy.energy_low) {
        EXPECT_GE(energy.energy_low->as_joules(), 0) << "seed " << seed;
    }
    if (energy.energy_low && energy.energy_high) {
        EXPECT_LE(energy.energy_low->as_joules(), energy.energy_high->as_joules())
            << "seed " << seed;
    }
    if (energy.energy) {
        EXPECT_LE(energy.energy_low.value().as_joules(), energy.energy->as_joules()) << seed;
        EXPECT_LE(energy.energy->as_joules(), energy.energy_high.value().as_joules()) << seed;
        EXPECT_FALSE(energy.reason.has_value()) << "seed " << seed;
    } else {
        EXPECT_TRUE(energy.reason.has_value()) << "seed " << seed;
    }
    EXPECT_GE(energy.coverage, 0) << "seed " << seed;
    EXPECT_LE(energy.coverage, 1) << "seed " << seed;
}

TEST(EnergyProperties, FiguresAreOrderedAndNeverNegative) {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        std::mt19937_64 random(seed);
        for (const ChannelTrace& trace : {random_counter(seed, {true, true}), random_gauge(seed)}) {
            const auto [begin, end] =
                std::minmax({random_time(random, trace), random_time(random, trace)});
            expect_sound(energy_of(trace), seed);
            expect_sound(energy_between(trace, begin, end), seed);
        }
    }
}

TEST(EnergyProperties, AdjacentWindowsAddUp) {
    int compared = 0;
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        std::mt19937_64 random(seed);
        for (const ChannelTrace& trace :
             {random_counter(seed, {true, false}), random_gauge(seed)}) {
            const MonoTime cut = random_time(random, trace);
            const MonoTime end = at(trace.last_time().as_ns() + 1);
            const ChannelEnergy whole = energy_between(trace, at(0), end);
            const ChannelEnergy head = energy_between(trace, at(0), cut);
            const ChannelEnergy tail = energy_between(trace, cut, end);
            if (!whole.energy || !head.energy || !tail.energy) {
                continue;
            }
            ++compared;
            const double sum = (*head.energy + *tail.energy).as_joules();
            // Two roundings to double of sums of this size.
            EXPECT_NEAR(sum, whole.energy->as_joules(), 1e-12 * (1 + sum)) << "seed " << seed;
        }
    }
    EXPECT_GT(compared, 300);
}

TEST(EnergyProperties, AdjacentWindowsThatMeetOnAReadingAddUpExactly) {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        std::mt19937_64 random(seed);
        const ChannelTrace trace = random_counter(seed, {true, false});
        const auto& times = trace.good_times();
        const MonoTime cut = times[random() % times.size()];
        const MonoTime end = at(trace.last_time().as_ns() + 1);
        const ChannelEnergy whole = energy_between(trace, at(0), end);
        const ChannelEnergy head = energy_between(trace, at(0), cut);
        const ChannelEnergy tail = energy_between(trace, cut, end);
        if (whole.energy && head.energy && tail.energy) {
            const auto microjoules = [](const ChannelEnergy& energy) {
                return std::llround(energy.energy->as_joules() * 1e6);
            };
            EXPECT_EQ(microjoules(head) + microjoules(tail), microjoules(whole)) << seed;
        }
    }
}

TEST(EnergyProperties, PeakPowerIsAtLeastTheMean) {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        for (const ChannelTrace& trace :
             {random_counter(seed, {true, false}), random_gauge(seed)}) {
            const ChannelEnergy energy = energy_of(trace);
            if (energy.power_mean) {
                EXPECT_GE(energy.power_max.value(), *energy.power_mean) << "seed " << seed;
            }
        }
    }
}

TEST(EnergyProperties, TrueEnergyOfAPolledCounterLiesInItsRange) {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        std::mt19937_64 random(seed);
        // A sensor that refreshes every millisecond, read at random times; steady 150 W.
        ChannelTrace trace(counter_uj(std::nullopt));
        std::int64_t t_ns = 0;
        while (t_ns < 50 * kTenth) {
            const std::int64_t refreshed_ns = t_ns / 1'000'000 * 1'000'000;
            trace.add(good(t_ns, static_cast<std::uint64_t>(refreshed_ns) * 150 / 1000));
            t_ns += 5'000'000 + static_cast<std::int64_t>(random() % 195'000'000);
        }
        const auto [begin, end] =
            std::minmax({random_time(random, trace), random_time(random, trace)});
        const ChannelEnergy energy = energy_between(trace, begin, end);
        const std::int64_t seen_end = std::min(end.as_ns(), trace.good_times().back().as_ns());
        const double true_j = 150e-9 * static_cast<double>(seen_end - begin.as_ns());
        ASSERT_TRUE(energy.energy.has_value()) << "seed " << seed;
        EXPECT_LE(energy.energy_low->as_joules(), true_j + 1e-9) << "seed " << seed;
        EXPECT_GE(energy.energy_high->as_joules(), true_j - 1e-9) << "seed " << seed;
    }
}

}  // namespace
}  // namespace finewatt
