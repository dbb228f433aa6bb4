// Trainings that are broken off and go on from a checkpoint: equal to unbroken ones, bit for bit.
#include "finewatt/base/file.h"
#include "finewatt/engine/runtime.h"
#include "finewatt/engine/tiny_job_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <sstream>

namespace finewatt {
namespace {

namespace fs = std::filesystem;

class Resume : public ::testing::Test {
  protected:
    static void SetUpTestSuite() { start_runtime(1); }

    /// Train until the log has step `stop_after`, or to the end; the stop may fall into an
    /// evaluation.
    Result<FinetuneResult> run(const FinetuneOptions& options,
                               std::optional<std::int64_t> stop_after = std::nullopt) {
        JobContext context{events_, clock_,
                           [&] { return stop_after && steps_in(*options.log) >= *stop_after; }};
        return finetune(options, context);
    }

    static std::int64_t steps_in(const fs::path& log) {
        const std::string text = read_file(log).value_or("");
        return std::count(text.begin(), text.end(), '\n');
    }

    /// Three epochs of six steps, cut at 16: the last step of an epoch has one batch, the others
    /// two. With dropout, decay, warm-up, evaluations and early stopping.
    FinetuneOptions training(const std::string& name, const std::string& task = "classification") {
        FinetuneOptions options = job_.options(task);
        options.epochs = 3;
        options.batch = 6;
        options.accumulation = 2;
        options.max_steps = 16;
        options.weight_decay = 0.1;
        options.warmup = 0.2;
        options.batching = BatchingMode::kGrouped;
        options.eval_data = {job_.file("eval" + testing::TinyJob::extension(task))};
        options.eval_every = 3;
        options.early_stop = 100;
        options.checkpoint_every = 4;
        options.out = job_.file(name);
        options.log = job_.file(name + ".jsonl");
        return options;
    }

    /// The log without its times.
    std::string steps_of(const std::string& name) const {
        std::istringstream stream(read_file(job_.file(name + ".jsonl")).value_or("none"));
        std::string text;
        for (std::string line; std::getline(stream, line);) {
            auto step = nlohmann::json::parse(line);
            step.erase("t_mono_ns");
            text += step.dump() + "\n";
        }
        return text;
    }

    std::string weights_of(const std::string& name) const {
        return read_file(job_.file(name) / "model.safetensors").value_or("none");
    }

    void expect_same(const std::string& got, const FinetuneResult& got_result,
                     const std::string& want, const FinetuneResult& want_result) const {
        EXPECT_EQ(steps_of(got), steps_of(want));
        EXPECT_EQ(weights_of(got), weights_of(want));
        EXPECT_EQ(got_result.scores, want_result.scores);
        EXPECT_EQ(got_result.loss_mean, want_result.loss_mean);
        EXPECT_EQ(got_result.loss_last, want_result.loss_last);
        EXPECT_EQ(got_result.best_step, want_result.best_step);
        EXPECT_EQ(got_result.is_stopped_early, want_result.is_stopped_early);
        EXPECT_EQ(got_result.steps_done, want_result.steps_done);
        EXPECT_EQ(got_result.eval_examples, want_result.eval_examples);
    }

    testing::TempTree tree_;
    testing::TinyJob job_{tree_.path()};
    EventWriter events_;
    SystemClock clock_;
};

TEST_F(Resume, EqualsTheUnbrokenTrainingWhereverItWasBrokenOff) {
    ASSERT_OK_AND_ASSIGN(const FinetuneResult whole, run(training("whole")));
    ASSERT_EQ(whole.steps_done, 16);
    for (const int stop : {1, 3, 4, 7, 12, 15}) {  // step 12 has a checkpoint and an evaluation
        SCOPED_TRACE(stop);
        const std::string name = "broken" + std::to_string(stop);
        FinetuneOptions options = training(name);
        ASSERT_OK_AND_ASSIGN(const FinetuneResult first, run(options, stop));
        EXPECT_EQ(first.end, FinetuneEnd::kInterrupted);
        EXPECT_EQ(first.last_checkpoint, *options.out / ("checkpoint-" + std::to_string(stop)));
        options.is_resumed = true;
        ASSERT_OK_AND_ASSIGN(const FinetuneResult second, run(options));
        EXPECT_EQ(second.resumed_step, stop);
        EXPECT_EQ(second.resumed_from, first.last_checkpoint);
        expect_same(name, second, "whole", whole);
        // Work is what each process did.
        EXPECT_EQ(first.work.steps + second.work.steps, whole.work.steps);
        EXPECT_EQ(first.work.tokens_real + second.work.tokens_real, whole.work.tokens_real);
        EXPECT_FALSE(fs::exists(*first.last_checkpoint));  // the last one replaced it
    }
}

TEST_F(Resume, EveryHeadGoesOnAndMayBeBrokenOffAgain) {
    for (const char* task : {"ner", "squad_v2"}) {
        SCOPED_TRACE(task);
        const std::string whole_name = std::string("whole_") + task;
        const std::string name = std::string("broken_") + task;
        ASSERT_OK_AND_ASSIGN(const FinetuneResult whole, run(training(whole_name, task)));
        FinetuneOptions options = training(name, task);
        ASSERT_OK(run(options, 2));
        options.is_resumed = true;
        ASSERT_OK(run(options, 7));
        ASSERT_OK_AND_ASSIGN(const FinetuneResult last, run(options));
        EXPECT_EQ(last.resumed_step, 7);
        expect_same(name, last, whole_name, whole);
    }
}

TEST_F(Resume, AProcessThatDiedLosesOnlyTheStepsSinceItsCheckpoint) {
    ASSERT_OK_AND_ASSIGN(const FinetuneResult whole, run(training("whole")));
    FinetuneOptions options = training("killed");
    ASSERT_OK(run(options, 8));
    // As if it had been killed while it wrote the checkpoint of step 11: later lines of the log, a
    // hidden folder, and a checkpoint whose files did not reach the disk.
    ASSERT_OK_AND_ASSIGN(const std::string log, read_file(job_.file("whole.jsonl")));
    job_.write("killed.jsonl", log.substr(0, log.size() * 3 / 4));
    fs::copy(*options.out / "checkpoint-8", *options.out / "checkpoint-11");
    fs::resize_file(*options.out / "checkpoint-11/optimizer.safetensors", 100);
    fs::copy(*options.out / "checkpoint-8", *options.out / ".checkpoint-11-1");
    options.is_resumed = true;
    ASSERT_OK_AND_ASSIGN(const FinetuneResult second, run(options));
    EXPECT_EQ(second.resumed_step, 8);
    expect_same("killed", second, "whole", whole);
}

TEST_F(Resume, KeepsCountOfEvaluationsThatWereNoBetter) {
    FinetuneOptions options = training("whole");
    options.lr = 0;  // no evaluation is ever better than the first one
    options.early_stop = 2;
    ASSERT_OK_AND_ASSIGN(const FinetuneResult whole, run(options));
    EXPECT_TRUE(whole.is_stopped_early);
    EXPECT_EQ(whole.steps_done, 9);
    options.out = job_.file("broken");
    options.log = job_.file("broken.jsonl");
    ASSERT_OK(run(options, 7));
    options.is_resumed = true;
    ASSERT_OK_AND_ASSIGN(const FinetuneResult second, run(options));
    expect_same("broken", second, "whole", whole);
}

TEST_F(Resume, RefusesOtherSettingsAndNamesTheFirst) {
    FinetuneOptions options = training("out");
    ASSERT_OK(run(options, 4));
    options.is_resumed = true;
    FinetuneOptions other = options;
    other.batch = 5;
    other.lr = 1;
    EXPECT_ERROR(kInvalidArgument, run(other), "--batch: 6, this training has 5");
    other = options;
    other.data = job_.write("more.tsv", *read_file(options.data) + "the film was warm\tgood\n");
    EXPECT_ERROR(kInvalidArgument, run(other), "--data (hash of examples and tokenizer)");
    other = options;
    other.eval_data.clear();
    other.eval_every.reset();
    other.early_stop.reset();
    EXPECT_ERROR(kInvalidArgument, run(other), "--eval-every: 3, this training has none");
    other = options;
    other.dropout = 0.2;
    EXPECT_ERROR(kInvalidArgument, run(other), "--dropout: none, this training has 0.2");
    // A refused training leaves everything as it was.
    EXPECT_TRUE(fs::exists(*options.out / "checkpoint-4"));
    EXPECT_EQ(steps_in(*options.log), 4);
    other = options;
    other.data = job_.write("copy.tsv", *read_file(options.data));
    other.checkpoint_every = 100;
    other.log.reset();
    EXPECT_OK(run(other));
}

TEST_F(Resume, WithoutACheckpointSaysSo) {
    FinetuneOptions options = training("out");
    options.is_resumed = true;
    EXPECT_ERROR(kNotFound, run(options), "--resume");
    EXPECT_FALSE(fs::exists(*options.out));
}

TEST_F(Resume, OtherThreadsAreNoted) {
    FinetuneOptions options = training("out");
    ASSERT_OK(run(options, 4));
    start_runtime(2);
    options.is_resumed = true;
    const auto second = run(options);
    start_runtime(1);
    ASSERT_OK(second);
    ASSERT_FALSE(second->notes.empty());
    EXPECT_THAT(second->notes.back(), ::testing::HasSubstr("had threads 1, this one has 2"));
}

}  // namespace
}  // namespace finewatt
