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

const std::vector<std::string>& tag_names() {
    static const std::vector<std::string> kNames = {"O", "B-X", "I-X"};
    return kNames;
}

/// Vocabulary as above, then ##s 9.
Result<WordPieceTokenizer> tokenizer_with_pieces() {
    return WordPieceTokenizer::from_tokens(
        {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "one", "two", "three", "four", "##s"}, {});
}

TEST(EncodeSentences, FirstPieceOfAWordBearsItsLabel) {
    ASSERT_OK_AND_ASSIGN(const WordPieceTokenizer tokenizer, tokenizer_with_pieces());
    const std::vector<TaggedSentence> sentences = {
        {{"ones", "Two", "four-ones"}, {"B-X", "O", "I-X"}}};
    ASSERT_OK_AND_ASSIGN(const FeatureSet features,
                         encode_sentences(sentences, tag_names(), tokenizer, 32));
    ASSERT_EQ(features.size(), 1U);
    // "four-ones": punctuation is cut off inside a word, too.
    EXPECT_THAT(features[0].ids, ElementsAre(2, 5, 9, 6, 8, 1, 5, 9, 3));
    EXPECT_THAT(features[0].word_ids, ElementsAre(-1, 0, 0, 1, 2, 2, 2, 2, -1));
    EXPECT_THAT(features[0].token_labels,
                ElementsAre(kIgnoredLabel, 1, kIgnoredLabel, 0, 2, kIgnoredLabel, kIgnoredLabel,
                            kIgnoredLabel, kIgnoredLabel));
    EXPECT_THAT(features[0].type_ids, ElementsAre(0, 0, 0, 0, 0, 0, 0, 0, 0));
}

TEST(EncodeSentences, WordsThatAreCutOffDoNotOccur) {
    ASSERT_OK_AND_ASSIGN(const WordPieceTokenizer tokenizer, tokenizer_with_pieces());
    const std::vector<TaggedSentence> sentences = {{{"one", "twos", "three"}, {"O", "B-X", "O"}},
                                                   {{"four"}, {"B-X"}}};
    ASSERT_OK_AND_ASSIGN(const FeatureSet features,
                         encode_sentences(sentences, tag_names(), tokenizer, 4));
    EXPECT_THAT(features[0].ids, ElementsAre(2, 5, 6, 3));
    EXPECT_THAT(features[0].word_ids, ElementsAre(-1, 0, 1, -1));
    EXPECT_THAT(features[0].token_labels, ElementsAre(kIgnoredLabel, 0, 1, kIgnoredLabel));
    EXPECT_THAT(features[1].ids, ElementsAre(2, 8, 3));
    EXPECT_EQ(features[1].example, 1);
}

TEST(EncodeSentences, WordsWithoutATokenAreLeftOut) {
    ASSERT_OK_AND_ASSIGN(const WordPieceTokenizer tokenizer, tokenizer_with_pieces());
    const std::vector<TaggedSentence> sentences = {{{"one", "\u200B", "two"}, {"O", "B-X", "I-X"}}};
    ASSERT_OK_AND_ASSIGN(const FeatureSet features,
                         encode_sentences(sentences, tag_names(), tokenizer, 8));
    EXPECT_THAT(features[0].ids, ElementsAre(2, 5, 6, 3));
    EXPECT_THAT(features[0].word_ids, ElementsAre(-1, 0, 2, -1));
    EXPECT_THAT(features[0].token_labels, ElementsAre(kIgnoredLabel, 0, 2, kIgnoredLabel));
}

TEST(EncodeSentences, WithoutTagsNothingIsScored) {
    ASSERT_OK_AND_ASSIGN(const WordPieceTokenizer tokenizer, tokenizer_with_pieces());
    const std::vector<TaggedSentence> sentences = {{{"one", "two"}, {}}};
    ASSERT_OK_AND_ASSIGN(const FeatureSet features,
                         encode_sentences(sentences, tag_names(), tokenizer, 8));
    EXPECT_THAT(features[0].token_labels, ::testing::Each(kIgnoredLabel));
    EXPECT_THAT(features[0].word_ids, ElementsAre(-1, 0, 1, -1));
}

TEST(EncodeSentences, ErrorsNameSentenceAndWord) {
    ASSERT_OK_AND_ASSIGN(const WordPieceTokenizer tokenizer, tokenizer_with_pieces());
    const std::vector<TaggedSentence> unknown = {{{"one"}, {"O"}}, {{"one"}, {"B-Y"}}};
    EXPECT_ERROR(kInvalidArgument, encode_sentences(unknown, tag_names(), tokenizer, 8),
                 "sentence 2: word 1: expected one of the tags O, B-X, I-X, found 'B-Y'");
    EXPECT_ERROR(kInvalidArgument, encode_sentences(unknown, tag_names(), tokenizer, 2),
                 "at least 3");
}

}  // namespace
}  // namespace finewatt
