#include "finewatt/base/clock.h"

#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

namespace finewatt {
namespace {

TEST(WallTime, PrintedTimeReadsBackToTheMillisecond) {
    ASSERT_OK_AND_ASSIGN(const WallTime time, WallTime::parse_iso8601("2026-11-23T04:28:00.125Z"));
    EXPECT_EQ(time.to_iso8601(), "2026-11-23T04:28:00.125Z");
    EXPECT_EQ(time.as_unix_ns(), 1'795'408'080'125'000'000);
}

TEST(WallTime, TimesBeforeTheEpochAndLeapDaysArePrinted) {
    EXPECT_EQ(WallTime::from_unix_ns(-1).to_iso8601(), "1969-12-31T23:59:59.999Z");
    EXPECT_EQ(WallTime::from_unix_ns(951'782'400'000'000'000).to_iso8601(),
              "2000-02-29T00:00:00.000Z");
}

TEST(WallTime, TextThatIsNotUtcIsRefused) {
    EXPECT_ERROR(kInvalidArgument, WallTime::parse_iso8601("yesterday"), "yesterday");
    EXPECT_ERROR(kInvalidArgument, WallTime::parse_iso8601("2026-11-23T04:28:00Zx"),
                 "expected UTC");
}

TEST(SystemClock, MonotonicTimeDoesNotGoBack) {
    const SystemClock clock;
    const MonoTime first = clock.mono_now();
    EXPECT_GE(clock.mono_now(), first);
}

}  // namespace
}  // namespace finewatt
