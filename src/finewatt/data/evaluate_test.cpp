#include "finewatt/data/evaluate.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

namespace finewatt {
namespace {

constexpr const char* kQuestions = R"({"data":[{"paragraphs":[{"context":"Ann saw Rome","qas":[
    {"id":"q0","question":"Who?","answers":[{"text":"Ann","answer_start":0}]},
    {"id":"q1","question":"What?","answers":[{"text":"Rome","answer_start":8}]}]}]}]})";

class Evaluate : public ::testing::Test {
  protected:
    Result<NamedScores> squad(const char* task, const std::string& predictions,
                              const std::string& no_answer = "") {
        EvaluationFiles files;
        files.references = tree_.write("questions.json", kQuestions);
        files.predictions = tree_.write("answers.json", predictions);
        if (!no_answer.empty()) {
            files.no_answer = tree_.write("odds.json", no_answer);
        }
        return evaluate_files(*find_task(task), files);
    }

    Result<NamedScores> classes(const std::string& predictions) {
        EvaluationFiles files;
        files.references = tree_.write("data.tsv", "text\tlabel\r\nfine\tgood\r\ndull\tbad\r\n");
        files.predictions = tree_.write("labels.jsonl", predictions);
        return evaluate_files(*find_task("classification"), files);
    }

    testing::TempTree tree_;
};

TEST_F(Evaluate, MissingAnswersScoreZeroInV1AndAreLeftOutInV2) {
    ASSERT_OK_AND_ASSIGN(const NamedScores v1, squad("squad", R"({"q0":"Ann"})"));
    EXPECT_EQ(v1[0].second, 50);
    ASSERT_OK_AND_ASSIGN(const NamedScores v2, squad("squad_v2", R"({"q0":"Ann"})"));
    EXPECT_EQ(v2[0].second, 100);
    EXPECT_EQ(v2[2], (std::pair<std::string, double>("total", 1)));
}

TEST_F(Evaluate, AnswersOfAnotherDataSetAreRefusedInBothVersions) {
    for (const char* kind : {"squad", "squad_v2", "qa"}) {
        EXPECT_ERROR(kInvalidArgument, squad(kind, R"({"other":"Ann"})"), "different data sets");
        EXPECT_ERROR(kInvalidArgument, squad(kind, R"({"other":"Ann"})"), "(such as 'other')");
        EXPECT_ERROR(kInvalidArgument, squad(kind, "{}"), "found none among its 0;");
    }
}

TEST_F(Evaluate, TwoAnswersOrValuesForAQuestionAreRefused) {
    EXPECT_ERROR(kCorrupt, squad("squad", R"({"q0":"Ann","q0":"Rome"})"),
                 "question 'q0': expected one answer, found two");
    const std::string answers = R"({"q0":"Ann","q1":"Rome"})";
    EXPECT_ERROR(kInvalidArgument, squad("squad_v2", answers, R"({"q0":0.5,"q1":0.5,"q0":1})"),
                 "question 'q0': expected one no-answer value");
    EXPECT_ERROR(kInvalidArgument, squad("squad_v2", answers, R"({"q0":0.5})"),
                 "for each of the 2 predictions, found 1");
    EXPECT_ERROR(kCorrupt, squad("squad_v2", answers, R"({"q0":"high"})"),
                 "odds.json: question 'q0': expected a number");
}

TEST_F(Evaluate, ByteOrderMarksAndCarriageReturnsAreNoMatter) {
    ASSERT_OK_AND_ASSIGN(const NamedScores answers,
                         squad("squad", "\xEF\xBB\xBF{\"q0\":\"Ann\",\r\n\"q1\":\"Rome\"}\r\n"));
    EXPECT_EQ(answers[0].second, 100);
    ASSERT_OK_AND_ASSIGN(
        const NamedScores labels,
        classes(
            "\xEF\xBB\xBF{\"id\":0,\"label\":\"good\"}\r\n\r\n{\"id\":1,\"label\":\"good\"}\r\n"));
    EXPECT_EQ(labels[0].second, 0.5);
}

TEST_F(Evaluate, NulBytesAndOtherTextAreNamed) {
    const std::string with_nul("{\"q0\":\"A\0nn\"}", 13);
    EXPECT_ERROR(kCorrupt, squad("squad", with_nul), "NUL");
    EXPECT_ERROR(kCorrupt, squad("squad", "{\"q0\":\"\xE9\"}"), "UTF-8");
    EXPECT_ERROR(kCorrupt, squad("squad", R"(["Ann"])"), "one JSON object");
    EXPECT_ERROR(kCorrupt, squad("squad", R"({"q0":["Ann"]})"), "question 'q0'");
}

TEST_F(Evaluate, EachReferenceNeedsOnePredictedLabel) {
    EXPECT_ERROR(kInvalidArgument, classes("{\"id\":0,\"label\":\"good\"}\n"), "none for id 1");
    EXPECT_ERROR(kInvalidArgument,
                 classes("{\"id\":0,\"label\":\"good\"}\n{\"id\":0,\"label\":\"bad\"}\n"),
                 "line 2: id 0 was given before");
    EXPECT_ERROR(kInvalidArgument, classes("{\"id\":2,\"label\":\"good\"}\n"),
                 "is not one of the 2 references");
    EXPECT_ERROR(kCorrupt, classes("{\"id\":-1,\"label\":\"good\"}\n"), "line 1");
}

TEST(EvaluateTask, ClassesAreNamesOrIdsOnEitherSide) {
    const testing::TempTree tree;
    EvaluationFiles files;
    files.references = tree.write("dev.tsv", "sentence\tlabel\nfine\t1\ndull\t0\nso so\t1\n");
    files.predictions = tree.write("p.jsonl",
                                   "{\"id\":0,\"label\":\"positive\"}\n{\"id\":1,\"label\":0}\n"
                                   "{\"id\":2,\"label\":\"mixed\"}\n");
    ASSERT_OK_AND_ASSIGN(const NamedScores scores, evaluate_files(*find_task("sst2"), files));
    EXPECT_DOUBLE_EQ(scores[0].second, 2.0 / 3.0);
}

TEST(EvaluateTask, WordsWithoutATagAreLeftOut) {
    const testing::TempTree tree;
    EvaluationFiles files;
    files.references = tree.write("d.jsonl", R"({"tokens": ["Ann", "saw", "Rome"],)"
                                             R"( "ner_tags": ["B-PER", "O", "B-LOC"]})");
    for (const char* line :
         {R"({"id": 0, "tags": ["B-PER", "O", null]})", R"({"id": 0, "tags": ["B-PER", "O"]})"}) {
        files.predictions = tree.write("p.jsonl", line);
        ASSERT_OK_AND_ASSIGN(const NamedScores tags, evaluate_files(*find_task("ner"), files));
        EXPECT_EQ(tags[1], (std::pair<std::string, double>("recall", 1))) << line;
        EXPECT_EQ(tags[3], (std::pair<std::string, double>("accuracy", 1))) << line;
    }
    files.predictions = tree.write("p.jsonl", R"({"id": 0, "tags": ["B-PER", "O", 3]})");
    EXPECT_ERROR(kCorrupt, evaluate_files(*find_task("ner"), files), "null for a word");
}

TEST(EvaluateTask, RowsOfWordsAndQuestionsAreReferencesToo) {
    const testing::TempTree tree;
    EvaluationFiles files;
    files.references =
        tree.write("d.jsonl", R"({"tokens": ["Ann", "sang"], "ner_tags": ["B-PER", "O"]})");
    files.predictions = tree.write("p.jsonl", R"({"id": 0, "tags": ["B-PER", "O"]})");
    ASSERT_OK_AND_ASSIGN(const NamedScores tags, evaluate_files(*find_task("ner"), files));
    EXPECT_EQ(tags[2], (std::pair<std::string, double>("f1", 1)));
    const std::string answered = R"({"id": "a", "question": "Who?", "context": "Ann",)"
                                 R"( "answers": {"text": ["Ann"], "answer_start": [0]}})";
    const std::string unanswered = R"({"id": "b", "question": "When?", "context": "Ann",)"
                                   R"( "answers": {"text": [], "answer_start": []}})";
    files.predictions = tree.write("p.json", R"({"a": "Ann", "b": ""})");
    files.references = tree.write("q.jsonl", answered);
    ASSERT_OK_AND_ASSIGN(const NamedScores v1, evaluate_files(*find_task("qa"), files));
    EXPECT_EQ(v1[0].first, "exact_match");
    files.references = tree.write("q.jsonl", answered + "\n" + unanswered);
    ASSERT_OK_AND_ASSIGN(const NamedScores v2, evaluate_files(*find_task("qa"), files));
    EXPECT_EQ(v2[0], (std::pair<std::string, double>("exact", 100)));
}

}  // namespace
}  // namespace finewatt
