#include "finewatt/carbon/near_matches_internal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace finewatt {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(EditDistance, TextbookValues) {
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
    EXPECT_EQ(edit_distance("", "abc"), 3U);
    EXPECT_EQ(edit_distance("abc", ""), 3U);
    EXPECT_EQ(edit_distance("same", "same"), 0U);
}

TEST(NearMatches, NearestComesFirstAndEachIsShownOnce) {
    const std::vector<Candidate> candidates{
        {"Germany", "DEU"}, {"RFCE", "RFCE"}, {"DEU", "DEU"}, {"RFCW", "RFCW"}, {"RF", "RF"}};
    EXPECT_THAT(near_matches("rfcw", candidates), ElementsAre("RFCW", "RFCE", "RF"));
    EXPECT_THAT(near_matches("germani", candidates), ElementsAre("DEU"));
}

TEST(NearMatches, BeginningOfANameIsEnough) {
    const std::vector<Candidate> candidates{{"South Africa", "ZAF"}, {"Norway", "NOR"}};
    EXPECT_THAT(near_matches("south", candidates), ElementsAre("ZAF"));
}

TEST(NearMatches, NothingSimilarGivesNothing) {
    const std::vector<Candidate> candidates{{"Norway", "NOR"}};
    EXPECT_THAT(near_matches("xyzxyz", candidates), IsEmpty());
    EXPECT_THAT(near_matches(std::string(100'000, 'x'), candidates), IsEmpty());
}

}  // namespace
}  // namespace finewatt
