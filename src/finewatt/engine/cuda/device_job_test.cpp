// Whole jobs on the emulated GPU: what a training does between its steps, and inference.
#include "finewatt/base/file.h"
#include "finewatt/engine/inference.h"
#include "finewatt/engine/runtime.h"
#include "finewatt/engine/tiny_job_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cmath>
#include <optional>
#include <sstream>

namespace finewatt {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class DeviceJob : public ::testing::Test {
  protected:
    static void SetUpTestSuite() { start_runtime(1); }

    /// Train until the log has step `stop_after`, or to the end.
    Result<FinetuneResult> run(const FinetuneOptions& options,
                               std::optional<std::size_t> stop_after = std::nullopt) {
        JobContext context{events_, clock_, [&] {
                               return stop_after && log_of(*options.log).size() >= *stop_after;
                           }};
        return finetune(options, context);
    }

    /// Two epochs of eight steps with dropout everywhere.
    FinetuneOptions training(const std::string& name, const std::string& task = "classification") {
        FinetuneOptions options = job_.options(task);
        options.device = choose_device("cuda").value();
        options.log = job_.file(name + ".jsonl");
        options.out = job_.file(name);
        return options;
    }

    /// The log without its times.
    static std::vector<nlohmann::json> log_of(const fs::path& file) {
        std::istringstream stream(read_file(file).value_or(""));
        std::vector<nlohmann::json> steps;
        for (std::string line; std::getline(stream, line);) {
            steps.push_back(nlohmann::json::parse(line));
            steps.back().erase("t_mono_ns");
        }
        return steps;
    }

    std::string weights_of(const std::string& name) const {
        return read_file(job_.file(name) / "model.safetensors").value_or("none");
    }

    void expect_same(const std::string& got, const std::string& want) const {
        EXPECT_EQ(log_of(job_.file(got + ".jsonl")), log_of(job_.file(want + ".jsonl")));
        EXPECT_EQ(weights_of(got), weights_of(want));
        EXPECT_NE(weights_of(got), "none");
    }

    testing::TempTree tree_;
    testing::TinyJob job_{tree_.path()};
    EventWriter events_;
    SystemClock clock_;
};

TEST_F(DeviceJob, TrainsEveryHeadAsTheCpuDoes) {
    for (const char* task : {"classification", "ner", "squad_v2"}) {
        SCOPED_TRACE(task);
        FinetuneOptions options = training("device", task);
        options.dropout = 0.0;  // masks of attention come from the device's own generator
        options.eval_data = {job_.file("eval" + testing::TinyJob::extension(task))};
        options.accumulation = 2;
        ASSERT_OK_AND_ASSIGN(const FinetuneResult got, run(options));
        options.device = {};
        options.log = job_.file("cpu.jsonl");
        ASSERT_OK_AND_ASSIGN(const FinetuneResult want, run(options));
        EXPECT_EQ(got.end, FinetuneEnd::kComplete);
        EXPECT_EQ(got.steps_done, want.steps_done);
        EXPECT_EQ(got.work.tokens_real, want.work.tokens_real);
        EXPECT_EQ(got.eval_examples, want.eval_examples);
        const auto got_log = log_of(job_.file("device.jsonl"));
        const auto want_log = log_of(job_.file("cpu.jsonl"));
        ASSERT_EQ(got_log.size(), want_log.size());
        for (std::size_t i = 0; i < got_log.size(); ++i) {
            EXPECT_EQ(got_log[i]["step"], want_log[i]["step"]);
            EXPECT_EQ(got_log[i]["lr"], want_log[i]["lr"]);
            EXPECT_EQ(got_log[i]["tokens_real"], want_log[i]["tokens_real"]);
            // Adam spreads the rounding of the first steps.
            EXPECT_NEAR(got_log[i]["loss"].get<double>(), want_log[i]["loss"].get<double>(), 5e-3);
        }
        EXPECT_EQ(got.scores.size(), want.scores.size());
    }
}

TEST_F(DeviceJob, LearnsInBfloat16WithDropoutInAttention) {
    FinetuneOptions options = training("out");
    options.epochs = 12;
    options.eval_data = {job_.file("eval.tsv")};
    options.fast.precision = Precision::kBfloat16;
    ASSERT_OK_AND_ASSIGN(const FinetuneResult result, run(options));
    // The class follows from one word; guessing gives 0.5.
    EXPECT_GT(result.score("accuracy").value(), 0.9);
}

TEST_F(DeviceJob, GoesOnFromACheckpointBitForBit) {
    const auto with_everything = [&](const std::string& name) {
        FinetuneOptions options = training(name);
        options.accumulation = 2;
        options.batch = 6;  // eleven batches an epoch: the last step has one
        options.epochs = 3;
        options.max_steps = 16;
        options.weight_decay = 0.1;
        options.warmup = 0.2;
        options.eval_data = {job_.file("eval.tsv")};
        options.eval_every = 3;
        options.early_stop = 100;
        options.checkpoint_every = 4;
        return options;
    };
    ASSERT_OK_AND_ASSIGN(const FinetuneResult whole, run(with_everything("whole")));
    ASSERT_EQ(whole.steps_done, 16);
    for (const std::size_t stop : {1U, 4U, 7U}) {
        SCOPED_TRACE(stop);
        const std::string name = "broken" + std::to_string(stop);
        FinetuneOptions options = with_everything(name);
        ASSERT_OK_AND_ASSIGN(const FinetuneResult first, run(options, stop));
        EXPECT_EQ(first.end, FinetuneEnd::kInterrupted);
        // Steps were under way when it was stopped: they are in the checkpoint, too.
        EXPECT_EQ(log_of(*options.log).size(), static_cast<std::size_t>(first.steps_done));
        EXPECT_EQ(first.last_checkpoint,
                  *options.out / ("checkpoint-" + std::to_string(first.steps_done)));
        options.is_resumed = true;
        ASSERT_OK_AND_ASSIGN(const FinetuneResult second, run(options));
        EXPECT_EQ(second.resumed_step, first.steps_done);
        EXPECT_EQ(first.work.steps + second.work.steps, whole.work.steps);
        EXPECT_EQ(second.scores, whole.scores);
        EXPECT_EQ(second.best_step, whole.best_step);
        EXPECT_EQ(second.loss_mean, whole.loss_mean);
        expect_same(name, "whole");
    }
}

TEST_F(DeviceJob, ACheckpointMayMoveBetweenCpuAndGpu) {
    FinetuneOptions options = training("out");
    options.dropout = 0.0;
    options.checkpoint_every = 4;
    options.device = {};
    ASSERT_OK(run(options, 4));
    options.is_resumed = true;
    options.device = choose_device("cuda").value();
    ASSERT_OK_AND_ASSIGN(const FinetuneResult on_gpu, run(options, 8));
    EXPECT_EQ(on_gpu.resumed_step, 4);
    ASSERT_FALSE(on_gpu.notes.empty());
    EXPECT_THAT(on_gpu.notes.back(), HasSubstr("this one has cuda: emulated GPU"));
    options.device = {};
    ASSERT_OK_AND_ASSIGN(const FinetuneResult on_cpu, run(options));
    EXPECT_GE(on_cpu.resumed_step, 8);
    EXPECT_EQ(on_cpu.steps_done, 16);
    // As if it had never moved, but for rounding.
    FinetuneOptions stays = training("stays");
    stays.device = {};
    stays.dropout = 0.0;
    ASSERT_OK_AND_ASSIGN(const FinetuneResult whole, run(stays));
    EXPECT_NEAR(on_cpu.loss_mean, whole.loss_mean, 1e-3);
    EXPECT_NEAR(on_cpu.loss_last, whole.loss_last, 5e-3);
}

TEST_F(DeviceJob, EvaluationsAndCheckpointsInTheMiddleChangeNothing) {
    ASSERT_OK(run(training("plain")));
    FinetuneOptions options = training("looked_at");
    options.eval_data = {job_.file("eval.tsv")};
    options.eval_every = 3;
    options.checkpoint_every = 5;
    ASSERT_OK(run(options));
    expect_same("looked_at", "plain");
}

TEST_F(DeviceJob, KeepsTheBestModel) {
    FinetuneOptions options = training("out");
    options.epochs = 3;
    options.eval_data = {job_.file("eval.tsv")};
    options.eval_every = 1;
    options.early_stop = 100;
    ASSERT_OK_AND_ASSIGN(const FinetuneResult result, run(options));
    ASSERT_TRUE(result.best_step);
    EXPECT_LT(*result.best_step, result.steps_done);  // later ones were no better
    // The saved weights are those of that step, not the last ones: all scores agree.
    InferenceOptions inference;
    inference.model.path = *options.out;
    inference.task = options.task;
    inference.data = job_.file("eval.tsv");
    inference.predictions = job_.file("predictions.jsonl");
    inference.batch = options.batch;
    inference.max_length = options.max_length;
    inference.device = options.device;
    JobContext context{events_, clock_, [] { return false; }};
    ASSERT_OK_AND_ASSIGN(const InferenceResult inferred, infer(inference, context));
    EXPECT_EQ(inferred.scores, result.scores);
}

TEST_F(DeviceJob, ADivergedStepIsFoundThoughOthersAreQueuedBehindIt) {
    FinetuneOptions options = training("device");
    options.lr = 1e30;
    options.checkpoint_every = 100;
    ASSERT_OK_AND_ASSIGN(const FinetuneResult got, run(options));
    options.device = {};
    options.log = job_.file("cpu.jsonl");
    ASSERT_OK_AND_ASSIGN(const FinetuneResult want, run(options));
    ASSERT_EQ(want.end, FinetuneEnd::kDiverged);
    EXPECT_EQ(got.end, FinetuneEnd::kDiverged);
    EXPECT_EQ(got.steps_done, want.steps_done);
    EXPECT_EQ(got.diverged_examples, want.diverged_examples);
    EXPECT_EQ(got.work.steps, want.work.steps);
    EXPECT_FALSE(std::isfinite(got.loss_last));
    EXPECT_FALSE(got.is_saved);
    // Those behind it are in no log.
    EXPECT_EQ(log_of(job_.file("device.jsonl")).size(), static_cast<std::size_t>(got.steps_done));
}

TEST_F(DeviceJob, ADivergedStepIsFoundBeforeACheckpointIsWritten) {
    FinetuneOptions options = training("out");
    options.lr = 1e30;
    options.checkpoint_every = 1;
    options.eval_data = {job_.file("eval.tsv")};
    options.eval_every = 1;
    ASSERT_OK_AND_ASSIGN(const FinetuneResult result, run(options));
    EXPECT_EQ(result.end, FinetuneEnd::kDiverged);
    EXPECT_EQ(result.last_checkpoint,
              *options.out / ("checkpoint-" + std::to_string(result.steps_done - 1)));
}

TEST_F(DeviceJob, InfersAsTheCpuDoes) {
    for (const char* task : {"classification", "ner", "squad_v2"}) {
        SCOPED_TRACE(task);
        FinetuneOptions options = training(task, task);
        options.dropout = 0.0;
        options.epochs = 4;
        options.device = {};
        ASSERT_OK(run(options));
        InferenceOptions inference;
        inference.model.path = *options.out;
        inference.task = options.task;
        inference.data = job_.file("eval" + testing::TinyJob::extension(task));
        inference.batch = 5;
        inference.max_length = options.max_length;
        inference.doc_stride = options.doc_stride;
        JobContext context{events_, clock_, [] { return false; }};
        inference.predictions = job_.file("cpu.out");
        ASSERT_OK_AND_ASSIGN(const InferenceResult want, infer(inference, context));
        inference.predictions = job_.file("device.out");
        inference.device = choose_device("cuda").value();
        ASSERT_OK_AND_ASSIGN(const InferenceResult got, infer(inference, context));
        ASSERT_EQ(got.scores.size(), want.scores.size());
        for (std::size_t i = 0; i < want.scores.size(); ++i) {
            EXPECT_EQ(got.scores[i].first, want.scores[i].first);
            EXPECT_NEAR(got.scores[i].second, want.scores[i].second, 1e-3);
        }
    }
}

TEST_F(DeviceJob, TheEventsNameTheProducts) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    const ScopedFd read_end(ends[0]);
    const ScopedFd write_end(ends[1]);
    ASSERT_OK_AND_ASSIGN(events_, EventWriter::for_descriptor(write_end.get(), clock_));
    ASSERT_OK(run(training("out")));
    std::string text(1 << 20, '\0');
    text.resize(static_cast<std::size_t>(::read(read_end.get(), text.data(), text.size())));
    EXPECT_THAT(text, HasSubstr(R"("gemm":"LibTorch for CUDA, efficient attention")"));
    EXPECT_THAT(text, HasSubstr(R"("precision":"fp32")"));
}

TEST_F(DeviceJob, AModelThatTheKernelsDoNotTakeIsRefusedWithWhatToDo) {
    FinetuneOptions options = training("out");
    std::string config = testing::TinyJob::config();
    config.replace(config.find(R"("intermediate_size": 32)"), 23, R"("intermediate_size": 36)");
    options.model.path = job_.write("odd.json", config);
    EXPECT_ERROR(kUnsupported, run(options), "use --device cpu");
}

}  // namespace
}  // namespace finewatt
