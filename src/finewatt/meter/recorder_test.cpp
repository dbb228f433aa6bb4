#include "finewatt/meter/recorder_internal.h"
#include "finewatt/meter/test_traces_internal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <malloc.h>
#include <random>
#include <string>
#include <vector>

namespace finewatt {
namespace {

using meter_test::at;
using meter_test::ChannelTrace;
using meter_test::counter_uj;
using meter_test::energy_between;
using meter_test::failed;
using meter_test::gauge_mw;
using meter_test::good;
using meter_test::kSecond;
using meter_test::kSmallRange;
using meter_test::kTenth;
using ::testing::Contains;
using ::testing::HasSubstr;

void expect_same(const ChannelEnergy& got, const ChannelEnergy& want, std::uint64_t seed) {
    EXPECT_EQ(got.energy, want.energy) << "seed " << seed;
    EXPECT_EQ(got.energy_low, want.energy_low) << "seed " << seed;
    EXPECT_EQ(got.energy_high, want.energy_high) << "seed " << seed;
    EXPECT_EQ(got.power_max, want.power_max) << "seed " << seed;
    EXPECT_EQ(got.coverage, want.coverage) << "seed " << seed;
    EXPECT_EQ(got.gaps, want.gaps) << "seed " << seed;
    EXPECT_EQ(got.wraps, want.wraps) << "seed " << seed;
    EXPECT_EQ(got.reason, want.reason) << "seed " << seed;
}

/// Readings of a counter and a gauge that wrap, fail and fall silent.
struct RandomRun {
    explicit RandomRun(std::uint64_t seed) : random(seed) {
        std::uint64_t total = kSmallRange - 1'000'000'000;
        std::int64_t t_ns = 20;
        const std::uint64_t readings = 2 + random() % 400;
        for (std::uint64_t i = 0; i < readings; ++i) {
            t_ns += static_cast<std::int64_t>(random() % 200'000'000);
            total += random() % 20'000'000;
            const bool is_lost = random() % 10 == 0;
            counter.add(is_lost ? failed(t_ns) : good(t_ns, total % kSmallRange));
            gauge.add(is_lost ? failed(t_ns) : good(t_ns, random() % 300'000));
        }
        end_ns = t_ns + 5;
    }

    std::int64_t random_ns() {
        return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(end_ns));
    }

    std::mt19937_64 random;
    ChannelTrace counter{counter_uj(kSmallRange)};
    ChannelTrace gauge{gauge_mw(25)};
    std::int64_t end_ns = 0;
};

TEST(Recorder, EdgesReportedLateGiveWhatTheyWouldHaveGivenInTime) {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        RandomRun run(seed);
        const auto [begin_ns, end_ns] = std::minmax({run.random_ns(), run.random_ns()});
        Recorder recorder({run.counter.spec(), run.gauge.spec()}, RecorderOptions{.begin = at(10)});
        // Each edge arrives up to 2.9 s after its time.
        const std::int64_t begin_known_ns =
            begin_ns + static_cast<std::int64_t>(run.random() % 2'900'000'000);
        const std::int64_t end_known_ns = std::max(
            begin_known_ns, end_ns + static_cast<std::int64_t>(run.random() % 2'900'000'000));
        bool has_begun = false;
        bool has_ended = false;
        const auto report = [&](std::int64_t now_ns) {
            if (!has_begun && now_ns >= begin_known_ns) {
                has_begun = true;
                EXPECT_EQ(recorder.add_phase_edge("p", PhaseEdge::kBegin, at(begin_ns)),
                          at(begin_ns));
            }
            if (!has_ended && now_ns >= end_known_ns) {
                has_ended = true;
                const MonoTime counted =
                    recorder.add_phase_edge("p", PhaseEdge::kEnd, at(end_ns)).value();
                EXPECT_GE(counted, at(end_ns));
            }
        };
        for (std::size_t i = 0; i < run.counter.readings().size(); ++i) {
            report(run.counter.readings()[i].time.as_ns());
            recorder.add_reading(0, run.counter.readings()[i]);
            recorder.add_reading(1, run.gauge.readings()[i]);
        }
        report(INT64_MAX);
        const auto whole = recorder.run_energies(at(run.end_ns));
        expect_same(whole[0], energy_between(run.counter, at(10), at(run.end_ns)), seed);
        expect_same(whole[1], energy_between(run.gauge, at(10), at(run.end_ns)), seed);
        const auto phases = recorder.phase_energies(at(run.end_ns));
        ASSERT_EQ(phases.size(), 1U);
        const PhaseSpan& span = phases[0].span;
        expect_same(phases[0].channels[0], energy_between(run.counter, span.begin, span.end), seed);
        expect_same(phases[0].channels[1], energy_between(run.gauge, span.begin, span.end), seed);
    }
}

TEST(Recorder, FiguresOnTheWayAreThoseOfTheReadingsSoFar) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const RandomRun run(seed);
        Recorder recorder({run.counter.spec(), run.gauge.spec()}, RecorderOptions{.begin = at(10)});
        ChannelTrace counter(run.counter.spec());
        ChannelTrace gauge(run.gauge.spec());
        for (std::size_t i = 0; i < run.counter.readings().size(); ++i) {
            counter.add(run.counter.readings()[i]);
            gauge.add(run.gauge.readings()[i]);
            recorder.add_reading(0, run.counter.readings()[i]);
            recorder.add_reading(1, run.gauge.readings()[i]);
            const auto now = recorder.run_energies(counter.last_time());
            expect_same(now[0], energy_between(counter, at(10), counter.last_time()), seed);
            expect_same(now[1], energy_between(gauge, at(10), gauge.last_time()), seed);
        }
    }
}

TEST(Recorder, EdgeThatIsTooOldCountsAtTheOldestReadingsKeptAndSaysSo) {
    Recorder recorder({counter_uj(std::nullopt)}, RecorderOptions{.begin = at(0)});
    for (std::int64_t i = 0; i <= 600; ++i) {
        recorder.add_reading(0, good(i * kTenth, static_cast<std::uint64_t>(i) * 10'000'000));
    }
    EXPECT_EQ(recorder.add_phase_edge("p", PhaseEdge::kBegin, at(10 * kSecond)), at(57 * kSecond));
    MeterResult result;
    result.end = at(60 * kSecond);
    recorder.fill_result(result);
    EXPECT_NEAR(result.phases.at(0).energy.energy.value().as_joules(), 300, 1e-6);
    EXPECT_THAT(result.notes, Contains(HasSubstr("begin reported 50.000 s late")));
}

TEST(Recorder, MemoryOfALongRunDoesNotGrow) {
    // What is kept: readings of the last seconds, one window, and the thinned series.
    Recorder recorder({counter_uj(kSmallRange), gauge_mw()}, RecorderOptions{.begin = at(0)});
    std::uint64_t allocated_after_an_hour = 0;
    for (std::int64_t i = 0; i <= 10 * 36'000; ++i) {
        recorder.add_reading(
            0, good(i * kTenth, static_cast<std::uint64_t>(i) * 10'000'000 % kSmallRange));
        recorder.add_reading(1, good(i * kTenth, 100'000));
        if (i == 36'000) {
            allocated_after_an_hour = ::mallinfo2().uordblks;
        }
    }
    EXPECT_LE(::mallinfo2().uordblks, allocated_after_an_hour + 300'000);
}

TEST(Recorder, LivePowerIsTheMeanOfTheLastSecondAndVanishesWithTheReadings) {
    Recorder recorder({counter_uj(std::nullopt)}, RecorderOptions{.begin = at(0)});
    std::uint64_t raw = 0;
    for (std::int64_t i = 0; i <= 50; ++i) {
        recorder.add_reading(0, good(i * kTenth, raw));
        raw += i < 30 ? 10'000'000 : 20'000'000;  // 100 W, then 200 W
    }
    EXPECT_NEAR(recorder.live(at(5 * kSecond)).power.value().as_watts(), 200, 1e-6);
    EXPECT_NEAR(recorder.live(at(5 * kSecond)).energy.value().as_joules(), 700, 1e-6);
    EXPECT_FALSE(recorder.live(at(9 * kSecond)).power.has_value());
}

TEST(Recorder, CheckpointInterpolatesToItsTime) {
    Recorder recorder({counter_uj(kSmallRange)}, RecorderOptions{.begin = at(0)});
    EXPECT_FALSE(recorder.checkpoint(at(1), WallTime{}).channels[0].time.has_value());
    recorder.add_reading(0, good(kTenth, kSmallRange - 1'000'000));
    recorder.add_reading(0, good(2 * kTenth, 1'000'000));
    recorder.add_reading(0, failed(3 * kTenth));
    const auto half = recorder.checkpoint(at(kTenth + kTenth / 2), WallTime{}).channels[0];
    EXPECT_EQ(half.energy_uj, 1'000'000U);
    EXPECT_EQ(half.raw, 0U);
    EXPECT_EQ(half.time, at(kTenth + kTenth / 2));
    EXPECT_EQ(half.first_good_time, at(kTenth));
    const auto late = recorder.checkpoint(at(3 * kTenth + 1), WallTime{}).channels[0];
    EXPECT_EQ(late.energy_uj, 2'000'000U);
    EXPECT_EQ(late.raw, 1'000'000U);
    EXPECT_EQ(late.time, at(2 * kTenth));
    EXPECT_EQ(late.gaps, 1U);
    EXPECT_EQ(late.wraps, 1U);
}

TEST(Recorder, SeriesOfADayStaysSmall) {
    Recorder recorder({counter_uj(std::nullopt)}, RecorderOptions{.begin = at(0)});
    for (std::int64_t i = 0; i <= 864'000; ++i) {
        recorder.add_reading(0, good(i * kTenth, static_cast<std::uint64_t>(i) * 10'000'000));
    }
    MeterResult result;
    result.end = at(86'400 * kSecond);
    recorder.fill_result(result);
    EXPECT_LE(result.series.at(0).t_s.size(), 2'000U);
    EXPECT_DOUBLE_EQ(result.energy.energy.value().as_joules(), 8'640'000);
}

TEST(PhaseBook, NamesMayComeBackAndOverlap) {
    PhaseBook book;
    EXPECT_TRUE(book.add("a", PhaseEdge::kBegin, at(1)).has_value());
    EXPECT_TRUE(book.add("b", PhaseEdge::kBegin, at(2)).has_value());
    EXPECT_FALSE(book.add("a", PhaseEdge::kBegin, at(3)).has_value());
    EXPECT_TRUE(book.add("a", PhaseEdge::kEnd, at(4)).has_value());
    EXPECT_FALSE(book.add("a", PhaseEdge::kEnd, at(5)).has_value());
    EXPECT_TRUE(book.add("a", PhaseEdge::kBegin, at(6)).has_value());
    const auto spans = book.spans(at(9));
    ASSERT_EQ(spans.size(), 3U);
    EXPECT_EQ(spans[0].end, at(4));
    EXPECT_EQ(spans[1].name, "b");
    EXPECT_EQ(spans[1].end, at(9));
    EXPECT_FALSE(spans[1].is_closed);
    EXPECT_EQ(spans[2].begin, at(6));
}

TEST(PhaseBook, NameThatReturnsBeforeItsLastEndBeginsThere) {
    PhaseBook book;
    book.add("a", PhaseEdge::kBegin, at(1));
    book.add("a", PhaseEdge::kEnd, at(5));
    EXPECT_EQ(book.add("a", PhaseEdge::kBegin, at(3)).value().begin, at(5));
}

TEST(PhaseBook, EndBeforeItsBeginCountsAsAtTheBegin) {
    PhaseBook book;
    book.add("a", PhaseEdge::kBegin, at(5));
    book.add("a", PhaseEdge::kEnd, at(3));
    EXPECT_EQ(book.spans(at(9)).at(0).end, at(5));
}

}  // namespace
}  // namespace finewatt
