#include "finewatt/carbon/place.h"

#include "finewatt/testing/matchers.h"

namespace finewatt {
namespace {

TEST(Place, EveryKindReadsAndPrintsBack) {
    for (const char* text :
         {"zip:15213", "subregion:RFCW", "state:PA", "country:FRA", "country:FR", "region:CA-ON",
          "region:SE3", "cloud:gcp/us-central1", "intensity:474.5", "intensity:0"}) {
        ASSERT_OK_AND_ASSIGN(const Place place, parse_place(text));
        EXPECT_EQ(place_text(place), text);
    }
}

TEST(Place, CodesMayBeWrittenSmall) {
    EXPECT_EQ(parse_place("subregion:rfcw").value().name, "RFCW");
    EXPECT_EQ(parse_place("country:fra").value().name, "FRA");
    EXPECT_EQ(parse_place("State:pa").value().name, "PA");
    EXPECT_EQ(parse_place("region:ca-on").value().name, "CA-ON");
    EXPECT_EQ(parse_place("cloud:GCP/US-Central1").value().name, "gcp/us-central1");
}

TEST(Place, NineDigitZipIsCutToFive) {
    EXPECT_EQ(parse_place("zip:15213-3890").value().name, "15213");
    EXPECT_EQ(parse_place("zip:152133890").value().name, "15213");
}

TEST(Place, ZipThatIsNotFiveOrNineDigitsIsRefused) {
    for (const char* text :
         {"zip:", "zip:1521", "zip:152133", "zip:15213-", "zip:15213-38901", "zip:1521-33890",
          "zip:ABCDE", "zip:1521O", "zip:15213-389A", "zip:15213 ", "zip:-5213"}) {
        EXPECT_ERROR(kInvalidArgument, parse_place(text), "expected five digits") << text;
    }
}

TEST(Place, IntensityIsANumberOfZeroOrMore) {
    for (const char* text : {"intensity:-1", "intensity:", "intensity:abc", "intensity:474.5g",
                             "intensity:inf", "intensity:nan", "intensity:1e999"}) {
        EXPECT_ERROR(kInvalidArgument, parse_place(text), "carbon intensity") << text;
    }
}

TEST(Place, IntensityOfAnotherUnitIsRefusedWithAHint) {
    EXPECT_ERROR(kInvalidArgument, parse_place("intensity:5000.1"),
                 "expected at most 5000 g/kWh, found 5000.1, so probably another unit; lb/MWh");
    EXPECT_ERROR(kInvalidArgument, parse_place("intensity:474500"), "g/MWh");
    ASSERT_OK(parse_place("intensity:5000"));
}

TEST(Place, HostileTextIsRefusedWithoutAnEcho) {
    for (const std::string& text :
         {std::string("country:\x1b[31mFRA"), std::string("\x1b]0;owned\x07"),
          std::string("country:FR\nA"), std::string("zip:15213\0", 10),
          std::string("country:\xc2\x9b"), std::string("region:\xe2\x80\xae")}) {
        const Result<Place> place = parse_place(text);
        ASSERT_FALSE(place.has_value());
        EXPECT_THAT(place.error().describe(), ::testing::HasSubstr("not printable ASCII"));
        for (const char c : place.error().describe()) {
            EXPECT_TRUE(c >= ' ' && c <= '~');
        }
    }
}

TEST(Place, LongTextIsRefusedInAShortMessage) {
    const std::string text(100'000, 'A');
    for (const char* kind : {"zip:", "subregion:", "state:", "country:", "region:", "cloud:",
                             "intensity:", "galaxy:", ""}) {
        const Result<Place> place = parse_place(kind + text);
        ASSERT_FALSE(place.has_value()) << kind;
        EXPECT_LT(place.error().describe().size(), 400U) << kind;
    }
    EXPECT_LT(parse_place(text + ":x").error().describe().size(), 400U);
}

TEST(Place, MissingKindNamesTheFormsAndAGuess) {
    EXPECT_ERROR(kInvalidArgument, parse_place("15213"), "did you mean zip:15213?");
    EXPECT_ERROR(kInvalidArgument, parse_place("fra"), "did you mean country:FRA?");
    EXPECT_ERROR(kInvalidArgument, parse_place("RFCW"), "did you mean subregion:RFCW?");
    EXPECT_ERROR(kInvalidArgument, parse_place("gcp/us-central1"),
                 "did you mean cloud:gcp/us-central1?");
    EXPECT_ERROR(kInvalidArgument, parse_place("Pittsburgh"), "expected zip:15213, subregion:");
    EXPECT_ERROR(kInvalidArgument, parse_place("city:Pittsburgh"), "found the kind 'city'");
    EXPECT_ERROR(kInvalidArgument, parse_place("country:"), "country: expected a code");
}

}  // namespace
}  // namespace finewatt
