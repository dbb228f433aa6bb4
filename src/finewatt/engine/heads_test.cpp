// Whole jobs of every head, evaluations between steps, checkpoints and accumulation, on tiny data.
#include "finewatt/base/file.h"
#include "finewatt/data/evaluate.h"
#include "finewatt/engine/inference.h"
#include "finewatt/engine/runtime.h"
#include "finewatt/engine/tiny_job_internal.h"
#include "finewatt/testing/manual_clock.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sstream>

namespace finewatt {
namespace {

class Heads : public ::testing::Test {
  protected:
    static void SetUpTestSuite() { start_runtime(1); }

    Result<FinetuneResult> run(const FinetuneOptions& options) {
        JobContext context{events_, clock_, [] { return false; }};
        return finetune(options, context);
    }

    Result<InferenceResult> run(const InferenceOptions& options) {
        JobContext context{events_, clock_, [] { return false; }};
        return infer(options, context);
    }

    FinetuneOptions learning(const std::string& task, std::int64_t epochs) {
        FinetuneOptions options = job_.options(task);
        options.epochs = epochs;
        options.eval_data = {job_.file("eval" + testing::TinyJob::extension(task))};
        options.out = job_.file("out");
        return options;
    }

    InferenceOptions inference(const std::string& task) {
        InferenceOptions options;
        options.model.path = job_.file("out");
        options.task = find_task(task).value();
        options.data = job_.file("eval" + testing::TinyJob::extension(task));
        options.predictions = job_.file("predictions");
        options.has_logits = true;
        options.max_length = 16;
        options.doc_stride = options.task.recipe.doc_stride > 0 ? 4 : 0;
        return options;
    }

    /// infer gives the scores of the training, and so does evaluating its file.
    void expect_same_scores(const std::string& task, const FinetuneResult& trained) {
        const InferenceOptions options = inference(task);
        ASSERT_OK_AND_ASSIGN(const InferenceResult inferred, run(options));
        for (const auto& [name, value] : inferred.scores) {
            EXPECT_NEAR(value, trained.score(name).value_or(-1), 1e-4) << name;
        }
        ASSERT_OK_AND_ASSIGN(
            const NamedScores evaluated,
            evaluate_files(options.task, {options.data, options.predictions, std::nullopt}));
        EXPECT_FALSE(evaluated.empty());
        for (const auto& [name, value] : evaluated) {
            EXPECT_DOUBLE_EQ(value, trained.score(name).value_or(-1)) << name;
        }
    }

    /// The log without its times.
    static std::string steps_of(const std::filesystem::path& file) {
        std::istringstream stream(read_file(file).value_or(""));
        std::string text;
        for (std::string line; std::getline(stream, line);) {
            auto step = nlohmann::json::parse(line);
            step.erase("t_mono_ns");
            text += step.dump() + "\n";
        }
        return text;
    }

    testing::TempTree tree_;
    testing::TinyJob job_{tree_.path()};
    EventWriter events_;
    SystemClock clock_;
};

TEST_F(Heads, TagsAreLearntInferredAndEvaluatedAlike) {
    ASSERT_OK_AND_ASSIGN(const FinetuneResult result, run(learning("ner", 12)));
    EXPECT_GT(result.score("f1").value(), 0.9);
    EXPECT_EQ(result.label_names,
              (std::vector<std::string>{"B-LOC", "B-PER", "I-LOC", "I-PER", "O"}));
    expect_same_scores("ner", result);
}

TEST_F(Heads, WordsBehindTheCutAreScoredNowhere) {
    FinetuneOptions options = learning("ner", 12);
    options.max_length = 6;  // [CLS], four words, [SEP]; sentences have two to seven
    ASSERT_OK_AND_ASSIGN(const FinetuneResult result, run(options));
    EXPECT_GT(result.score("f1").value(), 0.9);  // the words that are there are learnt
    InferenceOptions inferring = inference("ner");
    inferring.max_length = 6;
    ASSERT_OK_AND_ASSIGN(const InferenceResult inferred, run(inferring));
    ASSERT_OK_AND_ASSIGN(const std::string lines, read_file(inferring.predictions));
    EXPECT_NE(lines.find("null"), std::string::npos);
    ASSERT_OK_AND_ASSIGN(
        const NamedScores evaluated,
        evaluate_files(inferring.task, {inferring.data, inferring.predictions, std::nullopt}));
    for (const auto& [name, value] : evaluated) {
        EXPECT_DOUBLE_EQ(value, result.score(name).value_or(-1)) << name;
    }
}

TEST_F(Heads, AnswersAreLearntInferredAndEvaluatedAlike) {
    for (const char* task : {"squad_v2", "qa"}) {
        ASSERT_OK_AND_ASSIGN(const FinetuneResult result, run(learning(task, 30)));
        EXPECT_GT(result.score("f1").value(), 60) << task;
        EXPECT_TRUE(result.score("best_null_f1").has_value());
        expect_same_scores(task, result);
    }
}

TEST_F(Heads, AnswersComeWithTheirCandidatesAndNullOdds) {
    ASSERT_OK(run(learning("squad_v2", 1)));
    const InferenceOptions options = inference("squad_v2");
    ASSERT_OK_AND_ASSIGN(const InferenceResult result, run(options));
    ASSERT_EQ(result.files.size(), 3U);
    ASSERT_OK_AND_ASSIGN(const std::string answers, read_file(options.predictions));
    EXPECT_EQ(nlohmann::json::parse(answers).size(), 16U);
    ASSERT_OK_AND_ASSIGN(const std::string best,
                         read_file(options.predictions.string() + ".nbest.json"));
    EXPECT_TRUE(nlohmann::json::parse(best)["q0"][0].contains("start_logit"));
    ASSERT_OK_AND_ASSIGN(const std::string odds,
                         read_file(options.predictions.string() + ".null_odds.json"));
    EXPECT_TRUE(nlohmann::json::parse(odds)["q0"].is_number());
}

TEST_F(Heads, TextsWithoutLabelsArePredictedWithoutScores) {
    ASSERT_OK(run(learning("classification", 1)));
    InferenceOptions options = inference("classification");
    options.data = job_.write("texts.tsv", "text\nthe bright film\na dull plot\n");
    options.has_latency = true;
    ASSERT_OK_AND_ASSIGN(const InferenceResult result, run(options));
    EXPECT_TRUE(result.scores.empty());
    EXPECT_EQ(result.examples, 2);
    EXPECT_EQ(result.work.examples, 2);
    ASSERT_TRUE(result.latency.has_value());
    EXPECT_GT(result.latency->p50_ms, 0);
    EXPECT_LE(result.latency->p50_ms, result.latency->max_ms);
}

TEST_F(Heads, AccumulationIsTheMeanOverAllBatchesOfTheStep) {
    // Tokens: the batches have different numbers of targets, so a mean of means would differ.
    for (const char* task : {"classification", "ner", "squad_v2"}) {
        FinetuneOptions options = job_.options(task);
        options.dropout = 0;
        options.max_steps = 4;
        options.log = job_.file("whole.jsonl");
        ASSERT_OK_AND_ASSIGN(const FinetuneResult whole, run(options));
        options.batch = 2;
        options.accumulation = 4;
        options.log = job_.file("parts.jsonl");
        ASSERT_OK_AND_ASSIGN(const FinetuneResult parts, run(options));
        EXPECT_EQ(parts.work.steps, 4);
        EXPECT_EQ(parts.work.examples, whole.work.examples);
        EXPECT_NEAR(parts.loss_mean, whole.loss_mean, 1e-5) << task;
        EXPECT_NEAR(parts.loss_last, whole.loss_last, 1e-5) << task;
    }
}

TEST_F(Heads, TheSameSeedGivesTheSameStepLogForEveryHead) {
    for (const char* task : {"classification", "ner", "squad_v2"}) {
        FinetuneOptions options = job_.options(task);
        options.accumulation = 2;
        options.log = job_.file("first.jsonl");
        ASSERT_OK(run(options));
        options.log = job_.file("again.jsonl");
        ASSERT_OK(run(options));
        EXPECT_EQ(steps_of(job_.file("first.jsonl")), steps_of(job_.file("again.jsonl"))) << task;
        EXPECT_NE(steps_of(job_.file("first.jsonl")), "");
    }
}

TEST_F(Heads, ASecondEvaluationSetHasNamesOfItsOwn) {
    FinetuneOptions options = learning("classification", 1);
    options.eval_data.push_back(job_.file("train.tsv"));
    ASSERT_OK_AND_ASSIGN(const FinetuneResult result, run(options));
    EXPECT_TRUE(result.score("accuracy").has_value());
    EXPECT_TRUE(result.score("accuracy_2").has_value());
    EXPECT_EQ(result.eval_examples, 24 + 64);

    options.task = find_task("mnli").value();
    choose_columns(options.task, {.text = "text", .pair = "text", .label = "label"});
    options.task.label_names = {"good", "bad", "neither"};
    ASSERT_OK_AND_ASSIGN(const FinetuneResult pairs, run(options));
    EXPECT_TRUE(pairs.score("accuracy_mm").has_value());
}

TEST_F(Heads, EarlyStopKeepsTheBestModel) {
    FinetuneOptions options = learning("classification", 400);
    options.eval_every = 8;
    options.early_stop = 2;
    ASSERT_OK_AND_ASSIGN(const FinetuneResult result, run(options));
    EXPECT_TRUE(result.is_stopped_early);
    EXPECT_LT(result.work.steps, result.steps_planned);
    // Two evaluations came after the best.
    EXPECT_EQ(result.work.steps, result.best_step.value() + 16);
    expect_same_scores("classification", result);
}

TEST_F(Heads, OnlyTheNewestCheckpointStaysAndItIsAWholeModel) {
    FinetuneOptions options = learning("ner", 2);
    options.checkpoint_every = 3;
    ASSERT_OK_AND_ASSIGN(const FinetuneResult result, run(options));
    EXPECT_EQ(result.last_checkpoint, *options.out / "checkpoint-15");
    std::vector<std::string> folders;
    for (const auto& entry : std::filesystem::directory_iterator(*options.out)) {
        if (entry.is_directory()) {
            folders.push_back(entry.path().filename().string());
        }
    }
    EXPECT_EQ(folders, std::vector<std::string>{"checkpoint-15"});
    InferenceOptions from_checkpoint = inference("ner");
    from_checkpoint.model.path = *result.last_checkpoint;
    EXPECT_OK(run(from_checkpoint));
}

TEST_F(Heads, DivergenceNamesTheExamplesAndKeepsTheLastCheckpoint) {
    FinetuneOptions options = learning("classification", 2);
    options.lr = 1e30;
    options.checkpoint_every = 1;
    ASSERT_OK_AND_ASSIGN(const FinetuneResult result, run(options));
    EXPECT_EQ(result.end, FinetuneEnd::kDiverged);
    EXPECT_EQ(result.diverged_examples.size(), 8U);
    ASSERT_TRUE(result.last_checkpoint.has_value());
    EXPECT_TRUE(std::filesystem::exists(*result.last_checkpoint / "model.safetensors"));
    EXPECT_FALSE(std::filesystem::exists(*options.out / "model.safetensors"));
}

TEST_F(Heads, AHeadOfAnotherKindIsAnError) {
    ASSERT_OK(run(learning("ner", 1)));
    FinetuneOptions options = job_.options("classification");
    options.model = {job_.file("out"), false, std::nullopt};
    EXPECT_ERROR(kInvalidArgument, run(options), "BertForTokenClassification");
    EXPECT_ERROR(kInvalidArgument, run(inference("squad")), "BertForTokenClassification");
}

TEST_F(Heads, AnAnswerThatIsNotInItsContextIsRefusedForPlainQuestionsOnly) {
    FinetuneOptions options = job_.options("qa");
    options.max_steps = 1;
    options.data = job_.write("wrong.json", R"({"data": [{"title": "t", "paragraphs": [{
        "context": "the film was bright", "qas": [{"id": "a", "question": "the plot",
        "answers": [{"text": "dull", "answer_start": 4}]}]}]}]})");
    EXPECT_ERROR(kInvalidArgument, run(options), "a");
    options.task = find_task("squad").value();
    EXPECT_OK(run(options));
}

}  // namespace
}  // namespace finewatt
