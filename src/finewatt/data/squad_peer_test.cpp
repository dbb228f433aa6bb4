// Features and answers of question answering against Python, live: windows cut by the tokenizers
// package and labelled as run_qa.py does, answers chosen as utils_qa.py does. Skipped where the
// Python environment is absent.
#include "finewatt/base/check.h"
#include "finewatt/base/utf8.h"
#include "finewatt/data/peer_test_script_internal.h"
#include "finewatt/data/squad_answers.h"
#include "finewatt/data/squad_features.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/places.h"
#include "finewatt/testing/shared_data.h"
#include "finewatt/testing/temp_tree.h"

#include <algorithm>
#include <fstream>
#include <random>

namespace finewatt {
namespace {

using nlohmann::json;

constexpr unsigned kSeed = 20241123;

/// Numbers that are the same on every machine (the distributions of <random> are not).
class Random {
  public:
    std::uint32_t below(std::uint32_t limit) {
        return static_cast<std::uint32_t>(random_() % limit);
    }

    /// Words, spaces and punctuation of one to four bytes a character, never blank.
    std::u32string text(std::uint32_t atoms) {
        static const std::vector<std::u32string> kAtoms = {
            U"the ",     U"cat",     U" ",           U"\u00E9t\u00E9 ", U"un##able",
            U"running ", U", ",      U"1066 ",       U"\u4E2D\u6587",   U"\uD55C\uAE00 ",
            U"\u200B",   U"[SEP]",   U"\U0001F600 ", U"e\u0301",        U"\t\n",
            U"(a-b)",    U"O'Neil ", U"\u00A0"};
        std::u32string text = U"a ";
        for (std::uint32_t i = 0; i < atoms; ++i) {
            text += kAtoms[below(static_cast<std::uint32_t>(kAtoms.size()))];
        }
        return text;
    }

  private:
    std::mt19937 random_{kSeed};
};

std::string utf8(const std::u32string& text) {
    std::string out;
    for (const char32_t c : text) {
        append_utf8(out, c);
    }
    return out;
}

/// Questions about random contexts; answers anywhere, some not what stands there, some none.
json random_questions(Random& random, int count) {
    json paragraphs = json::array();
    for (int i = 0; i < count; ++i) {
        const std::u32string context = random.text(5 + random.below(120));
        json questions = json::array();
        for (std::uint32_t q = 0; q < 4; ++q) {
            json answers = json::array();
            if (random.below(5) != 0) {
                const auto size = static_cast<std::uint32_t>(context.size());
                const std::uint32_t begin = random.below(size);
                const std::uint32_t length = 1 + random.below(std::min(size - begin, 30U));
                const std::uint32_t shift = random.below(8) == 0 ? random.below(9) : 0;
                answers.push_back({{"text", utf8(context.substr(begin, length))},
                                   {"answer_start", begin + shift}});
            }
            questions.push_back({{"id", fmt::format("{}-{}", i, q)},
                                 {"question", " \t\u00A0" + utf8(random.text(random.below(6)))},
                                 {"answers", answers}});
        }
        paragraphs.push_back({{"context", utf8(context)}, {"qas", questions}});
    }
    return {{"version", "made up"}, {"data", {{{"paragraphs", paragraphs}}}}};
}

struct PeerSettings {
    std::filesystem::path vocabulary;
    bool lowercase = true;
    std::filesystem::path data;
    std::int32_t max_length = 384;
    std::int32_t doc_stride = 128;
};

/// What the comparison saw, so that a test can tell that it saw enough.
struct Compared {
    std::size_t features = 0;
    std::size_t walked_past_the_end = 0;
    SquadFeatureCounts counts;
};

json as_row(const SquadFeature& feature) {
    return {feature.example,     feature.ids,          feature.type_ids,  feature.offset_begins,
            feature.offset_ends, feature.answer_start, feature.answer_end};
}

/// Compare one of our features with a line of the peer's.
void expect_feature(const SquadFeature& feature, json want, Compared& compared) {
    const auto last = static_cast<std::int32_t>(feature.ids.size()) - 1;
    if (want[5] == last) {
        // The reference's walk past the end of the context, from its last token (see the header).
        want[5] = last - 1;
        ++compared.walked_past_the_end;
    }
    ++compared.features;
    ASSERT_EQ(as_row(feature), want) << "feature " << compared.features << ", seed " << kSeed;
}

void compare_features(const PeerSettings& settings, Compared& compared) {
    TokenizerOptions tokenizer_options;
    tokenizer_options.lowercase = settings.lowercase;
    ASSERT_OK_AND_ASSIGN(
        const WordPieceTokenizer tokenizer,
        WordPieceTokenizer::from_vocab_file(settings.vocabulary, tokenizer_options));
    ASSERT_OK_AND_ASSIGN(const SquadData data, read_squad_data(settings.data));
    const testing::TempTree tree;
    const json request = {{"vocab", settings.vocabulary.string()},
                          {"lowercase", settings.lowercase},
                          {"data", settings.data.string()},
                          {"max_length", settings.max_length},
                          {"doc_stride", settings.doc_stride}};
    const auto answers = tree.path() / "features";
    ASSERT_TRUE(
        peer::run("squad_features_peer.py", {tree.write("settings", request.dump()), answers}));
    std::ifstream lines(answers);
    const auto take = [&](SquadFeature&& feature) -> Status {
        std::string line;
        if (!std::getline(lines, line)) {
            return FINEWATT_ERROR(kCorrupt, "the peer made fewer features");
        }
        expect_feature(feature, json::parse(line), compared);
        if (::testing::Test::HasFatalFailure()) {
            return FINEWATT_ERROR(kCancelled, "a feature differs");
        }
        return {};
    };
    ASSERT_OK_AND_ASSIGN(compared.counts, make_squad_features(data, tokenizer,
                                                              {.max_length = settings.max_length,
                                                               .doc_stride = settings.doc_stride,
                                                               .answer_check = AnswerCheck::kCount},
                                                              take));
    std::string rest;
    EXPECT_FALSE(std::getline(lines, rest)) << "the peer made more features";
    fmt::print("{} features equal, {} of them but for the walk past the end\n", compared.features,
               compared.walked_past_the_end);
}

TEST(SquadFeaturesPeer, MadeUpQuestionsGiveEqualFeatures) {
    FINEWATT_SKIP_WITHOUT_MODULE("tokenizers");
    Random random;
    const testing::TempTree tree;
    PeerSettings settings;
    settings.vocabulary =
        std::filesystem::path(testing::source_dir()) / "src/finewatt/token/testdata/vocab.txt";
    settings.data = tree.write("squad.json", random_questions(random, 60).dump());
    settings.max_length = 90;
    settings.doc_stride = 17;
    for (const bool lowercase : {true, false}) {
        settings.lowercase = lowercase;
        Compared compared;
        compare_features(settings, compared);
        EXPECT_GT(compared.features, 400U);
        EXPECT_GT(compared.counts.answers_not_in_context, 5U);
        EXPECT_GT(compared.counts.windows_with_answer, 100U);
        EXPECT_GT(compared.walked_past_the_end, 0U) << "the difference is not tried";
    }
}

/// A file of the shared data, with how many features there are at least.
struct RealFile {
    std::string name;
    std::string vocabulary;
    std::int32_t max_length = 384;
    std::int32_t doc_stride = 128;
};

class SquadRealFile : public ::testing::TestWithParam<RealFile> {};

TEST_P(SquadRealFile, GivesEqualFeatures) {
    FINEWATT_SKIP_WITHOUT_MODULE("tokenizers");
    FINEWATT_SHARED_OR_SKIP(folder, "data");
    PeerSettings settings;
    settings.vocabulary = folder / "vocab" / (GetParam().vocabulary + "-vocab.txt");
    settings.lowercase = GetParam().vocabulary == "bert-base-uncased";
    settings.data = folder / "squad" / GetParam().name;
    settings.max_length = GetParam().max_length;
    settings.doc_stride = GetParam().doc_stride;
    Compared compared;
    compare_features(settings, compared);
    EXPECT_GT(compared.counts.features, 0U);
    EXPECT_EQ(compared.counts.answers_not_in_context, 0U) << "the files were checked for this";
}

INSTANTIATE_TEST_SUITE_P(
    Files, SquadRealFile,
    ::testing::Values(RealFile{"train-v1.1-11articles.json.gz", "bert-base-uncased"},
                      RealFile{"train-v2.0-7articles.json.gz", "bert-base-cased"},
                      RealFile{"extra-v1.1-reconstructed.json.gz", "bert-base-uncased"},
                      RealFile{"dev-v2.0-2articles-official-ids.json.gz", "bert-base-cased", 96,
                               40}),
    [](const auto& file) {
        std::string name = file.param.name.substr(0, file.param.name.find(".json"));
        std::replace_if(
            name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
        return name;
    });

/// A window of a context whose tokens are two characters wide.
json random_window(Random& random, std::uint32_t tokens, std::uint32_t first) {
    json window;
    std::vector<float> steps;
    for (std::uint32_t t = 0; t < tokens; ++t) {
        // The first three are [CLS] question [SEP], the last one is [SEP].
        const bool is_context = t >= 3 && t + 1 < tokens;
        const auto begin = static_cast<std::int32_t>(2 * (first + t - 3));
        window["begins"].push_back(is_context ? begin : -1);
        window["ends"].push_back(is_context ? begin + 2 : -1);
        steps.push_back(0.37F * static_cast<float>(t) - 4.0F);
    }
    // Different logits, since equal ones have no order in numpy; but many equal sums.
    for (const char* name : {"start_logits", "end_logits"}) {
        std::vector<float> logits = steps;
        for (std::uint32_t i = tokens; i > 1; --i) {
            std::swap(logits[i - 1], logits[random.below(i)]);
        }
        window[name] = logits;
    }
    return window;
}

json random_request(Random& random, const SquadAnswerOptions& options) {
    json request = {{"n_best", options.n_best},
                    {"max_answer_length", options.max_answer_length},
                    {"has_no_answer", options.has_no_answer},
                    {"null_threshold", options.null_threshold}};
    for (int i = 0; i < 150; ++i) {
        const std::u32string context = random.text(60) + std::u32string(200, U'\u00FC');
        json question = {{"context", utf8(context)}, {"windows", json::array()}};
        const std::uint32_t windows = 1 + random.below(3);
        for (std::uint32_t w = 0; w < windows; ++w) {
            question["windows"].push_back(random_window(random, 5 + random.below(60), 20 * w));
        }
        request["questions"].push_back(question);
    }
    return request;
}

Result<SquadAnswers> answer(const json& request, const SquadAnswerOptions& options) {
    SquadData data;
    for (const json& question : request["questions"]) {
        SquadExample example;
        example.id = std::to_string(data.contexts.size());
        example.context = data.contexts.size();
        data.contexts.push_back(question["context"].get<std::string>());
        data.examples.push_back(std::move(example));
    }
    FINEWATT_ASSIGN(SquadAnswerFinder finder, SquadAnswerFinder::create(data, options));
    std::int64_t feature = 0;
    for (std::size_t i = 0; i < data.examples.size(); ++i) {
        for (const json& window : request["questions"][i]["windows"]) {
            const auto ints = [&](const char* name) {
                return window[name].get<std::vector<std::int32_t>>();
            };
            const auto floats = [&](const char* name) {
                return window[name].get<std::vector<float>>();
            };
            FINEWATT_TRY(finder.add(feature++, static_cast<std::int64_t>(i), ints("begins"),
                                    ints("ends"), floats("start_logits"), floats("end_logits")));
        }
    }
    return std::move(finder).finish();
}

void expect_prediction(const SquadPrediction& got, const json& want) {
    ASSERT_EQ(json(got.text), want["text"]) << got.id;
    ASSERT_EQ(got.null_odds ? json(*got.null_odds) : json(nullptr), want["null_odds"]) << got.id;
    ASSERT_EQ(got.n_best.size(), want["n_best"].size()) << got.id;
    for (std::size_t i = 0; i < got.n_best.size(); ++i) {
        const json& candidate = want["n_best"][i];
        ASSERT_EQ(json(got.n_best[i].text), candidate[0]) << got.id << " candidate " << i;
        ASSERT_EQ(got.n_best[i].start_logit, candidate[1].get<float>());
        ASSERT_EQ(got.n_best[i].end_logit, candidate[2].get<float>());
        // 1e-6: the peer's softmax is in float32.
        ASSERT_NEAR(got.n_best[i].probability, candidate[3].get<double>(), 1e-6);
    }
}

TEST(SquadAnswersPeer, RandomLogitsGiveEqualAnswersNBestAndNullOdds) {
    FINEWATT_SKIP_WITHOUT_MODULE("numpy");
    Random random;
    const std::vector<SquadAnswerOptions> settings = {
        {},
        {.has_no_answer = true},
        {.n_best = 3, .max_answer_length = 4, .has_no_answer = true, .null_threshold = -1.5},
        {.n_best = 1, .max_answer_length = 2}};
    for (const SquadAnswerOptions& options : settings) {
        const json request = random_request(random, options);
        const testing::TempTree tree;
        const auto file = tree.path() / "answers";
        ASSERT_TRUE(
            peer::run("squad_answers_peer.py", {tree.write("request", request.dump()), file}));
        const json want = peer::read_json(file);
        ASSERT_OK_AND_ASSIGN(const SquadAnswers got, answer(request, options));
        ASSERT_EQ(got.predictions.size(), want.size());
        for (std::size_t i = 0; i < want.size(); ++i) {
            expect_prediction(got.predictions[i], want[i]);
            ASSERT_FALSE(HasFatalFailure()) << "n_best " << options.n_best << ", seed " << kSeed;
        }
    }
}

}  // namespace
}  // namespace finewatt
