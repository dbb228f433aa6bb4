#include "finewatt/data/squad_score.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/shared_data.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>

namespace finewatt {
namespace {

SquadData questions(const std::vector<std::vector<std::string>>& answers) {
    SquadData data;
    data.contexts.emplace_back("context");
    for (std::size_t i = 0; i < answers.size(); ++i) {
        SquadExample example;
        example.id = "q" + std::to_string(i);
        for (const std::string& text : answers[i]) {
            example.answers.push_back({text, 0});
        }
        data.examples.push_back(example);
    }
    return data;
}

double score(const NamedScores& scores, const std::string& name) {
    for (const auto& [key, value] : scores) {
        if (key == name) {
            return value;
        }
    }
    ADD_FAILURE() << "no score " << name;
    return -1;
}

TEST(NormaliseAnswer, LowersDropsPunctuationAndArticlesAndSqueezesSpaces) {
    EXPECT_EQ(normalise_answer("The  Duke of Normandy."), "duke of normandy");
    EXPECT_EQ(normalise_answer("a (an) the"), "");
    EXPECT_EQ(normalise_answer("theatre, another"), "theatre another");
    EXPECT_EQ(normalise_answer("rock-a-bye"), "rockabye");           // punctuation goes first
    EXPECT_EQ(normalise_answer("a\xE2\x80\x93z"), "\xE2\x80\x93z");  // an en dash divides words
    EXPECT_EQ(normalise_answer("\xC3\x89\x43OLE\xC2\xA0X"), "\xC3\xA9\x63ole x");
}

TEST(SquadV1, BestReferenceCountsAndAMissingAnswerScoresZero) {
    const SquadData data = questions({{"Paris", "the city of Paris"}, {"1066"}});
    const NamedScores scores = score_squad_v1(data, {{"q0", "city of light"}});
    EXPECT_DOUBLE_EQ(score(scores, "exact_match"), 0);
    // Two of three words are shared with "city of paris": F1 2/3, over two questions.
    EXPECT_NEAR(score(scores, "f1"), 100.0 / 3, 1e-9);
}

TEST(SquadV2, EmptyAnswerIsRightWhereThereIsNoneAndPartsAreReported) {
    const SquadData data = questions({{"Paris"}, {}, {}});
    ASSERT_OK_AND_ASSIGN(
        const NamedScores scores,
        score_squad_v2(data, {{"q0", "paris!"}, {"q1", ""}, {"q2", "Rome"}}, std::nullopt));
    EXPECT_NEAR(score(scores, "exact"), 200.0 / 3, 1e-9);
    EXPECT_EQ(score(scores, "total"), 3);
    EXPECT_EQ(score(scores, "HasAns_exact"), 100);
    EXPECT_EQ(score(scores, "NoAns_f1"), 50);
}

TEST(SquadV2, ThresholdSearchFindsTheCutThatPays) {
    // q1 has no answer; the model gives one, but with a high no-answer probability.
    const SquadData data = questions({{"Paris"}, {}});
    ASSERT_OK_AND_ASSIGN(const NamedScores scores,
                         score_squad_v2(data, {{"q0", "Paris"}, {"q1", "Rome"}},
                                        SquadNoAnswerScores{{"q0", 0.1}, {"q1", 0.9}}));
    EXPECT_EQ(score(scores, "exact"), 50);
    EXPECT_EQ(score(scores, "best_exact"), 100);
    EXPECT_EQ(score(scores, "best_exact_thresh"), 0.1);
}

TEST(SquadV2, PredictionsOfAnotherFileAreRefused) {
    EXPECT_ERROR(kInvalidArgument,
                 score_squad_v2(questions({{"Paris"}}), {{"other", "Paris"}}, std::nullopt), "ids");
}

TEST(SquadV2, OfficialScriptsFiguresComeOutOnItsOwnPredictions) {
    FINEWATT_SHARED_OR_SKIP(folder, "data/squad");
    ASSERT_OK_AND_ASSIGN(const SquadData data,
                         read_squad_data(folder / "dev-v2.0-2articles-official-ids.json.gz"));
    EXPECT_TRUE(data.is_v2);
    ASSERT_OK_AND_ASSIGN(const SquadPredictions predictions,
                         read_squad_predictions(folder / "pred-bert-v2.0-2articles.json.gz"));
    ASSERT_OK_AND_ASSIGN(const NamedScores scores, score_squad_v2(data, predictions, std::nullopt));
    std::ifstream expected_file(folder / "eval-expected-v2.0-2articles.json");
    const nlohmann::ordered_json expected = nlohmann::ordered_json::parse(expected_file);
    ASSERT_EQ(scores.size(), expected.size());
    std::size_t i = 0;
    for (const auto& [name, value] : expected.items()) {
        EXPECT_EQ(scores[i].first, name);
        EXPECT_NEAR(scores[i].second, value.get<double>(), 1e-9) << name;
        ++i;
    }
}

class SquadFile : public ::testing::Test {
  protected:
    std::string message_for(const std::string& text) {
        const auto file = tree_.write("squad.json", text);
        const auto data = read_squad_data(file);
        return data ? "" : data.error().describe();
    }

    testing::TempTree tree_;
};

TEST_F(SquadFile, BrokenDocumentsNameThePlace) {
    EXPECT_THAT(message_for("{"), ::testing::HasSubstr("expected SQuAD JSON"));
    EXPECT_THAT(message_for("{\"version\":\"1.1\"}"), ::testing::HasSubstr("'data'"));
    EXPECT_THAT(message_for(R"({"data":[{"paragraphs":[{"qas":[]}]}]})"),
                ::testing::HasSubstr("data[0].paragraphs[0]: expected 'context'"));
    EXPECT_THAT(message_for(R"({"data":[{"paragraphs":[{"context":"c","qas":[
        {"id":"1","question":"q","answers":[{"text":"c","answer_start":-1}]}]}]}]})"),
                ::testing::HasSubstr("qas[0].answers[0]: expected answer_start"));
    EXPECT_THAT(message_for(R"({"data":[{"paragraphs":[{"context":"c","qas":[
        {"id":"1","question":"q","answers":[]},{"id":"1","question":"q","answers":[]}]}]}]})"),
                ::testing::HasSubstr("found '1' twice"));
    EXPECT_THAT(message_for(R"({"data":[]})"), ::testing::HasSubstr("found none"));
}

}  // namespace
}  // namespace finewatt
