#include "finewatt/data/token_data.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/shared_data.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace finewatt {
namespace {

using ::testing::ElementsAre;

DatasetOptions row_options() {
    return {
        .columns = {{.text = "tokens", .label = "ner_tags"}, {.text = "words", .label = "tags"}}};
}

Result<TokenData> read_content(const std::string& name, const std::string& content,
                               const DatasetOptions& options = row_options()) {
    const testing::TempTree tree;
    return read_token_data(tree.write(name, content), options);
}

TEST(TokenData, ColumnsAndRowsGiveTheSame) {
    ASSERT_OK_AND_ASSIGN(const TokenData columns,
                         read_content("d.conll", "Ann I-PER\nLee I-PER\nsang O\n\nRome I-LOC\n"));
    ASSERT_OK_AND_ASSIGN(
        const TokenData rows,
        read_content("d.jsonl",
                     R"({"words": ["Ann", "Lee", "sang"], "tags": ["I-PER", "I-PER", "O"]})"
                     "\n"
                     R"({"words": ["Rome"], "tags": ["B-LOC"]})"));
    ASSERT_EQ(columns.sentences.size(), 2U);
    ASSERT_EQ(rows.sentences.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(columns.sentences[i].words, rows.sentences[i].words);
        EXPECT_EQ(columns.sentences[i].tags, rows.sentences[i].tags);
    }
    EXPECT_THAT(columns.sentences[0].tags, ElementsAre("B-PER", "I-PER", "O"));
    EXPECT_EQ(columns.sentences[1].line, 5U);
    EXPECT_EQ(rows.sentences[1].line, 2U);
}

TEST(TokenData, CollectedTagsAreSortedWithBothFormsOfEachType) {
    ASSERT_OK_AND_ASSIGN(const TokenData data,
                         read_content("d.txt", "Rome B-LOC\nand O\nAnn B-PER\nLee I-PER\n"));
    EXPECT_THAT(data.label_names, ElementsAre("B-LOC", "B-PER", "I-LOC", "I-PER", "O"));
    EXPECT_TRUE(data.has_labels);
}

TEST(TokenData, IdsStandForFixedTags) {
    DatasetOptions options = row_options();
    const std::string row = R"({"tokens": ["Ann", "Lee"], "ner_tags": [1, 2]})";
    EXPECT_ERROR(kInvalidArgument, read_content("d.jsonl", row, options),
                 "row 1: column 'ner_tags': expected names of tags, found numbers");
    options.label_names = {"O", "B-PER", "I-PER"};
    ASSERT_OK_AND_ASSIGN(const TokenData data, read_content("d.jsonl", row, options));
    EXPECT_THAT(data.sentences[0].tags, ElementsAre("B-PER", "I-PER"));
    EXPECT_ERROR(kInvalidArgument,
                 read_content("d.jsonl", R"({"tokens": ["a"], "ner_tags": [3]})", options),
                 "tag id 3 is not one of 0 to 2");
}

TEST(TokenData, TagsMayBeMissingForPrediction) {
    DatasetOptions options = row_options();
    EXPECT_ERROR(kCorrupt, read_content("d.txt", "Ann\nLee\n", options), "a word and its tag");
    EXPECT_ERROR(kInvalidArgument, read_content("d.jsonl", R"({"tokens": ["a"]})", options),
                 "expected the columns 'tokens' (words) and 'ner_tags' (tags), found: tokens");
    options.label_rule = LabelRule::kOptional;
    for (const auto& [name, content] : std::vector<std::pair<std::string, std::string>>{
             {"d.txt", "Ann\nLee\n"},
             {"d.jsonl", R"({"tokens": ["Ann", "Lee"]})"},
             {"d.json", R"([{"tokens": ["Ann", "Lee"], "ner_tags": null}])"}}) {
        ASSERT_OK_AND_ASSIGN(const TokenData data, read_content(name, content, options));
        EXPECT_FALSE(data.has_labels) << name;
        EXPECT_THAT(data.sentences.at(0).words, ElementsAre("Ann", "Lee")) << name;
        EXPECT_TRUE(data.sentences.at(0).tags.empty()) << name;
    }
}

TEST(TokenData, BadInputNamesFileAndPlace) {
    struct Bad {
        const char* name;
        const char* content;
        ErrorCode code;
        const char* text;
    };

    const std::vector<Bad> rows = {
        {"d.jsonl", R"({"tokens": ["a", "b"], "ner_tags": ["O"]})", ErrorCode::kInvalidArgument,
         "row 1: expected one tag for each of 2 words, found 1 tags"},
        {"d.jsonl", R"({"tokens": ["a"], "ner_tags": ["NN"]})", ErrorCode::kCorrupt, "found 'NN'"},
        {"d.jsonl", R"({"tokens": [], "ner_tags": []})", ErrorCode::kInvalidArgument,
         "row 1: column 'tokens': expected words, found an empty list"},
        {"d.jsonl", R"({"tokens": ["a", 1], "ner_tags": ["O", "O"]})", ErrorCode::kCorrupt,
         "row 1: column 'tokens'"},
        {"d.jsonl", R"({"tokens": "a b", "ner_tags": ["O", "O"]})", ErrorCode::kCorrupt,
         "expected a list of strings, found a string"},
        {"d.conll", "a O\nb NP O\n", ErrorCode::kCorrupt, "line 2: expected 2 columns"},
        {"d.conll", "a O\nb X-PER\n", ErrorCode::kCorrupt, "line 2"},
        {"d.conll", "a O\nb \xFF O\n", ErrorCode::kCorrupt, "line 2: expected UTF-8"},
        {"d.conll", "\n\n", ErrorCode::kCorrupt, "expected tagged words, found none"},
        {"d.conll", "", ErrorCode::kCorrupt, "empty file"},
        {"d.conll", "#begin document (d); part 000\nd 0 0 a - * - - - - (PER* -\n\n#end document\n",
         ErrorCode::kCorrupt, "line 3: expected *) before the sentence ends"},
    };
    for (const Bad& row : rows) {
        const auto result = read_content(row.name, row.content);
        EXPECT_TRUE(testing::has_error(result, row.code, row.text)) << row.content;
        EXPECT_TRUE(testing::has_error(result, row.code, row.name)) << row.content;
    }
}

TEST(TokenData, UnknownTagOfAFixedTaskNamesLineAndWord) {
    DatasetOptions options = row_options();
    options.label_names = {"O", "B-PER", "I-PER"};
    EXPECT_ERROR(kInvalidArgument,
                 read_content("d.conll", "a O\n\nAnn B-PER\nRome B-LOC\n", options),
                 "the sentence at line 3, word 2: expected one of the tags O, B-PER, I-PER, found "
                 "'B-LOC'");
}

TEST(TokenDataShared, EveryFormIsRead) {
    struct File {
        const char* path;
        std::size_t sentences;
    };

    for (const File& file :
         {File{"data/ner/sec_fin_train.conll.gz", 1164}, File{"data/ner/wikigold.conll.gz", 1696},
          File{"data/ner/wikineural_en_a.conll.gz", 11590},
          File{"data/ner/litbank_conll2012_80docs.gold_conll.gz", 6804}}) {
        FINEWATT_SHARED_OR_SKIP(path, file.path);
        ASSERT_OK_AND_ASSIGN(const TokenData data, read_token_data(path, row_options()));
        EXPECT_EQ(data.sentences.size(), file.sentences) << file.path;
        EXPECT_TRUE(data.has_labels);
        EXPECT_EQ(data.label_names.back(), "O");
    }
}

}  // namespace
}  // namespace finewatt
