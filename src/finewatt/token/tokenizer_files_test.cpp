#include "finewatt/base/file.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"
#include "finewatt/token/token_test_support_internal.h"
#include "finewatt/token/tokenizer_files_internal.h"

#include <nlohmann/json.hpp>

namespace finewatt::token {
namespace {

using nlohmann::json;

/// A tokenizer.json as the reference saves it, vocabulary: the special tokens, then a and ##b.
json reference_json() {
    return json::parse(R"({
      "version": "1.0", "truncation": null, "padding": null,
      "added_tokens": [
        {"id": 4, "content": "[MASK]", "single_word": false, "lstrip": false, "rstrip": false,
         "normalized": false, "special": true}],
      "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                     "strip_accents": null, "lowercase": false},
      "pre_tokenizer": {"type": "BertPreTokenizer"},
      "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
      "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
      "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100,
                "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4,
                          "a": 5, "##b": 6}}})");
}

Result<WordPieceTokenizer> from_json(const json& tokenizer_json) {
    const testing::TempTree tree;
    tree.write("tokenizer.json", tokenizer_json.dump());
    return WordPieceTokenizer::from_directory(tree.path());
}

TEST(TokenizerFolder, TokenizerJsonAloneIsEnough) {
    ASSERT_OK_AND_ASSIGN(const auto tokenizer, from_json(reference_json()));
    EXPECT_EQ(tokenizer.vocabulary_size(), 7);
    EXPECT_FALSE(tokenizer.options().lowercase);
    EXPECT_EQ(encoded(tokenizer, "ab A[MASK]"), "a[0,1) ##b[1,2) [UNK][3,4) [MASK][4,10)");
}

TEST(TokenizerFolder, TruncationAndPaddingOfTheLastUseAreIgnored) {
    json file = reference_json();
    file["truncation"] = {{"max_length", 3}, {"strategy", "LongestFirst"}, {"stride", 0}};
    file["padding"] = {{"strategy", {{"Fixed", 9}}}, {"pad_id", 0}};
    ASSERT_OK_AND_ASSIGN(const auto tokenizer, from_json(file));
    ASSERT_OK_AND_ASSIGN(const Encoding encoding, tokenizer.encode("a a a a", {}));
    EXPECT_EQ(encoding.ids.size(), 6U);
}

TEST(TokenizerFolder, ConfigurationWinsOverTokenizerJsonAndOverridesOverBoth) {
    const testing::TempTree tree;
    tree.write("tokenizer.json", reference_json().dump());
    tree.write("tokenizer_config.json",
               R"({"do_lower_case": true, "strip_accents": false, "model_max_length": 1e30})");
    ASSERT_OK_AND_ASSIGN(const auto tokenizer, WordPieceTokenizer::from_directory(tree.path()));
    EXPECT_TRUE(tokenizer.options().lowercase);
    EXPECT_EQ(tokenizer.options().strip_accents, false);
    const TokenizerOptions cased{false, std::nullopt, false};
    ASSERT_OK_AND_ASSIGN(const auto overridden,
                         WordPieceTokenizer::from_directory(tree.path(), cased));
    EXPECT_FALSE(overridden.options().lowercase);
    EXPECT_FALSE(overridden.options().handle_chinese_chars);
}

TEST(TokenizerFolder, VocabularyFileWithAConfigurationIsEnough) {
    const testing::TempTree tree;
    tree.write("vocab.txt", lines(with_specials({"a", "A"})));
    tree.write("tokenizer_config.json", R"({"do_lower_case": false, "added_tokens_decoder": {
        "7": {"content": "<x>", "lstrip": false, "rstrip": false, "normalized": false,
              "single_word": false, "special": true}}})");
    ASSERT_OK_AND_ASSIGN(const auto tokenizer, WordPieceTokenizer::from_directory(tree.path()));
    EXPECT_EQ(tokenizer.vocabulary_size(), 8);
    EXPECT_EQ(encoded(tokenizer, "A<x>a"), "A[0,1) <x>[1,4) a[4,5)");
}

TEST(TokenizerFolder, AddedTokensKeepTheirRules) {
    json file = reference_json();
    const json base = {{"single_word", false}, {"lstrip", false}, {"rstrip", false}};
    const auto add = [&](int id, const char* content, const json& more) {
        json token = base;
        token.update(more);
        token["id"] = id;
        token["content"] = content;
        file["added_tokens"].push_back(token);
    };
    add(7, "FooBar", {{"normalized", true}, {"special", false}});
    add(8, "QX", {{"normalized", false}, {"special", false}});
    add(9, "<s>", {{"normalized", false}, {"special", true}, {"lstrip", true}, {"rstrip", true}});
    file["normalizer"]["lowercase"] = true;
    ASSERT_OK_AND_ASSIGN(const auto tokenizer, from_json(file));
    EXPECT_EQ(tokenizer.vocabulary_size(), 10);
    EXPECT_EQ(encoded(tokenizer, "aFÓObarab QX a <s>  a"),
              "a[0,1) FooBar[1,7) a[7,8) ##b[8,9) QX[10,12) a[13,14) <s>[14,20) a[20,21)");
    EXPECT_EQ(encoded(tokenizer, "qx"), "[UNK][0,2)") << "raw tokens are not normalised";
}

TEST(TokenizerFolder, OtherTokenizersAreRefusedByName) {
    const struct {
        const char* pointer;
        json value;
        const char* text;
    } rows[] = {
        {"/model/type", "BPE", "\"type\" to be \"WordPiece\""},
        {"/model/max_input_chars_per_word", 200, "found 200"},
        {"/model/continuing_subword_prefix", "@@", "continuing_subword_prefix"},
        {"/model/unk_token", "<unk>", "<unk>"},
        {"/normalizer/type", "NFC", "BertNormalizer"},
        {"/normalizer/clean_text", false, "clean_text"},
        {"/pre_tokenizer/type", "Whitespace", "BertPreTokenizer"},
        {"/post_processor/type", "RobertaProcessing", "TemplateProcessing"},
        {"/added_tokens/0/single_word", true, "single_word"},
    };

    for (const auto& row : rows) {
        json file = reference_json();
        file[json::json_pointer(row.pointer)] = row.value;
        EXPECT_ERROR(kUnsupported, from_json(file), row.text) << row.pointer;
    }
}

TEST(TokenizerFolder, BrokenFilesAreRefusedByName) {
    const testing::TempTree empty;
    EXPECT_ERROR(kNotFound, WordPieceTokenizer::from_directory(empty.path()), "tokenizer.json");
    const testing::TempTree broken;
    broken.write("tokenizer.json", "{\"model\": ");
    EXPECT_ERROR(kCorrupt, WordPieceTokenizer::from_directory(broken.path()), "expected JSON");
    broken.write("tokenizer.json", "[]");
    EXPECT_ERROR(kCorrupt, WordPieceTokenizer::from_directory(broken.path()), "found array");

    const struct {
        const char* pointer;
        json value;
        const char* text;
    } rows[] = {
        {"/model/vocab", json::array(), "\"vocab\""},
        {"/model/vocab/a", 9, "found none for id 5"},
        {"/model/vocab/a", 6, "one token for id 6"},
        {"/model/vocab/a", -1, "found -1"},
        {"/model/vocab/a", 4'000'000'000U, "found 4000000000"},
        {"/model/vocab/a", "x", "found \"x\""},
        {"/added_tokens/0/content", "", "\"content\""},
        {"/added_tokens", "x", "\"content\""},
        {"/normalizer/lowercase", "yes", "true or false"},
    };

    for (const auto& row : rows) {
        json file = reference_json();
        file[json::json_pointer(row.pointer)] = row.value;
        EXPECT_ERROR(kCorrupt, from_json(file), row.text) << row.pointer;
    }
}

TEST(TokenizerFolder, AnOldAddedTokensFileIsNotPassedOver) {
    const testing::TempTree tree;
    tree.write("vocab.txt", lines(with_specials({"a"})));
    tree.write("added_tokens.json", R"({"<x>": 6})");
    EXPECT_ERROR(kUnsupported, WordPieceTokenizer::from_directory(tree.path()),
                 "added_tokens.json");
}

TEST(TokenizerFolder, SavingAndReadingBackChangesNothing) {
    json file = reference_json();
    file["normalizer"]["strip_accents"] = true;
    file["normalizer"]["handle_chinese_chars"] = false;
    file["added_tokens"].push_back(
        {{"id", 7}, {"content", "Neu"}, {"normalized", true}, {"special", false}});
    const testing::TempTree tree;
    tree.write("in/tokenizer.json", file.dump());
    tree.write("in/tokenizer_config.json", R"({"model_max_length": 512})");
    ASSERT_OK_AND_ASSIGN(const auto first, WordPieceTokenizer::from_directory(tree.path() / "in"));
    ASSERT_OK(first.save(tree.path() / "new" / "out"));
    ASSERT_OK_AND_ASSIGN(const auto second,
                         WordPieceTokenizer::from_directory(tree.path() / "new" / "out"));
    EXPECT_EQ(second.vocabulary_size(), 8);
    EXPECT_EQ(second.options().strip_accents, true);
    EXPECT_FALSE(second.options().handle_chinese_chars);
    EXPECT_FALSE(second.options().lowercase);
    EXPECT_EQ(encoded(second, "áb xNeu"), encoded(first, "áb xNeu"));
    ASSERT_OK_AND_ASSIGN(const std::string config,
                         read_file(tree.path() / "new/out/tokenizer_config.json"));
    EXPECT_EQ(json::parse(config)["model_max_length"], 512);
    ASSERT_OK_AND_ASSIGN(const std::string vocab, read_file(tree.path() / "new/out/vocab.txt"));
    EXPECT_EQ(vocab, lines(with_specials({"a", "##b", "Neu"})));
}

TEST(TokenizerFolder, SavingWhereNoFolderCanBeMadeSaysSo) {
    const testing::TempTree tree;
    tree.write("file", "x");
    const auto tokenizer = make_tokenizer({"a"});
    const Status status = tokenizer.save(tree.path() / "file" / "out");
    ASSERT_FALSE(status.has_value());
    EXPECT_NE(status.error().describe().find("make the folder"), std::string::npos);
}

}  // namespace
}  // namespace finewatt::token
