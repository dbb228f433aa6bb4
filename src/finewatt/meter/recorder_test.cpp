#include "finewatt/meter/recorder_internal.h"
#include "finewatt/meter/test_traces_internal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace finewatt {
namespace {

using meter_test::at;
using meter_test::counter_uj;
using meter_test::failed;
using meter_test::gauge_mw;
using meter_test::good;
using meter_test::kSecond;
using meter_test::kSmallRange;
using meter_test::kTenth;
using ::testing::Contains;
using ::testing::HasSubstr;

void expect_same(const ChannelEnergy& got, const ComponentEnergy& want, std::uint64_t seed) {
    EXPECT_EQ(got.energy, want.energy) << "seed " << seed;
    EXPECT_EQ(got.energy_low, want.energy_low) << "seed " << seed;
    EXPECT_EQ(got.energy_high, want.energy_high) << "seed " << seed;
    EXPECT_EQ(got.power_max, want.power_max) << "seed " << seed;
    EXPECT_EQ(got.coverage, want.coverage) << "seed " << seed;
    EXPECT_EQ(got.reason, want.reason) << "seed " << seed;
}

TEST(Recorder, GrowingWindowAgreesWithTheOneComputedAtTheEnd) {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        std::mt19937_64 random(seed);
        Recorder recorder({counter_uj(kSmallRange), gauge_mw(25)}, at(10));
        std::int64_t t_ns = 20;
        std::uint64_t total = kSmallRange - 1'000'000'000;
        const std::uint64_t readings = 2 + random() % 400;
        for (std::uint64_t i = 0; i < readings; ++i) {
            t_ns += static_cast<std::int64_t>(random() % 200'000'000);
            total += random() % 20'000'000;
            const bool is_lost = random() % 10 == 0;
            recorder.add_reading(0, is_lost ? failed(t_ns) : good(t_ns, total % kSmallRange));
            recorder.add_reading(1, is_lost ? failed(t_ns) : good(t_ns, random() % 300'000));
        }
        MeterResult result;
        result.begin = at(10);
        result.end = at(t_ns + 5);
        recorder.fill_result(result);
        const Checkpoint checkpoint = recorder.checkpoint(result.end, WallTime{});
        for (std::size_t i = 0; i < 2; ++i) {
            expect_same(checkpoint.channels[i].energy, result.energy.components[i], seed);
        }
    }
}

TEST(Recorder, LivePowerIsTheMeanOfTheLastSecondAndVanishesWithTheReadings) {
    Recorder recorder({counter_uj(std::nullopt)}, at(0));
    std::uint64_t raw = 0;
    for (std::int64_t i = 0; i <= 50; ++i) {
        recorder.add_reading(0, good(i * kTenth, raw));
        raw += i < 30 ? 10'000'000 : 20'000'000;  // 100 W, then 200 W
    }
    EXPECT_NEAR(recorder.live(at(5 * kSecond)).power.value().as_watts(), 200, 1e-6);
    EXPECT_NEAR(recorder.live(at(5 * kSecond)).energy.value().as_joules(), 700, 1e-6);
    EXPECT_FALSE(recorder.live(at(9 * kSecond)).power.has_value());
}

TEST(Recorder, CheckpointKeepsTheLastRawValue) {
    Recorder recorder({counter_uj(kSmallRange)}, at(0));
    EXPECT_FALSE(recorder.checkpoint(at(1), WallTime{}).channels[0].last_raw.has_value());
    recorder.add_reading(0, good(5, 77));
    recorder.add_reading(0, failed(6));
    EXPECT_EQ(recorder.checkpoint(at(7), WallTime{}).channels[0].last_raw, 77U);
}

TEST(Recorder, SeriesOfADayStaysSmall) {
    Recorder recorder({counter_uj(std::nullopt)}, at(0));
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
    EXPECT_TRUE(book.add("a", PhaseEdge::kBegin, at(1)));
    EXPECT_TRUE(book.add("b", PhaseEdge::kBegin, at(2)));
    EXPECT_FALSE(book.add("a", PhaseEdge::kBegin, at(3)));
    EXPECT_TRUE(book.add("a", PhaseEdge::kEnd, at(4)));
    EXPECT_FALSE(book.add("a", PhaseEdge::kEnd, at(5)));
    EXPECT_TRUE(book.add("a", PhaseEdge::kBegin, at(6)));
    const auto spans = book.spans(at(9));
    ASSERT_EQ(spans.size(), 3U);
    EXPECT_EQ(spans[0].end, at(4));
    EXPECT_EQ(spans[1].name, "b");
    EXPECT_EQ(spans[1].end, at(9));
    EXPECT_FALSE(spans[1].is_closed);
    EXPECT_EQ(spans[2].begin, at(6));
}

TEST(PhaseBook, EndBeforeItsBeginCountsAsAtTheBegin) {
    PhaseBook book;
    book.add("a", PhaseEdge::kBegin, at(5));
    book.add("a", PhaseEdge::kEnd, at(3));
    EXPECT_EQ(book.spans(at(9)).at(0).end, at(5));
}

}  // namespace
}  // namespace finewatt
