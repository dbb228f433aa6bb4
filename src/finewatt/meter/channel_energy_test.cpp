#include "finewatt/meter/channel_stream.h"
#include "finewatt/meter/student_t_internal.h"
#include "finewatt/meter/test_traces_internal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

namespace finewatt {
namespace {

using meter_test::at;
using meter_test::ChannelTrace;
using meter_test::constant_load;
using meter_test::counter_trace;
using meter_test::counter_uj;
using meter_test::energy_between;
using meter_test::energy_of;
using meter_test::failed;
using meter_test::gauge_mw;
using meter_test::good;
using meter_test::kLargeRange;
using meter_test::kSecond;
using meter_test::kSmallRange;
using meter_test::kTenth;
using meter_test::power_points;
using meter_test::square_load;
using ::testing::Contains;
using ::testing::HasSubstr;

double best_j(const ChannelEnergy& energy) {
    return energy.energy.value().as_joules();
}

double low_j(const ChannelEnergy& energy) {
    return energy.energy_low.value().as_joules();
}

double high_j(const ChannelEnergy& energy) {
    return energy.energy_high.value().as_joules();
}

TEST(CounterEnergy, ConstantLoadIsExactOverAnyNumberOfWraps) {
    struct Row {
        const char* name;
        std::uint64_t range;
        double power_w;
        std::int64_t seconds;
        double energy_j;
        std::uint64_t wraps;
    };

    const std::array<Row, 4> rows{{
        {"200 W x 600 s", kSmallRange, 200, 600, 120'000, 1},
        {"280 W x 600 s", kSmallRange, 280, 600, 168'000, 2},
        {"200 W x 12 h", kSmallRange, 200, 43'200, 8'640'000, 131},
        {"200 W x 30 min, large range", kLargeRange, 200, 1'800, 360'000, 1},
    }};
    for (const Row& row : rows) {
        const auto trace =
            counter_trace(counter_uj(row.range), row.seconds * kSecond, constant_load(row.power_w));
        const ChannelEnergy energy = energy_of(trace);
        EXPECT_DOUBLE_EQ(best_j(energy), row.energy_j) << row.name;
        EXPECT_EQ(energy.wraps, row.wraps) << row.name;
        EXPECT_EQ(energy.gaps, 0U) << row.name;
        EXPECT_DOUBLE_EQ(energy.coverage, 1) << row.name;
        EXPECT_NEAR(energy.power_mean.value().as_watts(), row.power_w, 1e-9) << row.name;
    }
}

TEST(CounterEnergy, FailedReadIsAGapAndCostsNoEnergy) {
    ChannelTrace trace(counter_uj(kSmallRange));
    for (std::int64_t i = 0; i <= 300; ++i) {
        const std::int64_t t_ns = i * kTenth;
        trace.add(i == 150 ? failed(t_ns) : good(t_ns, static_cast<std::uint64_t>(i) * 20'000'000));
    }
    const ChannelEnergy energy = energy_of(trace);
    EXPECT_DOUBLE_EQ(best_j(energy), 6'000);
    EXPECT_EQ(energy.wraps, 0U);
    EXPECT_EQ(energy.gaps, 1U);
    EXPECT_DOUBLE_EQ(energy.coverage, 1);
}

TEST(CounterEnergy, RawValueAboveTheRangeIsAFailedRead) {
    ChannelTrace trace(counter_uj(1'000'000, 5));
    trace.add(good(0, 100'000));
    trace.add(good(kTenth, 1'000'001));
    trace.add(good(2 * kTenth, 500'000));
    const ChannelEnergy energy = energy_of(trace);
    EXPECT_DOUBLE_EQ(best_j(energy), 0.4);
    EXPECT_EQ(energy.gaps, 1U);
}

TEST(CounterEnergy, BackwardsWithoutARangeIsUnknownAndNeverNegative) {
    ChannelTrace trace(counter_uj(std::nullopt, std::nullopt));
    trace.add(good(0, 260'000'000));
    trace.add(good(kTenth, 280'000'000));
    trace.add(good(2 * kTenth, 20'000'000));
    const ChannelEnergy energy = energy_of(trace);
    EXPECT_FALSE(energy.energy.has_value());
    EXPECT_FALSE(energy.provenance.has_value());
    EXPECT_EQ(energy.reason, "counter went backwards, range unknown");
    EXPECT_GE(low_j(energy), 0);
    EXPECT_FALSE(energy.energy_high.has_value());
    EXPECT_DOUBLE_EQ(energy.coverage, 0.5);
}

TEST(CounterEnergy, FallThatNoPowerExplainsIsAReset) {
    ChannelTrace trace(counter_uj(kSmallRange));
    trace.add(good(0, 39'980'000'000));
    trace.add(good(kTenth, 40'000'000'000));
    trace.add(good(2 * kTenth, 5'000'000));
    const ChannelEnergy energy = energy_of(trace);
    EXPECT_FALSE(energy.energy.has_value());
    EXPECT_EQ(energy.reason, "counter reset");
    // The first step is certain; the second is at most 500 W x 0.101 s.
    EXPECT_NEAR(low_j(energy), 20 - 0.001 * 505, 1e-3);
    EXPECT_NEAR(high_j(energy), 20 + 50.5 + 0.001 * 505, 1e-3);
    EXPECT_EQ(energy.wraps, 0U);
}

TEST(CounterEnergy, LongSilenceThatCouldHideAWrapIsUnknownWithBounds) {
    ChannelTrace trace(counter_uj(kSmallRange));
    trace.add(good(0, 0));
    trace.add(good(300 * kSecond, 84'000'000'000 - kSmallRange));
    const ChannelEnergy energy = energy_of(trace);
    EXPECT_FALSE(energy.energy.has_value());
    EXPECT_EQ(energy.reason, "more than one wrap possible");
    EXPECT_NEAR(low_j(energy), 18'467.389, 1);
    EXPECT_NEAR(high_j(energy), 149'532.611, 1);
    EXPECT_DOUBLE_EQ(energy.coverage, 0);
}

TEST(CounterEnergy, WithoutACeilingAHiddenWrapIsNoted) {
    ChannelTrace trace(counter_uj(1'000'000, std::nullopt));
    trace.add(good(0, 900'000));
    trace.add(good(kTenth, 100'000));
    const ChannelEnergy energy = energy_of(trace);
    EXPECT_DOUBLE_EQ(best_j(energy), 0.2);
    EXPECT_EQ(energy.wraps, 1U);
    EXPECT_THAT(energy.notes, Contains("no power ceiling, hidden wraps not excluded"));
}

TEST(CounterEnergy, StepAboveTheCeilingIsTakenAndNoted) {
    ChannelTrace trace(counter_uj(kSmallRange));
    trace.add(good(0, 0));
    trace.add(good(kTenth, 60'000'000));
    const ChannelEnergy energy = energy_of(trace);
    EXPECT_DOUBLE_EQ(best_j(energy), 60);
    EXPECT_THAT(energy.notes, Contains("above the ceiling"));
}

TEST(CounterEnergy, FewerThanTwoGoodReadingsGiveNoEnergy) {
    ChannelTrace none(counter_uj(kSmallRange));
    ChannelTrace one(counter_uj(kSmallRange));
    one.add(good(0, 5));
    ChannelTrace broken(counter_uj(kSmallRange));
    for (std::int64_t i = 0; i < 5; ++i) {
        broken.add(failed(i * kTenth));
    }
    for (const ChannelTrace* trace : {&none, &one, &broken}) {
        const ChannelEnergy energy = energy_of(*trace);
        EXPECT_FALSE(energy.energy.has_value());
        EXPECT_FALSE(energy.energy_low.has_value());
        EXPECT_FALSE(energy.energy_high.has_value());
        EXPECT_EQ(energy.reason, "fewer than two good readings");
        EXPECT_DOUBLE_EQ(energy.coverage, 0);
    }
    EXPECT_EQ(energy_of(broken).gaps, 1U);
}

TEST(CounterEnergy, WorkedExampleOfTheDesignHasItsRange) {
    ChannelTrace trace(counter_uj(1'000'000, 5));
    trace.add(good(0, 900'000));
    trace.add(good(kTenth, 100'000));
    trace.add(failed(2 * kTenth));
    trace.add(good(3 * kTenth, 500'000));
    for (const ChannelEnergy& energy :
         {energy_of(trace), energy_between(trace, at(0), at(3 * kTenth))}) {
        EXPECT_DOUBLE_EQ(best_j(energy), 0.6);
        EXPECT_DOUBLE_EQ(low_j(energy), 0.597999);
        EXPECT_DOUBLE_EQ(high_j(energy), 0.602001);
        EXPECT_EQ(energy.wraps, 1U);
        EXPECT_EQ(energy.gaps, 1U);
        EXPECT_DOUBLE_EQ(energy.coverage, 1);
        EXPECT_EQ(energy.provenance, Provenance::kMeasured);
        EXPECT_DOUBLE_EQ(energy.resolution.as_joules(), 1e-6);
        EXPECT_FALSE(energy.reason.has_value());
    }
}

TEST(CounterEnergy, SquareLoadIsWithinHalfAPercentAtAnyPhase) {
    for (int i = 0; i < 20; ++i) {
        const double phase_s = 0.1 * i + 0.03;
        const auto load = square_load(60, 260, 2, phase_s);
        const auto trace = counter_trace(counter_uj(kSmallRange), 60 * kSecond, load);
        const double error = best_j(energy_of(trace)) / load(60) - 1;
        EXPECT_LT(std::abs(error), 0.005) << "phase " << phase_s;
    }
}

TEST(CounterEnergy, EdgeBetweenReadingsIsInterpolatedAndWidensTheRange) {
    const auto trace = counter_trace(counter_uj(kSmallRange), 10 * kSecond, constant_load(100));
    // From 1.05 s to 2.05 s: 100 J; whole steps hold 90 J, touched steps 110 J.
    const ChannelEnergy energy =
        energy_between(trace, at(kSecond + kTenth / 2), at(2 * kSecond + kTenth / 2));
    EXPECT_NEAR(best_j(energy), 100, 1e-9);
    EXPECT_NEAR(low_j(energy), 90 - 0.1 - 1e-6, 1e-9);
    EXPECT_NEAR(high_j(energy), 110 + 0.1 + 1e-6, 1e-9);
}

TEST(CounterEnergy, WindowShorterThanOneRefreshHasLowZeroAndSaysSo) {
    ChannelSpec spec = counter_uj(kSmallRange);
    spec.update_ms = 100;
    const auto trace = counter_trace(spec, kSecond, constant_load(100), kTenth / 10);
    const ChannelEnergy energy = energy_between(trace, at(kTenth), at(kTenth + kTenth / 5));
    EXPECT_DOUBLE_EQ(low_j(energy), 0);
    EXPECT_GT(high_j(energy), 10);
    EXPECT_THAT(energy.notes, Contains("window shorter than one refresh of the sensor"));
}

TEST(CounterEnergy, ReadingsCloserThanTheRefreshDoNotInflateTheRange) {
    // 100 W, renewed every 100 ms in steps of 10 J, read at random points 1 to 40 ms apart.
    ChannelSpec spec = counter_uj(kSmallRange);
    spec.update_ms = 100;
    std::mt19937_64 random(11);
    for (int round = 0; round < 50; ++round) {
        ChannelTrace trace(spec);
        for (std::int64_t t_ns = 0; t_ns < 20 * kSecond;
             t_ns += 1'000'000 + static_cast<std::int64_t>(random() % 39'000'000)) {
            trace.add(good(t_ns, static_cast<std::uint64_t>(t_ns / kTenth) * 10'000'000));
        }
        const std::int64_t begin_ns = kSecond + static_cast<std::int64_t>(random() % kSecond);
        const ChannelEnergy energy =
            energy_between(trace, at(begin_ns), at(begin_ns + 10 * kSecond));
        EXPECT_LE(low_j(energy), 1'000);
        EXPECT_GE(high_j(energy), 1'000);
        // Each edge: one step that it cuts (10 J at most), and at most two refreshes of staleness.
        EXPECT_GE(low_j(energy), 1'000 - 10 - 40);
        EXPECT_LE(high_j(energy), 1'000 + 10 + 40);
    }
}

TEST(CounterEnergy, NothingIsExtrapolatedBeyondTheReadings) {
    const auto trace = counter_trace(counter_uj(kSmallRange), 10 * kSecond, constant_load(100));
    const ChannelEnergy energy = energy_between(trace, at(5 * kSecond), at(25 * kSecond));
    EXPECT_NEAR(best_j(energy), 500, 1e-9);
    EXPECT_DOUBLE_EQ(energy.coverage, 0.25);
    const ChannelEnergy outside = energy_between(trace, at(11 * kSecond), at(12 * kSecond));
    EXPECT_EQ(outside.reason, "no reading touches the window");
    EXPECT_FALSE(outside.energy.has_value());
}

TEST(CounterEnergy, GoneClosesTheChannelAndLaterLinesAreNoted) {
    ChannelTrace trace(counter_uj(kSmallRange));
    trace.add(good(0, 0));
    trace.add(good(kTenth, 1'000'000));
    trace.add(failed(2 * kTenth, PollOutcome::kGone));
    trace.add(good(3 * kTenth, 9'000'000));
    const ChannelEnergy energy = energy_of(trace);
    EXPECT_DOUBLE_EQ(best_j(energy), 1);
    EXPECT_DOUBLE_EQ(energy.coverage, 0.5);
    EXPECT_EQ(energy.gaps, 1U);
    EXPECT_THAT(energy.notes, Contains(HasSubstr("ignored")));
}

TEST(CounterEnergy, GainErrorOfAModelWidensTheRangeLinearly) {
    ChannelSpec spec = counter_uj(std::nullopt);
    spec.provenance = Provenance::kModelled;
    spec.gain_error_low = 0.5;
    spec.gain_error_high = 0.5;
    spec.update_ms = 0;
    const auto trace = counter_trace(spec, 10 * kSecond, constant_load(100));
    const ChannelEnergy energy = energy_of(trace);
    EXPECT_NEAR(low_j(energy), 500, 1e-3);
    EXPECT_NEAR(high_j(energy), 1'500, 1e-3);
    EXPECT_EQ(energy.provenance, Provenance::kModelled);
}

TEST(GaugeEnergy, ConstantPowerIsExactWithinHalfAMilliwatt) {
    ChannelTrace trace(gauge_mw());
    for (std::int64_t i = 0; i <= 100; ++i) {
        trace.add(good(i * kTenth, 100'000));
    }
    const ChannelEnergy energy = energy_of(trace);
    EXPECT_DOUBLE_EQ(best_j(energy), 1'000);
    EXPECT_NEAR(low_j(energy), 999.995, 1e-9);
    EXPECT_NEAR(high_j(energy), 1'000.005, 1e-9);
    EXPECT_NEAR(energy.resolution.as_joules(), 0.005, 1e-12);
    EXPECT_EQ(energy.provenance, Provenance::kDerived);
}

TEST(GaugeEnergy, RangeOfAModelEndsAtItsPowerLimit) {
    struct Case {
        std::uint64_t power_mw;
        double high_j;
    };

    // Ten seconds below a limit of 300 W, which the model may miss by a factor of 2.5.
    for (const Case& c : {Case{250'000, 3'000}, Case{100'000, 2'500}, Case{300'000, 3'000}}) {
        ChannelSpec spec = gauge_mw();
        spec.provenance = Provenance::kModelled;
        spec.max_power_w = 300;
        spec.gain_error_low = 0.9;
        spec.gain_error_high = 1.5;
        ChannelTrace trace(spec);
        for (std::int64_t i = 0; i <= 100; ++i) {
            trace.add(good(i * kTenth, c.power_mw));
        }
        const ChannelEnergy energy = energy_of(trace);
        EXPECT_NEAR(high_j(energy), c.high_j, 0.01) << c.power_mw;
        EXPECT_GE(high_j(energy), best_j(energy)) << c.power_mw;
        EXPECT_NEAR(low_j(energy), best_j(energy) / 10, 0.01) << c.power_mw;
        EXPECT_GE(energy.gain_above.as_joules(), 0) << c.power_mw;
    }
}

TEST(GaugeEnergy, CeilingOfASensorDoesNotEndItsRange) {
    ChannelSpec spec = gauge_mw();
    spec.max_power_w = 300;
    spec.gain_error_high = 0.5;
    ChannelTrace trace(spec);
    for (std::int64_t i = 0; i <= 100; ++i) {
        trace.add(good(i * kTenth, 290'000));
    }
    EXPECT_NEAR(high_j(energy_of(trace)), 4'350, 0.01);
}

TEST(GaugeEnergy, FailedReadsAreBridgedBetweenZeroAndTheCeiling) {
    ChannelSpec spec = gauge_mw();
    spec.max_power_w = 300;
    ChannelTrace trace(spec);
    for (std::int64_t i = 0; i <= 100; ++i) {
        trace.add(i > 40 && i < 60 ? failed(i * kTenth) : good(i * kTenth, 100'000));
    }
    const ChannelEnergy energy = energy_of(trace);
    EXPECT_DOUBLE_EQ(best_j(energy), 1'000);
    EXPECT_NEAR(low_j(energy), 800 - 0.004, 1e-9);
    EXPECT_NEAR(high_j(energy), 1'400 + 0.004, 1e-9);
    EXPECT_EQ(energy.gaps, 1U);
    EXPECT_DOUBLE_EQ(energy.coverage, 0.8);
}

TEST(GaugeEnergy, SilenceIsAGapAndTheLargestSampleBoundsItWithoutACeiling) {
    ChannelTrace trace(gauge_mw());
    for (std::int64_t i = 0; i <= 100; ++i) {
        if (i <= 40 || i >= 50) {
            trace.add(good(i * kTenth, i < 90 ? 100'000 : 200'000));
        }
    }
    const ChannelEnergy energy = energy_between(trace, at(0), at(8 * kSecond));
    EXPECT_EQ(energy.gaps, 1U);
    EXPECT_DOUBLE_EQ(energy.coverage, 7.0 / 8);
    EXPECT_NEAR(high_j(energy), 800 + 100 + 0.0035, 1e-9);
    EXPECT_THAT(energy.notes, Contains(HasSubstr("largest sample")));
}

TEST(GaugeEnergy, UnseenTimeAddsASamplingTermFromTheSpreadOfBlocks) {
    // 20 s at 10 Hz, 25 of 100 ms seen; blocks of 1 s alternate between 100 and 200 W.
    ChannelTrace trace(gauge_mw(25, 100));
    for (std::int64_t i = 0; i <= 200; ++i) {
        trace.add(good(i * kTenth, (i / 10) % 2 == 0 ? 100'000 : 200'000));
    }
    const ChannelEnergy energy = energy_between(trace, at(0), at(20 * kSecond));
    // Block means: 0.95 s at one level and a ramp of 0.1 s to the next: 105 W and 195 W.
    const double deviation_w = 45 * std::sqrt(20.0 / 19);
    const double sampling_j = std::sqrt(0.75) * 2.093024 * deviation_w / std::sqrt(20.0) * 20;
    const double edges_j = 0.1 * (0 + 100);
    const double resolution_j = 0.0005 * 20;
    EXPECT_NEAR(best_j(energy) - low_j(energy), sampling_j + edges_j + resolution_j,
                0.001 * sampling_j);
    EXPECT_NEAR(high_j(energy) - best_j(energy), sampling_j + edges_j + resolution_j,
                0.001 * sampling_j);
}

TEST(GaugeEnergy, FewBlocksUseTheSpanOfThePower) {
    ChannelTrace trace(gauge_mw(std::nullopt, std::nullopt));
    for (std::int64_t i = 0; i <= 20; ++i) {
        trace.add(good(i * kTenth, i == 10 ? 150'000 : 100'000));
    }
    const ChannelEnergy energy = energy_of(trace);
    // Nothing seen for certain: half the span of 50 W over 2 s, and half a milliwatt.
    EXPECT_NEAR(best_j(energy), 205, 1e-9);
    EXPECT_NEAR(low_j(energy), 205 - 50 - 0.001, 1e-9);
    EXPECT_NEAR(high_j(energy), 205 + 50 + 0.001, 1e-9);
}

TEST(StudentT, MatchesTabledQuantiles) {
    EXPECT_NEAR(student_t_975(1), 12.7062, 1e-4);
    EXPECT_NEAR(student_t_975(2), 4.302653, 1e-4);
    EXPECT_NEAR(student_t_975(7), 2.364624, 1e-4);
    EXPECT_NEAR(student_t_975(19), 2.093024, 1e-5);
    EXPECT_NEAR(student_t_975(100), 1.983972, 1e-6);
    EXPECT_NEAR(student_t_975(1'000'000), 1.959966, 1e-6);
}

TEST(PowerPoints, ThinsToTheLimitAndKeepsTheMean) {
    const auto trace = counter_trace(counter_uj(kSmallRange), 600 * kSecond, constant_load(200));
    const PowerPoints points = power_points(trace, at(0), 2'000);
    EXPECT_LE(points.power_w.size(), 2'000U);
    EXPECT_GE(points.power_w.size(), 1'000U);
    for (const double power_w : points.power_w) {
        EXPECT_NEAR(power_w, 200, 1e-6);
    }
    EXPECT_LE(points.t_s.back(), 600);
}

TEST(PowerPoints, UnknownStepsLeaveAHole) {
    ChannelTrace trace(counter_uj(kSmallRange));
    trace.add(good(0, 40'000'000'000));
    trace.add(good(kTenth, 40'010'000'000));
    trace.add(good(2 * kTenth, 5'000'000));
    trace.add(good(3 * kTenth, 15'000'000));
    const PowerPoints points = power_points(trace, at(0), 2'000);
    ASSERT_EQ(points.t_s.size(), 2U);
    EXPECT_DOUBLE_EQ(points.t_s[1], 0.3);
    EXPECT_DOUBLE_EQ(points.power_w[1], 100);
}

}  // namespace
}  // namespace finewatt
