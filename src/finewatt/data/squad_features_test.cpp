#include "finewatt/data/squad_features.h"

#include "finewatt/base/check.h"
#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

#include <optional>

namespace finewatt {
namespace {

using Ints = std::vector<std::int32_t>;

/// Ids: [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, [MASK] 4, then a..h as 5..12.
WordPieceTokenizer letters() {
    auto tokenizer = WordPieceTokenizer::from_tokens(
        {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c", "d", "e", "f", "g", "h"}, {});
    FINEWATT_CHECK(tokenizer.has_value(), "the tokens are distinct");
    return std::move(tokenizer).value();
}

/// One question "a" about a context, with an answer or none.
SquadData one_question(const std::string& context, std::optional<SquadAnswer> answer) {
    SquadData data;
    data.contexts = {context};
    SquadExample example;
    example.id = "q7";
    example.question = "a";
    if (answer) {
        example.answers = {*answer};
    }
    data.examples = {example};
    return data;
}

struct Made {
    std::vector<SquadFeature> features;
    SquadFeatureCounts counts;
};

Result<Made> make(const SquadData& data, const SquadFeatureOptions& options) {
    Made made;
    FINEWATT_ASSIGN(
        made.counts,
        make_squad_features(data, letters(), options, [&](SquadFeature&& feature) -> Status {
            made.features.push_back(std::move(feature));
            return {};
        }));
    return made;
}

TEST(SquadFeatures, WindowsShareTheStrideAndTheFirstToReachTheEndIsTheLast) {
    // 8 tokens in windows of 4 (8 - 3 specials - 1 of the question) that share 2.
    ASSERT_OK_AND_ASSIGN(const Made made, make(one_question("a b c d e f g h", std::nullopt),
                                               {.max_length = 8, .doc_stride = 2}));
    ASSERT_EQ(made.features.size(), 3U);
    EXPECT_EQ(made.features[0].ids, (Ints{2, 5, 3, 5, 6, 7, 8, 3}));
    EXPECT_EQ(made.features[1].ids, (Ints{2, 5, 3, 7, 8, 9, 10, 3}));
    EXPECT_EQ(made.features[2].ids, (Ints{2, 5, 3, 9, 10, 11, 12, 3}));
    EXPECT_EQ(made.features[2].type_ids, (Ints{0, 0, 0, 1, 1, 1, 1, 1}));
    EXPECT_EQ(made.features[2].offset_begins, (Ints{-1, -1, -1, 8, 10, 12, 14, -1}));
    EXPECT_EQ(made.features[2].offset_ends, (Ints{-1, -1, -1, 9, 11, 13, 15, -1}));
    EXPECT_EQ(made.counts.features, 3U);
}

TEST(SquadFeatures, AnswerIsMarkedWhereAWindowHoldsAllOfIt) {
    ASSERT_OK_AND_ASSIGN(const Made made, make(one_question("a b c d e f g h", {{"c d", 4}}),
                                               {.max_length = 8, .doc_stride = 2}));
    EXPECT_EQ(made.features[0].answer_start, 5);
    EXPECT_EQ(made.features[0].answer_end, 6);
    EXPECT_EQ(made.features[1].answer_start, 3);
    EXPECT_EQ(made.features[1].answer_end, 4);
    EXPECT_EQ(made.features[2].answer_start, 0);
    EXPECT_EQ(made.features[2].answer_end, 0);
    EXPECT_EQ(made.counts.windows_with_answer, 2U);
}

TEST(SquadFeatures, AnswerInTheLastTokenStartsThere) {
    ASSERT_OK_AND_ASSIGN(const Made made, make(one_question("a b c", {{"c", 4}}), {}));
    EXPECT_EQ(made.features[0].answer_start, 5);
    EXPECT_EQ(made.features[0].answer_end, 5);
}

TEST(SquadFeatures, PlacesAreCodePointsAndHalfATokenCountsAsAll) {
    ASSERT_OK_AND_ASSIGN(const Made made,
                         make(one_question("\xC3\xA9\xE2\x82\xAC, b cde", {{"d", 7}}), {}));
    // [CLS] a [SEP] [UNK] , b [UNK] [SEP]: the answer is inside the last word.
    EXPECT_EQ(made.features[0].answer_start, 6);
    EXPECT_EQ(made.features[0].answer_end, 6);
}

TEST(SquadFeatures, WithoutTrainingNothingIsMarkedOrChecked) {
    ASSERT_OK_AND_ASSIGN(const Made made,
                         make(one_question("a b", {{"wrong", 0}}), {.is_training = false}));
    EXPECT_EQ(made.features[0].answer_end, 0);
}

TEST(SquadFeatures, AnswerThatIsNotInItsPlaceIsRefusedOrCounted) {
    const SquadData data = one_question("a b c", {{"b c", 0}});
    EXPECT_ERROR(kInvalidArgument, make(data, {}), "question 'q7': expected the answer 'b c' at");
    EXPECT_ERROR(kInvalidArgument, make(data, {}), "found 'a b'");
    ASSERT_OK_AND_ASSIGN(const Made made, make(data, {.answer_check = AnswerCheck::kCount}));
    EXPECT_EQ(made.counts.answers_not_in_context, 1U);
    EXPECT_EQ(made.counts.first_not_in_context, "q7");
    EXPECT_EQ(made.features[0].answer_start, 3);  // as if it were there
    EXPECT_EQ(made.features[0].answer_end, 4);
}

TEST(SquadFeatures, AnswerBeyondTheContextIsNoneWhenCounted) {
    ASSERT_OK_AND_ASSIGN(const Made made, make(one_question("a b c", {{"c", 900}}),
                                               {.answer_check = AnswerCheck::kCount}));
    EXPECT_EQ(made.features[0].answer_start, 0);
    EXPECT_EQ(made.counts.windows_with_answer, 0U);
}

TEST(SquadFeatures, EmptyAnswersAndTooLongQuestionsNameTheQuestion) {
    EXPECT_ERROR(kInvalidArgument, make(one_question("a b c", {{"", 0}}), {}),
                 "question 'q7': expected the text of an answer");
    const SquadData data = one_question("a b c d", std::nullopt);
    EXPECT_ERROR(kInvalidArgument, make(data, {.max_length = 6, .doc_stride = 2}), "question 'q7'");
    EXPECT_ERROR(kInvalidArgument, make(data, {.max_length = 4, .doc_stride = 0}), "found 0");
    EXPECT_ERROR(kInvalidArgument, make(data, {.max_length = 3, .doc_stride = 0}), "found 0");
    EXPECT_ERROR(kInvalidArgument, make(data, {.max_length = 0}), "max length of 1 or more");
}

TEST(SquadFeatures, ShortContextsNeedNoRoomForTheStrideAndEmptyOnesGiveOneFeature) {
    ASSERT_OK_AND_ASSIGN(const Made made,
                         make(one_question("b", std::nullopt), {.max_length = 5, .doc_stride = 9}));
    EXPECT_EQ(made.features[0].ids, (Ints{2, 5, 3, 6, 3}));
    ASSERT_OK_AND_ASSIGN(const Made empty, make(one_question(" ", std::nullopt), {}));
    ASSERT_EQ(empty.features.size(), 1U);
    EXPECT_EQ(empty.features[0].ids, (Ints{2, 5, 3, 3}));
}

TEST(SquadFeatures, GatheredFeaturesAreTheSame) {
    const SquadData data = one_question("a b c d e f g h", {{"c d", 4}});
    const SquadFeatureOptions options{.max_length = 8, .doc_stride = 2};
    ASSERT_OK_AND_ASSIGN(const Made made, make(data, options));
    ASSERT_OK_AND_ASSIGN(const QuestionFeatures gathered,
                         encode_questions(data, letters(), options));
    ASSERT_EQ(gathered.features.size(), made.features.size());
    EXPECT_EQ(gathered.counts.windows_with_answer, 2U);
    for (std::size_t i = 0; i < made.features.size(); ++i) {
        const FeatureView view = gathered.features[i];
        EXPECT_EQ(Ints(view.ids.begin(), view.ids.end()), made.features[i].ids);
        EXPECT_EQ(Ints(view.offset_ends.begin(), view.offset_ends.end()),
                  made.features[i].offset_ends);
        EXPECT_EQ(view.answer_end, made.features[i].answer_end);
        EXPECT_EQ(view.example, 0);
    }
}

TEST(SquadFeatures, AnErrorOfTheTakerEndsTheWork) {
    const SquadData data = one_question("a b c", std::nullopt);
    const auto result = make_squad_features(data, letters(), {}, [](SquadFeature&&) -> Status {
        return FINEWATT_ERROR(kIo, "the disk is full");
    });
    EXPECT_ERROR(kIo, result, "the disk is full");
}

}  // namespace
}  // namespace finewatt
