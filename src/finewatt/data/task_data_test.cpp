#include "finewatt/data/task_data.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/shared_data.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace finewatt {
namespace {

using ::testing::ElementsAre;

Result<TaskData> read_content(const std::string& task, const std::string& name,
                              const std::string& content,
                              const std::optional<std::vector<std::string>>& label_names = {}) {
    const testing::TempTree tree;
    return read_task_data(*find_task(task), tree.write(name, content), label_names);
}

std::int32_t label(const TaskData& data, std::size_t i) {
    return std::get<Dataset>(data.examples).examples.at(i).label;
}

TEST(TaskData, ColumnsOfGlueAndOfTheHubGiveTheSame) {
    for (const std::string header :
         {"sentence1\tsentence2\tgold_label", "premise\thypothesis\tlabel",
          "index\tsentence1\tsentence2\tlabel"}) {
        const std::string id = header.starts_with("index") ? "7\t" : "";
        ASSERT_OK_AND_ASSIGN(
            const TaskData data,
            read_content("mnli", "d.tsv",
                         header + "\n" + id + "a\tb\tcontradiction\n" + id + "c\td\t1\n"));
        EXPECT_EQ(data.size(), 2U);
        EXPECT_EQ(label(data, 0), 2) << header;
        EXPECT_EQ(label(data, 1), 1) << header;
        EXPECT_THAT(data.label_names, ElementsAre("entailment", "neutral", "contradiction"));
    }
}

TEST(TaskData, ClassesOfATrainedModelWinUnlessTheyHaveNoNames) {
    const std::string rows = "sentence\tlabel\na\tpositive\nb\tnegative\n";
    ASSERT_OK_AND_ASSIGN(
        const TaskData turned,
        read_content("sst2", "d.tsv", rows, std::vector<std::string>{"positive", "negative"}));
    EXPECT_EQ(label(turned, 0), 0);
    ASSERT_OK_AND_ASSIGN(
        const TaskData unnamed,
        read_content("sst2", "d.tsv", rows, std::vector<std::string>{"LABEL_0", "LABEL_1"}));
    EXPECT_EQ(label(unnamed, 0), 1);
    EXPECT_THAT(unnamed.label_names, ElementsAre("negative", "positive"));
    EXPECT_ERROR(kInvalidArgument,
                 read_content("sst2", "d.tsv", rows, std::vector<std::string>{"good", "bad"}),
                 "row 2: label 'positive' is not known; the labels are: good, bad");
}

TEST(TaskData, PlainKindsCollectTheirClasses) {
    ASSERT_OK_AND_ASSIGN(const TaskData data, read_content("pair-classification", "d.csv",
                                                           "text,pair,label\na,b,z\nc,d,y\n"));
    EXPECT_THAT(data.label_names, ElementsAre("y", "z"));
    ASSERT_OK_AND_ASSIGN(const TaskData tags, read_content("ner", "d.conll", "Ann B-PER\n"));
    EXPECT_EQ(tags.kind, TaskKind::kTokenClassification);
    EXPECT_THAT(tags.label_names, ElementsAre("B-PER", "I-PER", "O"));
}

Result<WordPieceTokenizer> small_tokenizer() {
    return WordPieceTokenizer::from_tokens(
        {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "ann", "sang", "who", "?", "."}, {});
}

TEST(MakeFeatures, EncodesEveryKind) {
    ASSERT_OK_AND_ASSIGN(const WordPieceTokenizer tokenizer, small_tokenizer());
    const FeatureOptions options{.max_length = 16, .doc_stride = 2};
    ASSERT_OK_AND_ASSIGN(const TaskData texts,
                         read_content("sst2", "d.tsv", "sentence\tlabel\nAnn sang\t1\n"));
    ASSERT_OK_AND_ASSIGN(const FeatureSet classes, make_features(texts, tokenizer, options));
    EXPECT_THAT(classes[0].ids, ElementsAre(2, 5, 6, 3));
    EXPECT_EQ(classes[0].label, 1);
    ASSERT_OK_AND_ASSIGN(const TaskData tagged,
                         read_content("conll2003", "d.conll", "Ann NNP O I-PER\nsang VB O O\n"));
    ASSERT_OK_AND_ASSIGN(const FeatureSet tags, make_features(tagged, tokenizer, options));
    EXPECT_THAT(tags[0].token_labels, ElementsAre(kIgnoredLabel, 1, 0, kIgnoredLabel));
    ASSERT_OK_AND_ASSIGN(const TaskData questions,
                         read_content("qa", "d.jsonl",
                                      R"({"question": "Who?", "context": "Ann sang.",)"
                                      R"( "answers": {"text": ["sang"], "answer_start": [4]}})"));
    ASSERT_OK_AND_ASSIGN(const FeatureSet windows, make_features(questions, tokenizer, options));
    ASSERT_EQ(windows.size(), 1U);
    EXPECT_THAT(windows[0].ids, ElementsAre(2, 7, 8, 3, 5, 6, 9, 3));
    EXPECT_EQ(windows[0].answer_start, 5);
    EXPECT_EQ(windows[0].answer_end, 5);
    EXPECT_THAT(windows[0].offset_begins, ElementsAre(-1, -1, -1, -1, 0, 4, 8, -1));
}

TEST(MakeFeatures, AnswersThatAreNotThereAreCountedOrRefused) {
    ASSERT_OK_AND_ASSIGN(const WordPieceTokenizer tokenizer, small_tokenizer());
    ASSERT_OK_AND_ASSIGN(const TaskData questions,
                         read_content("qa", "d.jsonl",
                                      R"({"id": "q7", "question": "Who?", "context": "Ann sang.",)"
                                      R"( "answers": {"text": ["sang"], "answer_start": [3]}})"));
    FeatureOptions options = recipe_features(*find_task("squad"));
    EXPECT_EQ(options.max_length, 384);
    EXPECT_OK(make_features(questions, tokenizer, options));
    options = recipe_features(*find_task("qa"));
    EXPECT_ERROR(kInvalidArgument, make_features(questions, tokenizer, options), "q7");
}

TEST(TaskDataShared, RealFilesOfEveryTaskAreRead) {
    struct File {
        const char* task;
        const char* path;
        std::size_t examples;
    };

    for (const File& file :
         {File{"rte", "data/rte/dev.tsv.gz", 277}, File{"sst2", "data/sst2/dev.tsv.gz", 872},
          File{"mnli", "data/mnli/dev_matched.tsv.gz", 6560},
          File{"imdb", "data/imdb/imdb_4k.tsv.gz", 4000},
          File{"squad", "data/squad/dev-v1.1-from-v2.json.gz", 2910},
          File{"squad_v2", "data/squad/dev-v2.0-16articles.json.gz", 6078},
          File{"conll2003", "data/ner/sec_fin_test.conll.gz", 303},
          File{"conll2012", "data/ner/litbank_conll2012_80docs.gold_conll.gz", 6804}}) {
        FINEWATT_SHARED_OR_SKIP(path, file.path);
        ASSERT_OK_AND_ASSIGN(const TaskData data, read_task_data(*find_task(file.task), path));
        EXPECT_EQ(data.size(), file.examples) << file.path;
        EXPECT_TRUE(data.has_labels) << file.path;
    }
}

TEST(TaskDataShared, UnlabelledTestSplitIsReadForPrediction) {
    FINEWATT_SHARED_OR_SKIP(path, "data/rte/test.tsv.gz");
    const Task task = *find_task("rte");
    EXPECT_ERROR(kInvalidArgument, read_task_data(task, path), "expected a column 'label'");
    ASSERT_OK_AND_ASSIGN(const TaskData data,
                         read_task_data(task, path, std::nullopt, LabelRule::kOptional));
    EXPECT_EQ(data.size(), 3000U);
    EXPECT_FALSE(data.has_labels);
}

}  // namespace
}  // namespace finewatt
