#include "finewatt/carbon/zoned_time_internal.h"
#include "finewatt/testing/matchers.h"

#include <string>

namespace finewatt {
namespace {

std::string utc(std::string_view text) {
    const std::optional<ZonedTime> time = parse_zoned_time(text);
    return time ? time->time.to_iso8601() : "none";
}

TEST(ZonedTime, OffsetsAreTakenBackToUtc) {
    EXPECT_EQ(utc("2026-11-23T04:00:00Z"), "2026-11-23T04:00:00.000Z");
    EXPECT_EQ(utc("2026-11-23T05:00:00+01:00"), "2026-11-23T04:00:00.000Z");
    EXPECT_EQ(utc("2026-11-23 00:30-0330"), "2026-11-23T04:00:00.000Z");
    EXPECT_EQ(utc("2026-11-23T00:00:00.250+14"), "2026-11-22T10:00:00.250Z");
    EXPECT_EQ(utc("2024-02-29T23:59:59z"), "2024-02-29T23:59:59.000Z");
    EXPECT_EQ(utc("2022-07-15T00:00:00+00:00"), "2022-07-15T00:00:00.000Z");
}

TEST(ZonedTime, HourThatIsDoubleWhenClocksGoBackStaysTwoHours) {
    // Berlin, 2026-10-25: 02:30 occurs twice.
    EXPECT_EQ(utc("2026-10-25T02:30:00+02:00"), "2026-10-25T00:30:00.000Z");
    EXPECT_EQ(utc("2026-10-25T02:30:00+01:00"), "2026-10-25T01:30:00.000Z");
}

TEST(ZonedTime, MissingZoneIsTold) {
    EXPECT_TRUE(parse_zoned_time("2026-11-23T04:00:00Z")->has_zone);
    EXPECT_TRUE(parse_zoned_time("2026-11-23T04:00-05:00")->has_zone);
    EXPECT_FALSE(parse_zoned_time("2026-11-23 04:00:00")->has_zone);
    EXPECT_FALSE(parse_zoned_time("2026-11-23T04:00")->has_zone);
}

TEST(ZonedTime, OtherTextsAreNoTimes) {
    for (const char* text :
         {"", "yesterday", "2026-11-23", "2026-11-23T04", "2026-13-23T04:00:00Z",
          "2026-02-30T04:00:00Z", "2026-11-23T25:00:00Z", "2026-11-23T04:61:00Z",
          "2026-11-23T04:00:00+1:00", "2026-11-23T04:00:00+19:00", "2026-11-23T04:00:00+01:75",
          "2026-11-23T04:00:00+01:00Z", "2026-11-23T04:00:00Zx", "23/11/2026 04:00:00",
          "2026-11-23T04:00:00 Europe/Berlin", "2026-11-23T04:00:00+", "1795406400"}) {
        EXPECT_EQ(utc(text), "none") << text;
    }
}

}  // namespace
}  // namespace finewatt
