#include "finewatt/data/features.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace finewatt {
namespace {

using ::testing::ElementsAre;
using Values = std::vector<std::int32_t>;

FeatureSet two_questions() {
    FeatureSetBuilder builder(TaskKind::kQuestionAnswering);
    builder.add({.ids = Values{2, 7, 3},
                 .type_ids = Values{0, 0, 1},
                 .answer_start = 1,
                 .answer_end = 2,
                 .offset_begins = Values{-1, -1, 0},
                 .offset_ends = Values{-1, -1, 4},
                 .example = 5});
    builder.add({.ids = Values{2},
                 .type_ids = Values{0},
                 .offset_begins = Values{-1},
                 .offset_ends = Values{-1},
                 .example = 6});
    return std::move(builder).finish();
}

TEST(FeatureSet, GivesBackWhatWasAdded) {
    const FeatureSet set = two_questions();
    ASSERT_EQ(set.size(), 2U);
    EXPECT_EQ(set.kind(), TaskKind::kQuestionAnswering);
    EXPECT_EQ(set.total_tokens(), 4);
    EXPECT_EQ(set.length(0), 3);
    EXPECT_EQ(set.length(1), 1);
    const FeatureView first = set[0];
    EXPECT_THAT(first.ids, ElementsAre(2, 7, 3));
    EXPECT_THAT(first.type_ids, ElementsAre(0, 0, 1));
    EXPECT_THAT(first.offset_ends, ElementsAre(-1, -1, 4));
    EXPECT_EQ(first.answer_end, 2);
    EXPECT_EQ(first.example, 5);
    EXPECT_TRUE(first.token_labels.empty());
    const FeatureView second = set[1];
    EXPECT_THAT(second.ids, ElementsAre(2));
    EXPECT_EQ(second.answer_start, 0);
    EXPECT_EQ(second.example, 6);
}

TEST(FeatureSet, MovesWithItsArraysAndLeavesAnEmptySet) {
    FeatureSet from = two_questions();
    const FeatureSet to = std::move(from);
    EXPECT_THAT(to[0].ids, ElementsAre(2, 7, 3));
    EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): promised by the header
    EXPECT_TRUE(FeatureSet().empty());
    EXPECT_EQ(FeatureSet().total_tokens(), 0);
}

TEST(FeatureSetDeathTest, ArraysOfDifferentLengthAreABug) {
    FeatureSetBuilder builder(TaskKind::kClassification);
    EXPECT_DEATH(builder.add({.ids = Values{1, 2}, .type_ids = Values{0}}), "one value in every");
    EXPECT_DEATH(two_questions()[2], "a feature is asked for that exists");
}

}  // namespace
}  // namespace finewatt
