#include "finewatt/data/squad_answers.h"

#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>

namespace finewatt {
namespace {

using Ints = std::vector<std::int32_t>;
using Floats = std::vector<float>;

/// Question q0 about "Ann saw Rome", without references.
SquadData one_question() {
    SquadData data;
    data.contexts = {"Ann saw R\xC3\xB6me"};
    SquadExample example;
    example.id = "q0";
    data.examples = {example};
    return data;
}

// [CLS] question [SEP] Ann saw Röme [SEP]
const Ints kBegins = {-1, -1, -1, 0, 4, 8, -1};
const Ints kEnds = {-1, -1, -1, 3, 7, 12, -1};

Result<SquadAnswers> answer(const SquadAnswerOptions& options, const Floats& starts,
                            const Floats& ends) {
    const SquadData data = one_question();
    FINEWATT_ASSIGN(SquadAnswerFinder finder, SquadAnswerFinder::create(data, options));
    FINEWATT_TRY(finder.add(0, 0, kBegins, kEnds, starts, ends));
    return std::move(finder).finish();
}

TEST(SquadAnswers, GreatestSumWinsAndTextIsASliceOfCodePoints) {
    ASSERT_OK_AND_ASSIGN(const SquadAnswers answers,
                         answer({}, {9, 9, 9, 1, 2, 3, 9}, {9, 9, 9, 0, 0, 4, 9}));
    const SquadPrediction& prediction = answers.predictions[0];
    EXPECT_EQ(prediction.text, "R\xC3\xB6me");
    ASSERT_EQ(prediction.n_best.size(), 6U);  // spans of three tokens that do not run backwards
    EXPECT_EQ(prediction.n_best[1].text, "saw R\xC3\xB6me");
    EXPECT_NEAR(prediction.n_best[1].probability / prediction.n_best[0].probability, std::exp(-1),
                1e-12);
    EXPECT_FALSE(prediction.null_odds.has_value());
}

TEST(SquadAnswers, TooLongSpansAndThoseBeyondTheNBestAreNotLookedAt) {
    const Floats starts = {0, 0, 0, 9, 3, 1, 0};
    const Floats ends = {0, 0, 0, 1, 2, 9, 0};
    ASSERT_OK_AND_ASSIGN(const SquadAnswers shorter,
                         answer({.max_answer_length = 2}, starts, ends));
    EXPECT_EQ(shorter.predictions[0].text, "saw R\xC3\xB6me");
    ASSERT_OK_AND_ASSIGN(const SquadAnswers one, answer({.n_best = 1}, starts, ends));
    ASSERT_EQ(one.predictions[0].n_best.size(), 1U);
    EXPECT_EQ(one.predictions[0].text, "Ann saw R\xC3\xB6me");
}

TEST(SquadAnswers, NullAnswerWinsAboveTheThresholdOnly) {
    const Floats starts = {5, 0, 0, 1, 0, 0, 0};
    const Floats ends = {5, 0, 0, 1, 0, 0, 0};
    ASSERT_OK_AND_ASSIGN(const SquadAnswers none, answer({.has_no_answer = true}, starts, ends));
    EXPECT_EQ(none.predictions[0].text, "");
    EXPECT_EQ(none.predictions[0].best_text, "Ann");
    EXPECT_EQ(none.predictions[0].null_odds, 8.0);
    ASSERT_OK_AND_ASSIGN(const SquadAnswers some,
                         answer({.has_no_answer = true, .null_threshold = 8}, starts, ends));
    EXPECT_EQ(some.predictions[0].text, "Ann");
}

TEST(SquadAnswers, NullAnswerIsPutBackWhereItFallsOutOfTheNBest) {
    const Floats starts = {-9, 0, 0, 1, 2, 3, -20};
    const Floats ends = {-9, 0, 0, 1, 2, 3, -20};
    ASSERT_OK_AND_ASSIGN(const SquadAnswers answers,
                         answer({.n_best = 3, .has_no_answer = true}, starts, ends));
    const auto& n_best = answers.predictions[0].n_best;
    ASSERT_EQ(n_best.size(), 4U);
    EXPECT_EQ(n_best[3].text, "");
    EXPECT_EQ(n_best[3].start_logit, -9.0F);
}

TEST(SquadAnswers, NullScoreIsTheLeastOverTheFeaturesInWhateverOrderTheyCome) {
    const SquadData data = one_question();
    const Floats low = {1, 0, 0, 4, 0, 0, 0};
    const Floats high = {6, 0, 0, 0, 0, 4, 0};
    for (const bool is_reversed : {false, true}) {
        ASSERT_OK_AND_ASSIGN(SquadAnswerFinder finder,
                             SquadAnswerFinder::create(data, {.has_no_answer = true}));
        ASSERT_OK(finder.add(is_reversed ? 1 : 0, 0, kBegins, kEnds, is_reversed ? high : low,
                             is_reversed ? high : low));
        ASSERT_OK(finder.add(is_reversed ? 0 : 1, 0, kBegins, kEnds, is_reversed ? low : high,
                             is_reversed ? low : high));
        ASSERT_OK_AND_ASSIGN(const SquadAnswers answers, std::move(finder).finish());
        EXPECT_EQ(answers.predictions[0].null_odds, 2.0 - 8.0);
        EXPECT_EQ(answers.predictions[0].text, "Ann");  // equal scores: the first feature's
    }
}

TEST(SquadAnswers, WithoutAnySpanTheStandInIsGiven) {
    // The only start that is looked at is [SEP].
    ASSERT_OK_AND_ASSIGN(const SquadAnswers answers,
                         answer({.n_best = 1}, {0, 0, 9, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 9, 0}));
    EXPECT_EQ(answers.predictions[0].text, "empty");
    EXPECT_EQ(answers.predictions[0].n_best[0].probability, 1.0);
}

TEST(SquadAnswers, BadInputIsNamed) {
    const SquadData data = one_question();
    const Floats logits(7);
    EXPECT_ERROR(kInvalidArgument, SquadAnswerFinder::create(data, {.n_best = 0}), "1 or more");
    ASSERT_OK_AND_ASSIGN(SquadAnswerFinder finder, SquadAnswerFinder::create(data, {}));
    EXPECT_ERROR(kInvalidArgument, finder.add(0, 1, kBegins, kEnds, logits, logits),
                 "expected a question below 1, found 1");
    EXPECT_ERROR(kInvalidArgument, finder.add(3, 0, kBegins, kEnds, logits, Floats(6)),
                 "feature 3: expected offsets and logits");
    EXPECT_ERROR(kInvalidArgument,
                 finder.add(0, 0, kBegins, kEnds, logits,
                            Floats(7, std::numeric_limits<float>::quiet_NaN())),
                 "finite");
    EXPECT_ERROR(kInvalidArgument, std::move(finder).finish(), "question 'q0': expected logits");
}

TEST(SquadAnswers, OffsetsOfAnotherContextAreRefused) {
    const SquadData data = one_question();
    ASSERT_OK_AND_ASSIGN(SquadAnswerFinder finder, SquadAnswerFinder::create(data, {}));
    ASSERT_OK(finder.add(0, 0, Ints{-1, 10}, Ints{-1, 20}, Floats{0, 1}, Floats{0, 1}));
    EXPECT_ERROR(kInvalidArgument, std::move(finder).finish(), "context of 12 code points");
}

TEST(SquadAnswers, JsonTextsHoldWhatWasFound) {
    ASSERT_OK_AND_ASSIGN(const SquadAnswers answers,
                         answer({.has_no_answer = true}, {0, 0, 0, 1.5, 0, 0, 0}, Floats(7)));
    EXPECT_EQ(squad_predictions_json(answers), "{\n    \"q0\": \"Ann saw R\xC3\xB6me\"\n}\n");
    const auto n_best = nlohmann::json::parse(squad_n_best_json(answers));
    EXPECT_EQ(n_best["q0"].size(), answers.predictions[0].n_best.size());
    EXPECT_EQ(n_best["q0"][0]["start_logit"], 1.5);
    EXPECT_EQ(nlohmann::json::parse(squad_null_odds_json(answers))["q0"], -1.5);
    EXPECT_EQ(squad_predictions(answers).at("q0"), "Ann saw R\xC3\xB6me");
}

/// Three questions with logits so that the cut matters: q0 and q1 have the answer "Ann", q2 none.
class NullThreshold : public ::testing::Test {
  protected:
    NullThreshold() {
        data_.contexts = {"Ann"};
        for (const char* id : {"q0", "q1", "q2"}) {
            SquadExample example;
            example.id = id;
            example.answers = {{"Ann", 0}};
            data_.examples.push_back(example);
        }
        data_.examples[2].answers.clear();
    }

    /// Answer with these null odds.
    Result<SquadAnswers> answer(const Floats& odds, double threshold) {
        FINEWATT_ASSIGN(
            SquadAnswerFinder finder,
            SquadAnswerFinder::create(data_, {.has_no_answer = true, .null_threshold = threshold}));
        for (std::size_t i = 0; i < odds.size(); ++i) {
            const auto number = static_cast<std::int64_t>(i);
            FINEWATT_TRY(finder.add(number, number, Ints{-1, 0}, Ints{-1, 3}, Floats{odds[i], 0},
                                    Floats{0, 0}));
        }
        return std::move(finder).finish();
    }

    SquadData data_;
};

TEST_F(NullThreshold, AnsweringWithTheFoundThresholdScoresWhatTheSearchSays) {
    const Floats odds = {2, 3, 5};
    ASSERT_OK_AND_ASSIGN(const SquadAnswers first, answer(odds, 0));
    ASSERT_OK_AND_ASSIGN(const NoAnswerThresholds best, search_null_threshold(data_, first));
    EXPECT_EQ(best.f1.score, 100);
    ASSERT_EQ(best.f1.threshold, 3.0);
    ASSERT_OK_AND_ASSIGN(const SquadAnswers second, answer(odds, *best.f1.threshold));
    ASSERT_OK_AND_ASSIGN(const NamedScores scores,
                         score_squad_v2(data_, squad_predictions(second), std::nullopt));
    EXPECT_EQ(scores[1].second, 100);
    ASSERT_OK_AND_ASSIGN(const NamedScores before,
                         score_squad_v2(data_, squad_predictions(first), std::nullopt));
    EXPECT_LT(before[1].second, 50);
}

TEST_F(NullThreshold, AlwaysNothingHasNoThreshold) {
    data_.examples[0].answers.clear();
    data_.examples[1].answers.clear();
    ASSERT_OK_AND_ASSIGN(const SquadAnswers answers, answer({-3, -2, -1}, 0));
    ASSERT_OK_AND_ASSIGN(const NoAnswerThresholds best, search_null_threshold(data_, answers));
    EXPECT_EQ(best.exact.score, 100);
    EXPECT_FALSE(best.exact.threshold.has_value());
}

TEST_F(NullThreshold, AnswersOfV1HaveNone) {
    EXPECT_ERROR(kInvalidArgument, search_null_threshold(data_, {}), "v2.0");
}

}  // namespace
}  // namespace finewatt
