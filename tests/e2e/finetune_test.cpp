// `finewatt finetune` with the real engine on a tiny random model and made-up sentences.

#include "finewatt/base/file.h"

#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "program.h"

namespace finewatt::e2e {
namespace {

/// A vocabulary, a model configuration and data that a tiny model can learn.
class Finetune : public ProgramTest {
  protected:
    Finetune() {
        std::string vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
        for (const std::string& word : kWords) {
            vocabulary += word + "\n";
        }
        tree_.write("vocab.txt", vocabulary);
        tree_.write("config.json",
                    R"({"model_type":"bert","hidden_size":16,"num_hidden_layers":2,
                        "num_attention_heads":2,"intermediate_size":32,"hidden_act":"gelu",
                        "hidden_dropout_prob":0.1,"attention_probs_dropout_prob":0.1,
                        "layer_norm_eps":1e-12,"type_vocab_size":2,"max_position_embeddings":32,
                        "vocab_size":13,"pad_token_id":0,"initializer_range":0.02})");
        std::string rows = "text\tlabel\n";
        for (int i = 0; i < 200; ++i) {
            const bool is_positive = i % 2 == 0;
            const std::string& subject = kWords.at(static_cast<std::size_t>(2 + i % 3));
            rows += "the " + subject + (is_positive ? " was good" : " was bad");
            rows += is_positive ? "\tpositive\n" : "\tnegative\n";
        }
        tree_.write("train.tsv", rows);
        tree_.write("test.tsv", rows);
    }

    std::vector<std::string> arguments(const std::vector<std::string>& more = {}) const {
        std::vector<std::string> all{"finetune",
                                     "--task",
                                     "classification",
                                     "--model",
                                     "random:" + (tree_.path() / "config.json").string(),
                                     "--vocab",
                                     (tree_.path() / "vocab.txt").string(),
                                     "--data",
                                     (tree_.path() / "train.tsv").string(),
                                     "--eval-data",
                                     (tree_.path() / "test.tsv").string(),
                                     "--epochs",
                                     "3",
                                     "--batch",
                                     "16",
                                     "--lr",
                                     "5e-3",
                                     "--max-length",
                                     "16",
                                     "--out",
                                     out().string()};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }

    std::filesystem::path out() const { return tree_.path() / "out"; }

    /// Run, expect exit status 4, `text` in the message, no result folder and no stored run.
    void expect_bad_input(const std::vector<std::string>& all, const std::string& text) {
        const auto result = finewatt(all);
        EXPECT_EQ(result.exit_status, 4) << result.stderr_text;
        EXPECT_NE(result.stderr_text.find(text), std::string::npos) << result.stderr_text;
        EXPECT_FALSE(std::filesystem::exists(out()));
        EXPECT_EQ(finewatt({"runs", "list", "--json"}).stdout_text, "[]\n");
    }

    const std::vector<std::string> kWords{"the",  "was",  "film", "plot",
                                          "cast", "good", "bad",  "##s"};
};

TEST_F(Finetune, TrainsMeasuresReportsAndStores) {
    const auto result = finewatt(arguments({"--json"}));
    ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
    const nlohmann::json record = last_line_json(result.stdout_text);
    EXPECT_EQ(record["status"], "complete");
    EXPECT_EQ(record["kind"], "fine-tuning");
    EXPECT_GT(record["scores"]["accuracy"].get<double>(), 0.9);
    EXPECT_GT(record["energy"]["energy_j"].get<double>(), 0);
    EXPECT_EQ(record["work"]["examples"], 600);
    EXPECT_EQ(record["work"]["steps"], 39);
    EXPECT_EQ(record["work"]["tokens_real"], 600 * 6);
    std::vector<std::string> phases;
    for (const auto& phase : record["phases"]) {
        phases.push_back(phase["name"]);
    }
    EXPECT_THAT(phases, ::testing::IsSupersetOf({"load", "tokenize", "train", "evaluate", "save"}));
    for (const char* name : {"config.json", "model.safetensors", "vocab.txt", "tokenizer.json",
                             "settings.toml", "run.json", "report.html"}) {
        EXPECT_TRUE(std::filesystem::exists(out() / name)) << name;
    }
    const auto shown = finewatt({"runs", "show", record["run_id"].get<std::string>(), "--json"});
    EXPECT_EQ(nlohmann::json::parse(shown.stdout_text), record);
}

TEST_F(Finetune, SummaryForPeopleHasTheFiguresThatMatter) {
    const auto result = finewatt(arguments());
    ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
    for (const char* text : {"accuracy", "kWh", "J", "--place", "report.html", "padded"}) {
        EXPECT_NE(result.stdout_text.find(text), std::string::npos) << text << "\n"
                                                                    << result.stdout_text;
    }
}

TEST_F(Finetune, TermSignalSavesWhatIsTrainedAndStoresTheRun) {
    on_started_ = [this](pid_t pid) {
        // Wait until training has begun: its log exists.
        for (int i = 0; i < 400 && !std::filesystem::exists(tree_.path() / "log.jsonl"); ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(25));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        ::kill(pid, SIGTERM);
    };
    const auto result = finewatt(arguments(
        {"--json", "--epochs", "100000", "--log", (tree_.path() / "log.jsonl").string()}));
    const nlohmann::json record = last_line_json(result.stdout_text);
    EXPECT_EQ(record["status"], "interrupted");
    EXPECT_TRUE(std::filesystem::exists(out() / "model.safetensors"));
    EXPECT_GT(record["work"]["steps"].get<double>(), 0);
}

TEST_F(Finetune, HubNameIsTakenFromTheCacheByBothPrograms) {
    ASSERT_EQ(finewatt(arguments({"-q"})).exit_status, 0);
    const std::string commit = "0123456789abcdef0123456789abcdef01234567";
    const auto cached = tree_.path() / "hub" / "models--org--name";
    std::filesystem::create_directories(cached / "snapshots");
    std::filesystem::rename(out(), cached / "snapshots" / commit);
    tree_.write("hub/models--org--name/refs/main", commit);
    extra_environment_ = {{"HF_HUB_CACHE", (tree_.path() / "hub").string()}};

    auto all = arguments({"--json", "--epochs", "1"});
    all[4] = "org/name";
    const auto trained = finewatt(all);
    ASSERT_EQ(trained.exit_status, 0) << trained.stderr_text;
    const nlohmann::json record = last_line_json(trained.stdout_text);
    EXPECT_EQ(record["settings"]["model"], "org/name");
    EXPECT_EQ(record["settings"]["model_folder"], (cached / "snapshots" / commit).string());

    const std::string data = (tree_.path() / "test.tsv").string();
    const auto inferred = run("finewatt-train", {"infer", "--model", "org/name", "--data", data,
                                                 "--predictions", "p.jsonl", "--max-length", "16"});
    EXPECT_EQ(inferred.exit_status, 0) << inferred.stderr_text;
    const auto absent = run("finewatt-train", {"infer", "--model", "org/absent", "--data", data,
                                               "--predictions", "p.jsonl", "--max-length", "16"});
    EXPECT_EQ(absent.exit_status, 4);
    EXPECT_NE(absent.stderr_text.find("`finewatt fetch org/absent`"), std::string::npos)
        << absent.stderr_text;
}

TEST_F(Finetune, EvaluateAgreesWithTheTrainingAndInferenceForTags) {
    std::string rows;
    for (int i = 0; i < 60; ++i) {
        rows +=
            std::string(i % 2 == 0 ? "film B-PER\nwas O\ngood O\n" : "the O\ncast B-LOC\n") + "\n";
    }
    const std::string data = tree_.write("tags.conll", rows).string();
    const auto trained =
        finewatt({"finetune", "--task", "ner", "--model",
                  "random:" + (tree_.path() / "config.json").string(), "--vocab",
                  (tree_.path() / "vocab.txt").string(), "--data", data, "--eval-data", data,
                  "--max-length", "16", "--lr", "5e-3", "--out", out().string(), "--json"});
    ASSERT_EQ(trained.exit_status, 0) << trained.stderr_text;
    const nlohmann::json record = last_line_json(trained.stdout_text);
    EXPECT_EQ(record["settings"]["batch"], 8);  // the recipe of run_ner
    EXPECT_THAT(record["software"]["libtorch"].get<std::string>(), ::testing::HasSubstr("2."));
    EXPECT_EQ(record["software"]["engine_precision"], "fp32");
    EXPECT_EQ(record["software"]["engine_device"], "cpu");
    EXPECT_FALSE(record["software"]["engine_features"].get<std::string>().empty());
    const std::string predictions = (tree_.path() / "tags.jsonl").string();
    const auto inferred =
        finewatt({"infer", "--task", "ner", "--model", out().string(), "--data", data,
                  "--max-length", "16", "--predictions", predictions, "--latency", "--json"});
    ASSERT_EQ(inferred.exit_status, 0) << inferred.stderr_text;
    const nlohmann::json inference = last_line_json(inferred.stdout_text);
    EXPECT_EQ(inference["kind"], "inference");
    EXPECT_EQ(inference["work"]["examples"], 60);
    EXPECT_GT(inference["scores"]["latency_ms_p50"].get<double>(), 0);
    EXPECT_THAT(inference["software"]["engine_gemm"].get<std::string>(),
                ::testing::StartsWith("forward, blocks: finewatt; "));
    const auto scored = finewatt(
        {"evaluate", "--task", "ner", "--data", data, "--predictions", predictions, "--json"});
    ASSERT_EQ(scored.exit_status, 0) << scored.stderr_text;
    for (const auto& [name, value] : last_line_json(scored.stdout_text)["metrics"].items()) {
        EXPECT_DOUBLE_EQ(value.get<double>(), record["scores"][name].get<double>()) << name;
        EXPECT_DOUBLE_EQ(value.get<double>(), inference["scores"][name].get<double>()) << name;
    }
}

TEST_F(Finetune, MissingModelIsBadInput) {
    auto all = arguments();
    all[4] = (tree_.path() / "no-model").string();
    expect_bad_input(all, "no-model");
}

TEST_F(Finetune, MissingColumnListsTheColumnsThereAre) {
    expect_bad_input(arguments({"--text-column", "sentence"}), "text, label");
}

TEST_F(Finetune, RaggedRowIsNamed) {
    tree_.write("train.tsv", "text\tlabel\ngood film\tpositive\nbad film\n");
    expect_bad_input(arguments(), "row 3");
}

TEST_F(Finetune, InvalidUtf8IsBadInput) {
    tree_.write("train.tsv", "text\tlabel\ngood \xFF film\tpositive\nbad film\tnegative\n");
    expect_bad_input(arguments(), "UTF-8");
}

TEST_F(Finetune, EmptyTextIsBadInput) {
    tree_.write("train.tsv", "text\tlabel\n\tpositive\nbad film\tnegative\n");
    expect_bad_input(arguments(), "empty");
}

TEST_F(Finetune, OneClassOnlyIsBadInput) {
    tree_.write("train.tsv", "text\tlabel\ngood film\tpositive\nfine film\tpositive\n");
    expect_bad_input(arguments(), "class");
}

TEST_F(Finetune, VocabularyWithoutSpecialTokensIsBadInput) {
    tree_.write("vocab.txt", "the\nwas\nfilm\nplot\ncast\ngood\nbad\n##s\na\nb\nc\nd\ne\n");
    expect_bad_input(arguments(), "[PAD]");
}

TEST_F(Finetune, MaxLengthBeyondThePositionsIsBadInput) {
    expect_bad_input(arguments({"--max-length", "64"}), "32");
}

TEST_F(Finetune, ContradictorySizesAreBadInput) {
    tree_.write("config.json",
                R"({"model_type":"bert","hidden_size":16,"num_hidden_layers":2,
                    "num_attention_heads":3,"intermediate_size":32,"vocab_size":13,
                    "max_position_embeddings":32,"type_vocab_size":2})");
    expect_bad_input(arguments(), "num_attention_heads");
}

TEST_F(Finetune, OutThatIsAFileIsBadInputBeforeTraining) {
    const auto file = tree_.write("taken", "x");
    auto all = arguments();
    all.back() = file.string();
    const auto result = finewatt(all);
    EXPECT_EQ(result.exit_status, 4) << result.stderr_text;
    EXPECT_NE(result.stderr_text.find("taken"), std::string::npos) << result.stderr_text;
    ASSERT_OK_AND_ASSIGN(const std::string content, read_file(file));
    EXPECT_EQ(content, "x");
}

TEST_F(Finetune, CutOffWeightsAreBadInput) {
    ASSERT_EQ(finewatt(arguments({"-q"})).exit_status, 0);
    std::filesystem::rename(out(), tree_.path() / "model");
    std::filesystem::resize_file(tree_.path() / "model" / "model.safetensors", 5000);
    auto all = arguments();
    all[4] = (tree_.path() / "model").string();
    const auto result = finewatt(all);
    EXPECT_EQ(result.exit_status, 4) << result.stderr_text;
    EXPECT_NE(result.stderr_text.find("model.safetensors"), std::string::npos)
        << result.stderr_text;
    EXPECT_FALSE(std::filesystem::exists(out()));
}

TEST_F(Finetune, BothProgramsLoadWithoutPython) {
    // The engine is found beside finewatt, LibTorch by its rpath: PATH and PYTHONPATH play no part.
    extra_environment_ = {{"PATH", "/nowhere"}, {"PYTHONPATH", "/nowhere"}};
    const auto result = finewatt({"--version"});
    EXPECT_EQ(result.exit_status, 0);
    EXPECT_NE(result.stdout_text.find("LibTorch"), std::string::npos) << result.stdout_text;
}

}  // namespace
}  // namespace finewatt::e2e
