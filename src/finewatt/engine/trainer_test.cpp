#include "finewatt/engine/trainer.h"

#include "finewatt/base/file.h"
#include "finewatt/engine/inference.h"
#include "finewatt/engine/runtime.h"
#include "finewatt/engine/tiny_job_internal.h"
#include "finewatt/testing/manual_clock.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <sstream>

namespace finewatt {
namespace {

using ::testing::HasSubstr;

std::vector<nlohmann::json> lines_of(const std::filesystem::path& file) {
    std::vector<nlohmann::json> lines;
    auto text = read_file(file);
    EXPECT_OK(text);
    std::istringstream stream(text.value_or(""));
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(nlohmann::json::parse(line));
    }
    return lines;
}

class Finetune : public ::testing::Test {
  protected:
    // One thread: the tiny products are not worth sharing, and waiting threads spin.
    static void SetUpTestSuite() { start_runtime(1); }

    Result<FinetuneResult> run(const FinetuneOptions& options) {
        JobContext context{events_, clock_, [this] { return --steps_until_stop_ < 0; }};
        return finetune(options, context);
    }

    testing::TempTree tree_;
    testing::TinyJob job_{tree_.path()};
    EventWriter events_;
    SystemClock clock_;
    int steps_until_stop_ = 1'000'000;
};

TEST_F(Finetune, LearnsWhatTheWordsMean) {
    FinetuneOptions options = job_.options();
    options.epochs = 12;
    options.eval_data = {job_.file("eval.tsv")};
    ASSERT_OK_AND_ASSIGN(const FinetuneResult result, run(options));
    EXPECT_EQ(result.end, FinetuneEnd::kComplete);
    EXPECT_EQ(result.work.steps, 12 * 8);
    EXPECT_EQ(result.work.examples, 12 * 64);
    EXPECT_EQ(result.eval_examples, 24);
    // The class follows from one word; guessing gives 0.5.
    EXPECT_GT(result.score("accuracy").value(), 0.9);
    EXPECT_LT(result.score("eval_loss").value(), 0.4);
}

TEST_F(Finetune, IsRepeatableAndFollowsTheSeed) {
    FinetuneOptions options = job_.options();
    ASSERT_OK_AND_ASSIGN(const FinetuneResult first, run(options));
    ASSERT_OK_AND_ASSIGN(const FinetuneResult again, run(options));
    options.seed = 43;
    ASSERT_OK_AND_ASSIGN(const FinetuneResult other, run(options));
    EXPECT_EQ(first.loss_last, again.loss_last);
    EXPECT_NE(first.loss_last, other.loss_last);
}

TEST_F(Finetune, PaddingChangesTheCountsAndNotTheLosses) {
    FinetuneOptions options = job_.options();
    ASSERT_OK_AND_ASSIGN(const FinetuneResult unpadded, run(options));
    options.batching = BatchingMode::kFixed;
    ASSERT_OK_AND_ASSIGN(const FinetuneResult fixed, run(options));
    // 1e-3: sixteen steps of Adam spread the rounding of the first one.
    EXPECT_NEAR(fixed.loss_mean, unpadded.loss_mean, 1e-3);
    EXPECT_EQ(fixed.work.tokens_real, unpadded.work.tokens_real);
    EXPECT_EQ(unpadded.work.tokens_padded, unpadded.work.tokens_real);
    EXPECT_EQ(fixed.work.tokens_padded, 2 * 64 * 16);
    EXPECT_DOUBLE_EQ(fixed.work.flops_model, unpadded.work.flops_model);
    EXPECT_GT(fixed.work.flops_done, fixed.work.flops_model);
}

TEST_F(Finetune, LogHasOneLineAStepWithTheScheduledRate) {
    FinetuneOptions options = job_.options();
    options.max_steps = 10;
    options.warmup = 0.2;
    options.log = job_.file("steps.jsonl");
    ASSERT_OK(run(options));
    const auto lines = lines_of(*options.log);
    ASSERT_EQ(lines.size(), 10U);
    EXPECT_EQ(lines[0]["step"], 1);
    EXPECT_DOUBLE_EQ(lines[0]["lr"].get<double>(), 0.0);
    EXPECT_DOUBLE_EQ(lines[2]["lr"].get<double>(), options.lr);
    EXPECT_GT(lines[0]["grad_norm"].get<double>(), 0.0);
    EXPECT_EQ(lines[0]["tokens_real"], lines[0]["tokens_padded"]);
    EXPECT_GT(lines[9]["t_mono_ns"].get<std::int64_t>(), lines[0]["t_mono_ns"].get<std::int64_t>());
}

TEST_F(Finetune, EventsCloseEveryPhaseInOrderAndEndWithTheTotals) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    const ScopedFd read_end(ends[0]);
    ScopedFd write_end(ends[1]);
    ASSERT_OK_AND_ASSIGN(events_, EventWriter::for_descriptor(write_end.get(), clock_));
    FinetuneOptions options = job_.options();
    options.eval_data = {job_.file("eval.tsv")};
    options.out = job_.file("out");
    ASSERT_OK_AND_ASSIGN(const FinetuneResult result, run(options));
    std::string text(1 << 20, '\0');
    text.resize(static_cast<std::size_t>(::read(read_end.get(), text.data(), text.size())));
    std::istringstream stream(text);
    std::string edges;
    nlohmann::json last_work;
    double accuracy = -1;
    for (std::string line; std::getline(stream, line);) {
        const auto event = nlohmann::json::parse(line);
        if (event["event"] == "phase") {
            edges += event["name"].get<std::string>() + (event["edge"] == "begin" ? "( " : ") ");
        } else if (event["event"] == "work") {
            last_work = event;
        } else if (event["event"] == "score" && event["name"] == "accuracy") {
            accuracy = event["value"].get<double>();
        }
    }
    EXPECT_EQ(edges,
              "load( load) tokenize( tokenize) warmup( warmup) train( train) evaluate( evaluate) "
              "save( save) ");
    EXPECT_EQ(last_work["steps"], 16);
    EXPECT_EQ(last_work["tokens_real"], result.work.tokens_real);
    EXPECT_DOUBLE_EQ(accuracy, result.score("accuracy").value());
}

TEST_F(Finetune, SavedModelGoesOnTrainingAndInfersWithTheSameAccuracy) {
    FinetuneOptions options = job_.options();
    options.epochs = 12;
    options.eval_data = {job_.file("eval.tsv")};
    options.out = job_.file("out");
    ASSERT_OK_AND_ASSIGN(const FinetuneResult trained, run(options));
    for (const char* name : {"config.json", "model.safetensors", "vocab.txt", "tokenizer.json",
                             "tokenizer_config.json", "settings.toml"}) {
        EXPECT_TRUE(std::filesystem::exists(*options.out / name)) << name;
    }
    InferenceOptions inference;
    inference.model.path = *options.out;
    inference.task = options.task;
    inference.data = job_.file("eval.tsv");
    inference.predictions = job_.file("predictions.jsonl");
    inference.has_logits = true;
    inference.max_length = 16;
    JobContext context{events_, clock_, [] { return false; }};
    ASSERT_OK_AND_ASSIGN(const InferenceResult result, infer(inference, context));
    ASSERT_FALSE(result.scores.empty());
    EXPECT_DOUBLE_EQ(result.scores[0].second, trained.score("accuracy").value());
    const auto lines = lines_of(inference.predictions);
    ASSERT_EQ(lines.size(), 24U);
    EXPECT_EQ(lines[5]["id"], 5);
    EXPECT_THAT(lines[5]["label"].get<std::string>(), ::testing::AnyOf("good", "bad"));
    EXPECT_NEAR(lines[5]["scores"][0].get<double>() + lines[5]["scores"][1].get<double>(), 1,
                1e-12);
    EXPECT_EQ(lines[5]["logits"].size(), 2U);

    options.model = {*options.out, false, std::nullopt};
    options.out.reset();
    options.max_steps = 1;
    options.dropout = 0;
    ASSERT_OK_AND_ASSIGN(const FinetuneResult more, run(options));
    EXPECT_LT(more.loss_mean, 0.6);  // an untrained one begins at log 2 = 0.69
    EXPECT_TRUE(more.notes.empty());
}

TEST_F(Finetune, StopRequestSavesTheModelSoFar) {
    FinetuneOptions options = job_.options();
    options.out = job_.file("out");
    options.eval_data = {job_.file("eval.tsv")};
    steps_until_stop_ = 3;
    ASSERT_OK_AND_ASSIGN(const FinetuneResult result, run(options));
    EXPECT_EQ(result.end, FinetuneEnd::kInterrupted);
    EXPECT_EQ(result.work.steps, 3);
    EXPECT_TRUE(result.scores.empty());
    EXPECT_TRUE(std::filesystem::exists(*options.out / "model.safetensors"));
}

TEST_F(Finetune, DivergedTrainingStopsAndSavesNothing) {
    FinetuneOptions options = job_.options();
    options.lr = 1e30;
    options.out = job_.file("out");
    ASSERT_OK_AND_ASSIGN(const FinetuneResult result, run(options));
    EXPECT_EQ(result.end, FinetuneEnd::kDiverged);
    EXPECT_LT(result.work.steps, 16);
    EXPECT_FALSE(std::filesystem::exists(*options.out));
}

TEST_F(Finetune, InputsThatDoNotFitAreErrorsThatNameThem) {
    const auto expect_error = [&](ErrorCode code, const FinetuneOptions& options,
                                  const char* text) {
        EXPECT_TRUE(testing::has_error(run(options), code, text)) << text;
    };
    FinetuneOptions options = job_.options();
    options.max_length = 33;
    expect_error(ErrorCode::kInvalidArgument, options, "max_position_embeddings");

    options = job_.options();
    std::string words = testing::TinyJob::vocabulary();
    for (int i = 0; i < 30; ++i) {
        words += "word" + std::to_string(i) + "\n";
    }
    options.model.vocab = job_.write("large.txt", words);
    expect_error(ErrorCode::kInvalidArgument, options, "vocab_size");

    options = job_.options();
    options.model = {job_.file("nowhere"), false, std::nullopt};
    expect_error(ErrorCode::kNotFound, options, "nowhere");

    options = job_.options();
    options.eval_data = {job_.write("other.tsv", "text\tlabel\nthe film\tfine\n")};
    expect_error(ErrorCode::kInvalidArgument, options, "fine");

    options = job_.options();
    options.out = job_.file("train.tsv");
    EXPECT_THAT(testing::describe(run(options)), HasSubstr("--out"));

    options = job_.options();
    options.log = job_.file("no/such/folder.jsonl");
    expect_error(ErrorCode::kNotFound, options, "--log");
}

TEST_F(Finetune, AHeadWithOtherClassesIsAnError) {
    FinetuneOptions options = job_.options();
    options.max_steps = 1;
    options.out = job_.file("out");
    ASSERT_OK(run(options));
    options.model = {*options.out, false, std::nullopt};
    // Names that the model does not know, and an id beyond its head.
    options.data = job_.write("three.tsv", "text\tlabel\nthe film\ta\nthe plot\tb\nthe cast\tc\n");
    EXPECT_ERROR(kInvalidArgument, run(options), "bad, good");
    options.data = job_.write("ids.tsv", "text\tlabel\nthe film\t0\nthe plot\t2\n");
    EXPECT_ERROR(kInvalidArgument, run(options), "bad, good");
    // Without names of its own, the head's size decides.
    ASSERT_OK_AND_ASSIGN(const std::string text, read_file(*options.out / "config.json"));
    auto config = nlohmann::json::parse(text);
    config.erase("id2label");
    config.erase("label2id");
    ASSERT_OK(write_file_atomically(*options.out / "config.json", config.dump()));
    options.data = job_.file("three.tsv");
    EXPECT_ERROR(kInvalidArgument, run(options), "2 classes");
}

TEST_F(Finetune, ATrainedHeadKeepsItsOrderOfLabels) {
    FinetuneOptions options = job_.options();
    options.max_steps = 1;
    options.out = job_.file("out");
    ASSERT_OK(run(options));
    ASSERT_OK_AND_ASSIGN(const std::string text, read_file(*options.out / "config.json"));
    auto config = nlohmann::json::parse(text);
    config["id2label"] = {{"0", "good"}, {"1", "bad"}};
    config["label2id"] = {{"good", 0}, {"bad", 1}};
    ASSERT_OK(write_file_atomically(*options.out / "config.json", config.dump()));
    options.model = {*options.out, false, std::nullopt};
    ASSERT_OK_AND_ASSIGN(const FinetuneResult result, run(options));
    EXPECT_EQ(result.label_names, (std::vector<std::string>{"good", "bad"}));
}

TEST_F(Finetune, ADistilBertLearnsAndItsFolderGoesOn) {
    FinetuneOptions options = job_.options();
    options.model.path = job_.write("distil.json", R"({"model_type": "distilbert",
        "vocab_size": 40, "dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32,
        "max_position_embeddings": 32, "initializer_range": 0.1})");
    options.epochs = 12;
    options.out = job_.file("out");
    ASSERT_OK_AND_ASSIGN(const FinetuneResult first, run(options));
    // The class follows from one word; guessing costs ln 2 = 0.69.
    EXPECT_LT(first.loss_last, 0.4);
    options.model = {*options.out, false, std::nullopt};
    options.max_steps = 1;
    ASSERT_OK_AND_ASSIGN(const FinetuneResult second, run(options));
    EXPECT_LT(second.loss_mean, 0.5);
    EXPECT_TRUE(second.notes.empty());
}

}  // namespace
}  // namespace finewatt
