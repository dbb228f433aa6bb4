// Features of token classification against Python, live: sentences cut by the tokenizers package
// and labelled as run_ner.py does. Skipped where the Python environment is absent.
#include "finewatt/data/encode.h"
#include "finewatt/data/peer_test_script_internal.h"
#include "finewatt/data/token_data.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/shared_data.h"
#include "finewatt/testing/temp_tree.h"

#include <algorithm>
#include <fstream>
#include <random>

namespace finewatt {
namespace {

using nlohmann::json;

constexpr unsigned kSeed = 20241123;

struct PeerSettings {
    std::filesystem::path vocabulary;
    bool lowercase = true;
    std::int32_t max_length = 128;
};

/// The peer's form of sentences: lists of [word, label id].
json peer_sentences(const TokenData& data) {
    json sentences = json::array();
    for (const TaggedSentence& sentence : data.sentences) {
        json words = json::array();
        for (std::size_t i = 0; i < sentence.words.size(); ++i) {
            const auto name =
                std::find(data.label_names.begin(), data.label_names.end(), sentence.tags[i]);
            words.push_back({sentence.words[i], name - data.label_names.begin()});
        }
        sentences.push_back(words);
    }
    return sentences;
}

json as_row(const FeatureView& feature) {
    const auto list = [](std::span<const std::int32_t> values) {
        return std::vector<std::int32_t>(values.begin(), values.end());
    };
    return {list(feature.ids), list(feature.word_ids), list(feature.token_labels)};
}

/// Compare all features; `cut` counts the sentences that did not fit.
void compare(const TokenData& data, const PeerSettings& settings, std::size_t& cut) {
    TokenizerOptions options;
    options.lowercase = settings.lowercase;
    ASSERT_OK_AND_ASSIGN(const WordPieceTokenizer tokenizer,
                         WordPieceTokenizer::from_vocab_file(settings.vocabulary, options));
    ASSERT_OK_AND_ASSIGN(
        const FeatureSet features,
        encode_sentences(data.sentences, data.label_names, tokenizer, settings.max_length));
    const testing::TempTree tree;
    const json request = {{"vocab", settings.vocabulary.string()},
                          {"lowercase", settings.lowercase},
                          {"max_length", settings.max_length},
                          {"sentences", peer_sentences(data)}};
    const auto answers = tree.path() / "features";
    ASSERT_TRUE(
        peer::run("token_features_peer.py", {tree.write("settings", request.dump()), answers}));
    std::ifstream lines(answers);
    std::string line;
    std::size_t count = 0;
    while (std::getline(lines, line)) {
        ASSERT_LT(count, features.size());
        ASSERT_EQ(as_row(features[count]), json::parse(line))
            << "sentence " << count << ", seed " << kSeed;
        cut += features.length(count) == settings.max_length ? 1U : 0U;
        ++count;
    }
    ASSERT_EQ(count, features.size());
}

/// Words of letters, marks, punctuation, and some that no token is left of.
TokenData made_up_sentences(int count) {
    static const std::vector<std::string> kWords = {
        "the",     "cats",   "\u00E9t\u00E9", "un##able", "can't",        "U.S.",
        "1,066",   "[SEP]",  "\u200B",        "",         "\u4E2D\u6587", "a b",
        "running", "O'Neil", "\U0001F600",    "-",        "e\u0301",      "\u00A0"};
    static const std::vector<std::string> kTags = {"O", "B-X", "I-X"};
    std::mt19937 random(kSeed);
    TokenData data;
    data.label_names = {"B-X", "I-X", "O"};
    for (int i = 0; i < count; ++i) {
        TaggedSentence sentence;
        for (std::size_t w = 1 + random() % 30; w > 0; --w) {
            sentence.words.push_back(kWords[random() % kWords.size()]);
            sentence.tags.push_back(kTags[random() % kTags.size()]);
        }
        data.sentences.push_back(std::move(sentence));
    }
    return data;
}

TEST(TokenFeaturesPeer, MadeUpSentencesAreCutAndLabelledAlike) {
    FINEWATT_SKIP_WITHOUT_MODULE("tokenizers");
    const testing::TempTree tree;
    const auto vocabulary = tree.write(
        "vocab.txt",
        "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ncat\n##s\nete\nun\n##able\n#\ncan\n'\nt\n"
        "u\n.\ns\nrun\n##ning\no\nneil\n-\n,\n1\n##0\n##66\na\nb\n\u4E2D\ne\n");
    std::size_t cut = 0;
    for (const std::int32_t max_length : {3, 12, 64}) {
        compare(made_up_sentences(150), {vocabulary, true, max_length}, cut);
    }
    EXPECT_GT(cut, 100U);
}

TEST(TokenFeaturesPeer, RealSentencesAreCutAndLabelledAlike) {
    FINEWATT_SKIP_WITHOUT_MODULE("tokenizers");
    FINEWATT_SHARED_OR_SKIP(uncased, "data/vocab/bert-base-uncased-vocab.txt");
    FINEWATT_SHARED_OR_SKIP(cased, "data/vocab/bert-base-cased-vocab.txt");
    FINEWATT_SHARED_OR_SKIP(wikigold, "data/ner/wikigold.conll.gz");
    FINEWATT_SHARED_OR_SKIP(litbank, "data/ner/litbank_conll2012_80docs.gold_conll.gz");
    std::size_t cut = 0;
    ASSERT_OK_AND_ASSIGN(const TokenData news, read_token_data(wikigold, {}));
    compare(news, {uncased, true, 64}, cut);
    ASSERT_OK_AND_ASSIGN(const TokenData novels, read_token_data(litbank, {}));
    compare(novels, {cased, false, 32}, cut);
    EXPECT_GT(cut, 100U);
}

}  // namespace
}  // namespace finewatt
