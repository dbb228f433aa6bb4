#include "finewatt/data/encode.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <vector>

namespace finewatt {
namespace {

using ::testing::ElementsAre;

// Ids: [PAD] 0, [UNK] 1, [CLS] 2, [SEP] 3, [MASK] 4, one 5, two 6, three 7, four 8.
Result<WordPieceTokenizer> small_tokenizer() {
    testing::TempTree tree;
    return WordPieceTokenizer::from_vocab_file(
        tree.write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\none\ntwo\nthree\nfour\n"), {});
}

Dataset dataset_of(std::vector<Example> examples) {
    return {.examples = std::move(examples), .label_names = {"a", "b"}};
}

TEST(EncodeDataset, KeepsOrderAndLabels) {
    ASSERT_OK_AND_ASSIGN(const WordPieceTokenizer tokenizer, small_tokenizer());
    const Dataset dataset = dataset_of({{"one two", std::nullopt, 1}, {"four", std::nullopt, 0}});
    ASSERT_OK_AND_ASSIGN(const FeatureSet features, encode_dataset(dataset, tokenizer, 16));
    ASSERT_EQ(features.size(), 2U);
    EXPECT_THAT(features[0].ids, ElementsAre(2, 5, 6, 3));
    EXPECT_EQ(features[0].label, 1);
    EXPECT_THAT(features[1].ids, ElementsAre(2, 8, 3));
    EXPECT_THAT(features[1].type_ids, ElementsAre(0, 0, 0));
    EXPECT_EQ(features[1].label, 0);
}

TEST(EncodeDataset, PairsGetTypeIdsAndAreCutLongestFirst) {
    ASSERT_OK_AND_ASSIGN(const WordPieceTokenizer tokenizer, small_tokenizer());
    const Dataset dataset = dataset_of({{"one two three four", "four", 0}});
    ASSERT_OK_AND_ASSIGN(const FeatureSet features, encode_dataset(dataset, tokenizer, 6));
    ASSERT_EQ(features.size(), 1U);
    EXPECT_THAT(features[0].ids, ElementsAre(2, 5, 6, 3, 8, 3));
    EXPECT_THAT(features[0].type_ids, ElementsAre(0, 0, 0, 0, 1, 1));
}

TEST(EncodeDataset, LengthWithoutRoomForSpecialTokensIsAnError) {
    ASSERT_OK_AND_ASSIGN(const WordPieceTokenizer tokenizer, small_tokenizer());
    const Dataset dataset = dataset_of({{"one", std::nullopt, 0}, {"one", "two", 0}});
    EXPECT_ERROR(kInvalidArgument, encode_dataset(dataset, tokenizer, 2), "example 2");
}

TEST(EncodeDataset, TextThatIsNotUtf8NamesTheExample) {
    ASSERT_OK_AND_ASSIGN(const WordPieceTokenizer tokenizer, small_tokenizer());
    const Dataset dataset = dataset_of({{"one", std::nullopt, 0}, {"\xFF", std::nullopt, 0}});
    EXPECT_ERROR(kCorrupt, encode_dataset(dataset, tokenizer, 8), "example 2");
}

}  // namespace
}  // namespace finewatt
