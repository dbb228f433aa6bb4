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
