#include "finewatt/data/squad_data.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace finewatt {
namespace {

DatasetOptions options_for(LabelRule rule = LabelRule::kRequired) {
    return {.columns = {{.text = "question", .pair = "context", .label = "answers"}},
            .label_rule = rule};
}

Result<SquadData> read_content(const std::string& name, const std::string& content,
                               const DatasetOptions& options = options_for()) {
    const testing::TempTree tree;
    return read_question_data(tree.write(name, content), options);
}

const std::string kFirst = R"({"id": "x1", "question": "who?", "context": "Ann sang.",)"
                           R"( "answers": {"text": ["Ann"], "answer_start": [0]}})";
const std::string kSecond = R"({"id": "x2", "question": "when?", "context": "Ann sang.",)"
                            R"( "answers": {"text": [], "answer_start": []}})";

TEST(QuestionData, RowsOfTheHubAreRead) {
    for (const auto& [name, content] : std::vector<std::pair<std::string, std::string>>{
             {"d.jsonl", kFirst + "\n" + kSecond + "\n"},
             {"d.json", " [" + kFirst + ", " + kSecond + "]"}}) {
        ASSERT_OK_AND_ASSIGN(const SquadData data, read_content(name, content));
        ASSERT_EQ(data.examples.size(), 2U) << name;
        EXPECT_EQ(data.contexts.size(), 1U) << name;
        EXPECT_EQ(data.examples[0].id, "x1");
        ASSERT_EQ(data.examples[0].answers.size(), 1U);
        EXPECT_EQ(data.examples[0].answers[0].text, "Ann");
        EXPECT_TRUE(data.examples[1].answers.empty());
        EXPECT_TRUE(data.is_v2);
        EXPECT_TRUE(data.has_answers);
    }
}

TEST(QuestionData, ColumnsMayHaveOtherNames) {
    DatasetOptions options = options_for();
    options.columns = {{.text = "q", .pair = "passage", .label = "gold"}};
    ASSERT_OK_AND_ASSIGN(
        const SquadData data,
        read_content(
            "d.jsonl",
            R"({"q": "a?", "passage": "b c", "gold": {"text": ["c"], "answer_start": [2]}})",
            options));
    EXPECT_EQ(data.examples[0].id, "1");
    EXPECT_EQ(data.examples[0].answers[0].start, 2);
    EXPECT_FALSE(data.is_v2);
}

TEST(QuestionData, AnswersMayBeMissingForPrediction) {
    const std::string row = R"({"question": "a?", "context": "b"})";
    EXPECT_ERROR(kInvalidArgument, read_content("d.jsonl", row),
                 "expected the columns 'question', 'context' and 'answers'");
    const std::string document =
        R"({"data": [{"paragraphs": [{"context": "b", "qas": [{"id": "1", "question": "a?"}]}]}]})";
    EXPECT_ERROR(kCorrupt, read_content("d.json", document), "expected 'answers' to be a list");
    for (const auto& [name, content] :
         std::vector<std::pair<std::string, std::string>>{{"d.jsonl", row}, {"d.json", document}}) {
        ASSERT_OK_AND_ASSIGN(const SquadData data,
                             read_content(name, content, options_for(LabelRule::kOptional)));
        EXPECT_FALSE(data.has_answers) << name;
        EXPECT_FALSE(data.is_v2) << name;
    }
}

TEST(QuestionData, BadInputNamesFileAndRow) {
    EXPECT_ERROR(kCorrupt, read_content("d.jsonl", kFirst + "\n" + kFirst),
                 "row 2: expected an id of its own, found 'x1' twice");
    EXPECT_ERROR(kCorrupt,
                 read_content("d.jsonl", R"({"question": "a?", "context": "b", "answers":)"
                                         R"( {"text": ["b"], "answer_start": [0, 1]}})"),
                 "row 1: expected as many starts as answers, found 1 answers and 2 starts");
    EXPECT_ERROR(kCorrupt,
                 read_content("d.jsonl", R"({"question": "a?", "context": "b", "answers":)"
                                         R"( {"text": ["b"], "answer_start": [-1]}})"),
                 "expected answer_start of 0 or more, found -1");
    EXPECT_ERROR(kInvalidArgument,
                 read_content("d.jsonl", R"({"question": "", "context": "b", "answers":)"
                                         R"( {"text": [], "answer_start": []}})"),
                 "row 1: column 'question': expected a text");
    EXPECT_ERROR(kInvalidArgument, read_content("d.csv", "question,context\na,b\n"),
                 "d.csv: expected SQuAD JSON, or rows in .jsonl or .parquet, found '.csv'");
    EXPECT_ERROR(kCorrupt, read_content("d.json", R"({"data": [)"), "expected SQuAD JSON");
}

}  // namespace
}  // namespace finewatt
