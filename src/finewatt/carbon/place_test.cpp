#include "finewatt/carbon/place.h"

#include "finewatt/testing/matchers.h"

namespace finewatt {
namespace {

TEST(Place, FourKindsReadAndPrintBack) {
    for (const char* text : {"zip:15213", "subregion:RFCW", "country:FRA", "country:FR",
                             "intensity:474.5", "intensity:0"}) {
        ASSERT_OK_AND_ASSIGN(const Place place, parse_place(text));
        EXPECT_EQ(place_text(place), text);
    }
}

TEST(Place, CodesMayBeWrittenSmall) {
    EXPECT_EQ(parse_place("subregion:rfcw").value().name, "RFCW");
    EXPECT_EQ(parse_place("country:fra").value().name, "FRA");
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

TEST(Place, MissingKindNamesTheFormsAndAGuess) {
    EXPECT_ERROR(kInvalidArgument, parse_place("15213"), "did you mean zip:15213?");
    EXPECT_ERROR(kInvalidArgument, parse_place("fra"), "did you mean country:FRA?");
    EXPECT_ERROR(kInvalidArgument, parse_place("RFCW"), "did you mean subregion:RFCW?");
    EXPECT_ERROR(kInvalidArgument, parse_place("Pittsburgh"), "expected zip:15213, subregion:");
    EXPECT_ERROR(kInvalidArgument, parse_place("city:Pittsburgh"), "found the kind 'city'");
    EXPECT_ERROR(kInvalidArgument, parse_place("country:"), "country: expected a code");
}

}  // namespace
}  // namespace finewatt
