// The tokenizer against the tokenizers and transformers packages, live: random texts, saved
// folders, and whether the generated files are still what the packages give. Skipped where the
// Python environment (FINEWATT_VENV, default build/venv) is absent.
#include "finewatt/base/file.h"
#include "finewatt/base/utf8.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/places.h"
#include "finewatt/testing/temp_tree.h"
#include "finewatt/token/token_test_support_internal.h"
#include "finewatt/token/vocabulary_internal.h"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <random>
#include <sstream>

namespace finewatt::token {
namespace {

using nlohmann::json;

constexpr unsigned kSeed = 20240609;

#define SKIP_WITHOUT_PYTHON()                                               \
    if (!std::filesystem::exists(testing::venv_python())) {                 \
        GTEST_SKIP() << "no Python environment: " << testing::venv_python() \
                     << " (run scripts/setup, or "                          \
                     << "set FINEWATT_VENV)";                               \
    }

/// Run a script of the repository; true when it succeeds. Its messages go to the test's.
bool run_script(const std::string& script, const std::vector<std::string>& arguments) {
    // No network: transformers must not look for anything but the folder it is given.
    std::string command = "HF_HUB_OFFLINE=1 PYTHONDONTWRITEBYTECODE=1 '" +
                          testing::venv_python().string() + "' '" + testing::source_dir() + "/" +
                          script + "'";
    for (const std::string& argument : arguments) {
        command += " '" + argument + "'";
    }
    return std::system(command.c_str()) == 0;
}

struct Request {
    std::string text;
    std::optional<std::string> pair;
    EncodeOptions options;
};

json to_json(const Request& request) {
    const auto& max_length = request.options.max_length;
    return {{"text", request.text},
            {"pair", request.pair ? json(*request.pair) : json(nullptr)},
            {"max_length", max_length ? json(*max_length) : json(nullptr)},
            {"special", request.options.add_special_tokens}};
}

std::string request_lines(const std::vector<Request>& requests) {
    std::string text;
    for (const Request& request : requests) {
        text += to_json(request).dump() + "\n";
    }
    return text;
}

/// A source of random texts and requests.
class RandomTexts {
  public:
    explicit RandomTexts(const WordPieceTokenizer& tokenizer) : tokenizer_(tokenizer) {}

    Request request() {
        Request request;
        request.text = text();
        if (below(2) == 0) {
            request.pair = text();
        }
        request.options.add_special_tokens = below(4) != 0;
        const std::uint32_t needed =
            request.options.add_special_tokens ? (request.pair ? 3 : 2) : 0;
        if (below(3) != 0) {
            request.options.max_length = static_cast<std::int32_t>(needed + below(14));
        }
        return request;
    }

  private:
    std::uint32_t below(std::uint32_t limit) {
        return static_cast<std::uint32_t>(random_() % limit);
    }

    std::string text() {
        std::string text;
        for (std::uint32_t n = below(16); n > 0; --n) {
            append_atom(text);
        }
        return text;
    }

    void append_range(std::string& text, char32_t first, char32_t last) {
        append_utf8(text, first + below(last - first + 1));
    }

    void append_atom(std::string& text) {
        static const std::vector<std::string> kSpecial = {
            "[CLS]", "[SEP]", "[MASK]", "[UNK]", "[PAD]", "[mask]", "[MASK", "##", "##a"};
        switch (below(16)) {
            case 0:
            case 1:
            case 2:
                append_range(text, 0x20, 0x7E);
                break;
            case 3:
                append_range(text, 0, 0x1F);
                break;
            case 4:
                append_range(text, 0x7F, 0x24F);
                break;
            case 5:
            case 6:
                append_range(text, 0x300, 0x36F);
                break;
            case 7:
                append_range(text, 0x370, 0x10FF);
                break;
            case 8:
                append_range(text, 0x4E00, 0x4E40);
                break;
            case 9:
                append_range(text, 0xAC00, 0xD7A3);
                break;
            case 10:
                append_range(text, 0x1F300, 0x1F6FF);
                break;
            case 11:
                append_range(text, 0xE000, 0x10FFFF);
                break;
            case 12:
                append_range(text, 0x1100, 0xD7FF);
                break;
            case 13:
                text += kSpecial[below(static_cast<std::uint32_t>(kSpecial.size()))];
                break;
            case 14:
                text += " ";
                break;
            default:
                text += tokenizer_.id_to_token(static_cast<std::int32_t>(
                    below(static_cast<std::uint32_t>(tokenizer_.vocabulary_size()))));
        }
    }

    const WordPieceTokenizer& tokenizer_;
    std::mt19937 random_{kSeed};
};

void expect_answers(const WordPieceTokenizer& tokenizer, const std::vector<Request>& requests,
                    const std::filesystem::path& answers) {
    ASSERT_OK_AND_ASSIGN(const std::string text, read_file(answers));
    std::istringstream in(text);
    std::string line;
    for (const Request& request : requests) {
        ASSERT_TRUE(std::getline(in, line));
        const json want = json::parse(line);
        const auto got = request.pair
                             ? tokenizer.encode_pair(request.text, *request.pair, request.options)
                             : tokenizer.encode(request.text, request.options);
        ASSERT_OK(got);
        const json found = {
            {"ids", got->ids}, {"type_ids", got->type_ids}, {"offsets", got->offsets}};
        ASSERT_EQ(found, want) << to_json(request) << ", seed " << kSeed;
    }
}

std::vector<Request> random_requests(const WordPieceTokenizer& tokenizer, int count) {
    RandomTexts texts(tokenizer);
    std::vector<Request> requests;
    for (int i = 0; i < count; ++i) {
        requests.push_back(texts.request());
    }
    return requests;
}

TEST(TokenizerPeer, RandomTextsGiveEqualIdsTypesAndOffsets) {
    SKIP_WITHOUT_PYTHON();
    ASSERT_OK_AND_ASSIGN(const std::string vocabulary, read_file(testdata("vocab.txt")));
    const std::vector<std::string> tokens = split_vocabulary_lines(vocabulary);
    for (const GoldenSetting& setting : golden_settings()) {
        ASSERT_OK_AND_ASSIGN(const auto tokenizer,
                             WordPieceTokenizer::from_tokens(tokens, setting.options));
        const std::vector<Request> requests = random_requests(tokenizer, 6000);
        const auto& accents = setting.options.strip_accents;
        const json head = {{"tokens", tokens},
                           {"lowercase", setting.options.lowercase},
                           {"strip_accents", accents ? json(*accents) : json(nullptr)},
                           {"handle_chinese_chars", setting.options.handle_chinese_chars}};
        const testing::TempTree tree;
        const auto asked = tree.write("requests", head.dump() + "\n" + request_lines(requests));
        const std::filesystem::path answers = tree.path() / "answers";
        ASSERT_TRUE(run_script("tests/parity/tokenizer_peer.py",
                               {"encode", asked.string(), answers.string()}));
        expect_answers(tokenizer, requests, answers);
    }
}

class TransformersPeer : public ::testing::TestWithParam<GoldenSetting> {};

TEST_P(TransformersPeer, LoadsWhatWeSaveAndWeLoadWhatItSaves) {
    SKIP_WITHOUT_PYTHON();
    ASSERT_OK_AND_ASSIGN(const auto ours, WordPieceTokenizer::from_vocab_file(testdata("vocab.txt"),
                                                                              GetParam().options));
    const std::vector<Request> requests = random_requests(ours, 500);
    const testing::TempTree tree;
    const std::string saved = (tree.path() / "saved").string();
    const std::string resaved = (tree.path() / "resaved").string();
    ASSERT_OK(ours.save(saved));
    const auto asked = tree.write("requests", request_lines(requests));
    const std::filesystem::path answers = tree.path() / "answers";
    ASSERT_TRUE(run_script("tests/parity/tokenizer_peer.py",
                           {"load", saved, asked.string(), answers.string(), resaved}));
    expect_answers(ours, requests, answers);
    ASSERT_OK_AND_ASSIGN(const auto theirs, WordPieceTokenizer::from_directory(resaved));
    EXPECT_EQ(theirs.vocabulary_size(), ours.vocabulary_size());
    expect_answers(theirs, requests, answers);
}

INSTANTIATE_TEST_SUITE_P(Settings, TransformersPeer, ::testing::ValuesIn(golden_settings()),
                         [](const auto& setting) { return std::string(setting.param.name); });

TEST(TokenizerPeer, TheCharacterTablesAreWhatTheWheelGives) {
    SKIP_WITHOUT_PYTHON();
    EXPECT_TRUE(run_script("src/finewatt/token/generate/make_tables.py", {"--check"}))
        << "make them anew: python src/finewatt/token/generate/make_tables.py";
}

TEST(TokenizerPeer, TheGoldenFilesAreWhatTheWheelGives) {
    SKIP_WITHOUT_PYTHON();
    EXPECT_TRUE(run_script("src/finewatt/token/generate/make_golden.py", {"--check"}))
        << "make them anew: python src/finewatt/token/generate/make_golden.py";
}

}  // namespace
}  // namespace finewatt::token
