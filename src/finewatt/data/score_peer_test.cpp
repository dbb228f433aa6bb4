// Scores against Python, live: SQuAD's against transformers' squad_metrics, those of entities
// against seqeval. Skipped where the Python environment is absent.
#include "finewatt/data/entity_score.h"
#include "finewatt/data/peer_test_script_internal.h"
#include "finewatt/data/squad_score.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <algorithm>
#include <random>

namespace finewatt {
namespace {

using nlohmann::json;

constexpr unsigned kSeed = 20241123;

class Random {
  public:
    std::uint32_t below(std::uint32_t limit) {
        return static_cast<std::uint32_t>(random_() % limit);
    }

    const std::string& pick(const std::vector<std::string>& items) {
        return items[below(static_cast<std::uint32_t>(items.size()))];
    }

  private:
    std::mt19937 random_{kSeed};
};

/// A few words out of a small stock, so that answers meet; with what normalising has to handle.
std::string random_answer(Random& random) {
    static const std::vector<std::string> kWords = {"the",       "The ",
                                                    "A",         " an ",
                                                    "cat",       "Cat.",
                                                    "1066",      ",",
                                                    "rock-a",    "O'Neil",
                                                    "\u2013",    "\u00C9cole ",
                                                    "the\u00A0", "\u039F\u0394\u039F\u03A3 ",
                                                    "\u0130",    "a_b",
                                                    "theatre",   "\u2003x",
                                                    "$5.00",     "\u4E2D\u6587",
                                                    "\u00DF",    " "};
    std::string answer;
    for (std::uint32_t n = random.below(5); n > 0; --n) {
        answer += random.pick(kWords) + (random.below(3) == 0 ? "" : " ");
    }
    return answer;
}

struct ScoreCase {
    SquadData data;
    SquadPredictions predictions;
    SquadPredictions some_predictions;
    SquadNoAnswerScores no_answer;
};

ScoreCase random_case(Random& random) {
    ScoreCase made;
    for (int i = 0; i < 400; ++i) {
        SquadExample example;
        example.id = fmt::format("q{}", i);
        for (std::uint32_t n = random.below(4); n > 0; --n) {
            example.answers.push_back({random_answer(random), 0});
        }
        const bool is_right = !example.answers.empty() && random.below(2) == 0;
        const std::string text = is_right ? example.answers[0].text : random_answer(random);
        made.predictions[example.id] = text;
        if (random.below(10) != 0) {
            made.some_predictions[example.id] = text;
        }
        // Not many values, so that many are equal.
        made.no_answer.emplace_back(example.id, random.below(40) / 40.0);
        made.data.examples.push_back(std::move(example));
    }
    return made;
}

json to_json(const ScoreCase& made, double threshold) {
    json request = {{"predictions", made.predictions},
                    {"some_predictions", made.some_predictions},
                    {"threshold", threshold}};
    for (const SquadExample& example : made.data.examples) {
        json texts = json::array();
        for (const SquadAnswer& answer : example.answers) {
            texts.push_back(answer.text);
        }
        request["questions"].push_back({{"id", example.id}, {"answers", texts}});
    }
    return request;
}

/// The no-answer values as an object in their own order, which decides among equal ones.
std::string with_no_answer(const json& request, const SquadNoAnswerScores& no_answer) {
    nlohmann::ordered_json object = request;
    for (const auto& [id, value] : no_answer) {
        object["no_answer"][id] = value;
    }
    return object.dump();
}

void expect_scores(const NamedScores& got, const json& want, std::size_t count) {
    ASSERT_EQ(got.size(), count);
    for (const auto& [name, value] : got) {
        ASSERT_TRUE(want.contains(name)) << name;
        // 1e-9: sums of some hundred doubles in another order.
        EXPECT_NEAR(value, want[name].get<double>(), 1e-9) << name << ", seed " << kSeed;
    }
}

TEST(SquadScorePeer, RandomAnswersScoreAsInTransformers) {
    FINEWATT_SKIP_WITHOUT_MODULE("transformers");
    Random random;
    constexpr double kThreshold = 0.6;
    const ScoreCase made = random_case(random);
    const testing::TempTree tree;
    const auto file = tree.path() / "scores";
    const auto request =
        tree.write("request", with_no_answer(to_json(made, kThreshold), made.no_answer));
    ASSERT_TRUE(peer::run("squad_score_peer.py", {request, file}));
    const json want = peer::read_json(file);

    for (std::size_t i = 0; i < made.data.examples.size(); ++i) {
        const std::string& text = made.predictions.at(made.data.examples[i].id);
        EXPECT_EQ(normalise_answer(text), want["normalised"][i].get<std::string>()) << text;
    }
    ASSERT_OK_AND_ASSIGN(const NamedScores plain,
                         score_squad_v2(made.data, made.predictions, std::nullopt));
    expect_scores(plain, want["plain"], 9);
    ASSERT_OK_AND_ASSIGN(const NamedScores cut,
                         score_squad_v2(made.data, made.predictions, made.no_answer, kThreshold));
    expect_scores(cut, want["with_no_answer"], 13);
    expect_scores(score_squad_v1(made.data, made.some_predictions), want["v1"], 2);
}

using Tags = std::vector<std::vector<std::string>>;

/// Tag sequences; `stock` decides how well formed they are.
Tags random_tags(Random& random, const Tags* like, const std::vector<std::string>& stock) {
    Tags tags;
    const std::size_t sentences = like != nullptr ? like->size() : 1 + random.below(6);
    for (std::size_t s = 0; s < sentences; ++s) {
        const std::size_t words = like != nullptr ? (*like)[s].size() : random.below(9);
        std::vector<std::string> sentence;
        for (std::size_t w = 0; w < words; ++w) {
            const bool is_equal = like != nullptr && random.below(2) == 0;
            sentence.push_back(is_equal ? (*like)[s][w] : random.pick(stock));
        }
        tags.push_back(std::move(sentence));
    }
    if (like == nullptr) {
        tags.push_back({"O"});  // never without any word
    }
    return tags;
}

json to_json(const std::vector<Entity>& entities) {
    json list = json::array();
    for (const Entity& entity : entities) {
        list.push_back({entity.type, entity.first, entity.last});
    }
    return list;
}

TEST(EntityScorePeer, RandomTagsScoreAsInSeqeval) {
    FINEWATT_SKIP_WITHOUT_MODULE("seqeval");
    const std::vector<std::string> known = {"O",     "O",     "B-PER", "I-PER", "E-PER",
                                            "S-PER", "B-LOC", "I-LOC", "B-A-B", "I-A-B"};
    std::vector<std::string> any = known;
    any.insert(any.end(), {"B", "I", "X-PER", "B-", "-", ".-PER", ".", "PER", "b-per", "O-PER",
                           "\u00C4-PER", "\u00C4"});
    Random random;
    std::vector<std::pair<Tags, Tags>> cases;
    json request = json::array();
    for (int i = 0; i < 600; ++i) {
        const auto& stock = i % 2 == 0 ? known : any;
        const Tags references = random_tags(random, nullptr, stock);
        const Tags predictions = random_tags(random, &references, stock);
        request.push_back({{"references", references}, {"predictions", predictions}});
        cases.emplace_back(references, predictions);
    }
    const testing::TempTree tree;
    const auto file = tree.path() / "scores";
    ASSERT_TRUE(peer::run("entity_score_peer.py", {tree.write("request", request.dump()), file}));
    const json want = peer::read_json(file);
    ASSERT_EQ(want.size(), cases.size());
    for (std::size_t i = 0; i < cases.size(); ++i) {
        ASSERT_EQ(to_json(find_entities(cases[i].second)), want[i]["entities"]) << request[i];
        ASSERT_OK_AND_ASSIGN(const EntityScores got,
                             score_entities(cases[i].first, cases[i].second));
        // 1e-12: the same ratios of whole numbers.
        ASSERT_NEAR(got.precision, want[i]["precision"].get<double>(), 1e-12) << request[i];
        ASSERT_NEAR(got.recall, want[i]["recall"].get<double>(), 1e-12) << request[i];
        ASSERT_NEAR(got.f1, want[i]["f1"].get<double>(), 1e-12) << request[i];
        ASSERT_NEAR(got.accuracy, want[i]["accuracy"].get<double>(), 1e-12) << request[i];
    }
}

TEST(EntityScorePeer, CutSentencesScoreAsRunNerCutsThem) {
    FINEWATT_SKIP_WITHOUT_MODULE("seqeval");
    const std::vector<std::string> stock = {"O", "B-PER", "I-PER", "B-LOC", "I-LOC"};
    Random random;
    std::vector<std::pair<Tags, std::vector<PredictedTags>>> cases;
    json request = json::array();
    for (int i = 0; i < 200; ++i) {
        const Tags references = random_tags(random, nullptr, stock);
        const Tags whole = random_tags(random, &references, stock);
        // compute_metrics of run_ner.py: only tokens with a label are scored; those behind the cut
        // are not there, in references as in predictions.
        Tags cut_references;
        Tags cut_predictions;
        std::vector<PredictedTags> predictions;
        for (std::size_t s = 0; s < references.size(); ++s) {
            const std::size_t words = references[s].size();
            const auto cut = std::min<std::size_t>(words, 1 + random.below(9));
            const auto end = static_cast<std::ptrdiff_t>(cut);
            cut_references.emplace_back(references[s].begin(), references[s].begin() + end);
            cut_predictions.emplace_back(whole[s].begin(), whole[s].begin() + end);
            predictions.emplace_back(whole[s].begin(), whole[s].begin() + end);
            if (random.below(2) == 0) {
                predictions.back().resize(words);  // said for each word, or left out
            }
        }
        request.push_back({{"references", cut_references}, {"predictions", cut_predictions}});
        cases.emplace_back(references, predictions);
    }
    const testing::TempTree tree;
    const auto file = tree.path() / "scores";
    ASSERT_TRUE(peer::run("entity_score_peer.py", {tree.write("request", request.dump()), file}));
    const json want = peer::read_json(file);
    std::size_t left_out = 0;
    for (std::size_t i = 0; i < cases.size(); ++i) {
        ASSERT_OK_AND_ASSIGN(const WordScores got,
                             score_predicted_words(cases[i].first, cases[i].second));
        ASSERT_NEAR(got.scores.f1, want[i]["f1"].get<double>(), 1e-12) << request[i];
        ASSERT_NEAR(got.scores.recall, want[i]["recall"].get<double>(), 1e-12) << request[i];
        ASSERT_NEAR(got.scores.accuracy, want[i]["accuracy"].get<double>(), 1e-12) << request[i];
        left_out += got.words_left_out;
    }
    EXPECT_GT(left_out, 100U);
}

}  // namespace
}  // namespace finewatt
