// Traces of loads whose energy is known: constant, ramp, square and noisy power, each with wraps,
// failed reads, long gaps and phase edges that come late. The meter must give that energy back.
#include "finewatt/meter/recorder_internal.h"
#include "finewatt/meter/test_traces_internal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace finewatt {
namespace {

using meter_test::at;
using meter_test::constant_load;
using meter_test::counter_uj;
using meter_test::energy_of;
using meter_test::failed;
using meter_test::gauge_mw;
using meter_test::good;
using meter_test::kSecond;
using meter_test::kSmallRange;
using meter_test::kTenth;
using meter_test::square_load;

/// Energy in joules since 0, of the time in seconds.
using Energy = std::function<double(double)>;

constexpr double kMostPower = 300;  // watts, of every load here

Energy ramp_load(double from_w, double to_w, double length_s) {
    return [=](double t_s) { return from_w * t_s + (to_w - from_w) / length_s * t_s * t_s / 2; };
}

/// Power that jumps to a random level every 50 ms.
Energy noisy_load(std::uint64_t seed, double length_s) {
    constexpr double kLevelS = 0.05;
    std::mt19937_64 random(seed);
    std::vector<double> sums{0};
    while (static_cast<double>(sums.size()) * kLevelS < length_s + 1) {
        const double power_w = static_cast<double>(20 + random() % 280);
        sums.push_back(sums.back() + power_w * kLevelS);
    }
    return [sums](double t_s) {
        const auto level = static_cast<std::size_t>(t_s / kLevelS);
        const double rest = t_s / kLevelS - static_cast<double>(level);
        return sums[level] + (sums[level + 1] - sums[level]) * rest;
    };
}

Energy load_of(std::uint64_t seed, double length_s) {
    std::mt19937_64 random(seed);
    switch (seed % 4) {
        case 0:
            return constant_load(static_cast<double>(random() % 300));
        case 1:
            return ramp_load(static_cast<double>(random() % 300),
                             static_cast<double>(random() % 300), length_s);
        case 2:
            return square_load(static_cast<double>(random() % 100),
                               static_cast<double>(100 + random() % 200),
                               0.1 + static_cast<double>(random() % 3000) * 1e-3, 0.01);
        default:
            return noisy_load(seed, length_s);
    }
}

double seconds(std::int64_t t_ns) {
    return static_cast<double>(t_ns) * 1e-9;
}

/// What a counter of 15.3 uJ steps shows that is renewed every millisecond, in microjoules.
std::uint64_t shown_uj(const Energy& energy_j, std::int64_t t_ns, std::uint64_t offset_uj) {
    const std::int64_t renewed_ns = t_ns / 1'000'000 * 1'000'000;
    const double ticks = std::floor(energy_j(seconds(renewed_ns)) / 15.3e-6);
    return (offset_uj + static_cast<std::uint64_t>(ticks * 15.3)) % kSmallRange;
}

ChannelSpec counter_spec(const char* id, Domain domain) {
    ChannelSpec spec = counter_uj(kSmallRange);
    spec.id = id;
    spec.domain = domain;
    spec.resolution_raw = 15.3;
    return spec;
}

/// What the meter was told of one load.
struct Told {
    Recorder recorder{
        {counter_spec("package", Domain::kPackage), counter_spec("core", Domain::kCore)},
        RecorderOptions{.begin = at(0)}};
    std::int64_t first_ns = -1;  ///< first and last good reading
    std::int64_t last_ns = 0;
    MonoTime cut{};  ///< where phase "a" ends and "b" begins
};

/// Read package and core at 10 Hz with jitter; the core takes 60 % of the package's energy. One
/// read in ten fails, and one stretch of 20 s is silent. Both phase edges come up to 2 s late.
Told tell(std::uint64_t seed, const Energy& energy_j, double length_s) {
    Told told;
    std::mt19937_64 random(seed);
    const auto length_ns = static_cast<std::int64_t>(length_s * 1e9);
    const auto any_ns = [&](std::int64_t below) {
        return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(below));
    };
    const std::uint64_t offset_uj = kSmallRange - random() % 5'000'000'000;
    const std::int64_t silent_ns = any_ns(length_ns);
    told.cut = at(any_ns(length_ns));
    const std::int64_t cut_known_ns = told.cut.as_ns() + any_ns(2 * kSecond);
    told.recorder.add_phase_edge("a", PhaseEdge::kBegin, at(0));
    bool is_cut = false;
    const auto cut = [&] {
        is_cut = true;
        EXPECT_EQ(told.recorder.add_phase_edge("a", PhaseEdge::kEnd, told.cut), told.cut);
        EXPECT_EQ(told.recorder.add_phase_edge("b", PhaseEdge::kBegin, told.cut), told.cut);
    };
    for (std::int64_t slot_ns = 0; slot_ns < length_ns; slot_ns += kTenth) {
        const std::int64_t t_ns = slot_ns + any_ns(kTenth);
        if (t_ns > silent_ns && t_ns < silent_ns + 20 * kSecond) {
            continue;
        }
        if (!is_cut && t_ns >= cut_known_ns) {
            cut();
        }
        if (random() % 10 == 0) {
            told.recorder.add_reading(0, failed(t_ns));
            told.recorder.add_reading(1, failed(t_ns));
            continue;
        }
        const auto core_j = [&](double t_s) { return 0.6 * energy_j(t_s); };
        told.recorder.add_reading(0, good(t_ns, shown_uj(energy_j, t_ns, offset_uj)));
        told.recorder.add_reading(1, good(t_ns, shown_uj(core_j, t_ns, offset_uj)));
        told.first_ns = told.first_ns < 0 ? t_ns : told.first_ns;
        told.last_ns = t_ns;
    }
    if (!is_cut) {
        cut();
    }
    return told;
}

/// The truth over the part of a window that readings cover must lie in the range.
void expect_truth(const ChannelEnergy& energy, const Told& told, const Energy& energy_j,
                  MonoTime begin, MonoTime end, const std::string& what) {
    const std::int64_t from_ns = std::max(begin.as_ns(), told.first_ns);
    const std::int64_t to_ns = std::min(end.as_ns(), told.last_ns);
    if (to_ns <= from_ns) {
        return;
    }
    ASSERT_TRUE(energy.energy.has_value()) << what << ": " << energy.reason.value_or("");
    const double true_j = energy_j(seconds(to_ns)) - energy_j(seconds(from_ns));
    // The staleness of an edge is known from the power inside the window only: where the load
    // jumps within the one millisecond before an edge, that much may be missing.
    const double jump_j = kMostPower * 1e-3;
    EXPECT_LE(energy.energy_low->as_joules(), true_j + jump_j) << what;
    EXPECT_GE(energy.energy_high->as_joules(), true_j - jump_j) << what;
    EXPECT_GE(energy.energy_low->as_joules(), 0) << what;
    EXPECT_LE(*energy.energy_low, *energy.energy) << what;
    EXPECT_LE(*energy.energy, *energy.energy_high) << what;
}

TEST(KnownLoads, TruthLiesInTheRangeAndPartsAddUp) {
    constexpr double kLengthS = 120;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        const Energy energy_j = load_of(seed, kLengthS);
        const Told told = tell(seed, energy_j, kLengthS);
        const MonoTime end = at(static_cast<std::int64_t>(kLengthS * 1e9));
        const std::string what = "seed " + std::to_string(seed);
        const auto run = told.recorder.run_energies(end);
        expect_truth(run[0], told, energy_j, at(0), end, what + " run");
        const auto phases = told.recorder.phase_energies(end);
        ASSERT_EQ(phases.size(), 2U);
        expect_truth(phases[0].channels[0], told, energy_j, at(0), told.cut, what + " a");
        expect_truth(phases[1].channels[0], told, energy_j, told.cut, end, what + " b");
        if (phases[0].channels[0].energy && phases[1].channels[0].energy) {
            const double sum =
                (*phases[0].channels[0].energy + *phases[1].channels[0].energy).as_joules();
            EXPECT_NEAR(sum, run[0].energy->as_joules(), 1e-12 * (1 + sum)) << what;
        }
        EXPECT_GE(*run[0].energy, *run[1].energy) << what << ": package below core";
        for (const PhaseEnergies& phase : phases) {
            if (phase.channels[0].energy && phase.channels[1].energy) {
                // Both counters step by 15.3 uJ.
                EXPECT_GE(phase.channels[0].energy->as_joules() + 2 * 15.3e-6,
                          phase.channels[1].energy->as_joules())
                    << what;
            }
        }
    }
}

TEST(KnownLoads, IntegratedPowerAgreesWithTheCounter) {
    constexpr std::int64_t kLengthNs = 300 * kSecond;
    int outside = 0;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        std::mt19937_64 random(seed);
        const Energy energy_j = load_of(seed, 301);
        meter_test::ChannelTrace counter(counter_spec("package", Domain::kPackage));
        // The gauge shows the mean power of the 100 ms before its last renewal, 10 times a second.
        meter_test::ChannelTrace gauge(gauge_mw());
        for (std::int64_t slot_ns = kSecond; slot_ns < kLengthNs; slot_ns += kTenth) {
            const std::int64_t t_ns = slot_ns + static_cast<std::int64_t>(random() % kTenth);
            const double renewed_s = std::floor(seconds(t_ns) * 10) / 10;
            const double power_w = (energy_j(renewed_s) - energy_j(renewed_s - 0.1)) / 0.1;
            counter.add(good(t_ns, shown_uj(energy_j, t_ns, 0)));
            gauge.add(good(t_ns, static_cast<std::uint64_t>(std::llround(power_w * 1000))));
        }
        const ChannelEnergy counted = energy_of(counter);
        const ChannelEnergy integrated = energy_of(gauge);
        const double counted_j = counted.energy.value().as_joules();
        EXPECT_NEAR(integrated.energy.value().as_joules(), counted_j, 0.02 * counted_j + 1) << seed;
        outside += counted_j < integrated.energy_low->as_joules() ||
                           counted_j > integrated.energy_high->as_joules()
                       ? 1
                       : 0;
    }
    // A gauge that sees all the time, read at random points of its update: the trapezoid of
    // jittered samples is not exact on noisy loads, and its range has no term for that when all is
    // seen.
    EXPECT_LE(outside, 60);
}

TEST(KnownLoads, SplittingATraceChangesNothing) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        std::mt19937_64 random(seed);
        const Energy energy_j = load_of(seed, 61);
        Recorder recorder({counter_spec("package", Domain::kPackage)},
                          RecorderOptions{.begin = at(0)});
        double parts_j = 0;
        int open = -1;
        for (std::int64_t i = 0; i <= 600; ++i) {
            recorder.add_reading(0, good(i * kTenth, shown_uj(energy_j, i * kTenth, 0)));
            if (i % 50 == 0) {
                if (open >= 0) {
                    recorder.add_phase_edge(std::to_string(open), PhaseEdge::kEnd, at(i * kTenth));
                }
                open = static_cast<int>(i);
                recorder.add_phase_edge(std::to_string(open), PhaseEdge::kBegin, at(i * kTenth));
            }
        }
        const MonoTime end = at(600 * kTenth);
        std::uint64_t wraps = 0;
        for (const PhaseEnergies& phase : recorder.phase_energies(end)) {
            if (phase.span.begin < phase.span.end) {
                parts_j += phase.channels[0].energy.value().as_joules();
                wraps += phase.channels[0].wraps;
            }
        }
        const ChannelEnergy whole = recorder.run_energies(end)[0];
        EXPECT_NEAR(parts_j, whole.energy.value().as_joules(), 1e-12 * (1 + parts_j)) << seed;
        EXPECT_EQ(wraps, whole.wraps) << seed;
    }
}

TEST(KnownLoads, ResetIsNeverTakenForEnergy) {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        std::mt19937_64 random(seed);
        const std::int64_t reset_at = 100 + static_cast<std::int64_t>(random() % 400);
        Recorder recorder({counter_spec("package", Domain::kPackage)},
                          RecorderOptions{.begin = at(0)});
        for (std::int64_t i = 0; i <= 600; ++i) {
            const std::int64_t since = i < reset_at ? i + 1'000 : i - reset_at;
            recorder.add_reading(0,
                                 good(i * kTenth, static_cast<std::uint64_t>(since) * 10'000'000));
        }
        const ChannelEnergy energy = recorder.run_energies(at(600 * kTenth))[0];
        EXPECT_EQ(energy.reason, "counter reset") << seed;
        EXPECT_EQ(energy.unknown_steps, 1U) << seed;
        // 599 known steps of 10 J, and at most 500 W in the unknown one.
        EXPECT_NEAR(energy.known_part.as_joules(), 5'990, 1e-6) << seed;
        EXPECT_LE(energy.energy_low.value().as_joules(), 5'990) << seed;
        EXPECT_GE(energy.energy_high.value().as_joules(), 6'000) << seed;
    }
}

TEST(KnownLoads, TwentyEightDaysKeepEveryMicrojoule) {
    // 200 W read every 10 s on average: 7,382 wraps; a short phase at the end is as sharp as one at
    // the begin.
    constexpr std::int64_t kDays = 28;
    constexpr std::int64_t kEndNs = kDays * 86'400 * kSecond;
    std::mt19937_64 random(28);
    Recorder recorder({counter_uj(kSmallRange), gauge_mw(10'000, 10'000)},
                      RecorderOptions{.begin = at(0)});
    std::int64_t t_ns = 0;
    const auto read = [&](std::int64_t now_ns) {
        const auto total_uj = static_cast<std::uint64_t>(now_ns / 1000) * 200;
        recorder.add_reading(0, good(now_ns, total_uj % kSmallRange));
        recorder.add_reading(1, good(now_ns, 200'000));
    };
    read(0);
    while (t_ns < kEndNs - 30 * kSecond) {
        t_ns += 5 * kSecond + static_cast<std::int64_t>(random() % 10'000) * 1'000'000;
        read(t_ns);
    }
    recorder.add_phase_edge("last", PhaseEdge::kBegin, at(t_ns));
    read(t_ns + kTenth);
    recorder.add_phase_edge("last", PhaseEdge::kEnd, at(t_ns + kTenth));
    read(kEndNs);
    const auto run = recorder.run_energies(at(kEndNs));
    const double true_j = 200.0 * 86'400 * kDays;
    EXPECT_DOUBLE_EQ(run[0].energy.value().as_joules(), true_j);
    EXPECT_DOUBLE_EQ(run[1].energy.value().as_joules(), true_j);
    EXPECT_EQ(run[0].wraps, static_cast<std::uint64_t>(true_j * 1e6) / kSmallRange);
    EXPECT_DOUBLE_EQ(run[0].coverage, 1);
    const PhaseEnergies phase = recorder.phase_energies(at(kEndNs)).at(0);
    EXPECT_DOUBLE_EQ(phase.channels[0].energy.value().as_joules(), 20);
    EXPECT_DOUBLE_EQ(phase.channels[1].energy.value().as_joules(), 20);
    MeterResult result;
    result.end = at(kEndNs);
    recorder.fill_result(result);
    EXPECT_LE(result.series.at(0).t_s.size(), 2'000U);
    EXPECT_GE(result.series.at(0).t_s.size(), 1'000U);
}

}  // namespace
}  // namespace finewatt
