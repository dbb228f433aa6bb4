#include "finewatt/engine/tiny_job_internal.h"
#include "finewatt/engine/training_settings_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <functional>

namespace finewatt {
namespace {

class SettingsToCompare : public ::testing::Test {
  protected:
    void SetUp() override {
        auto config = read_model_config(job_.file("config.json"));
        ASSERT_OK(config);
        config_ = *std::move(config);
    }

    TrainingSettings settings() const {
        const auto made = training_settings(options_, config_, keys_);
        EXPECT_OK(made);
        return made.value_or(TrainingSettings());
    }

    /// The name of the setting that `change` changes first.
    std::string changed(const std::function<void()>& change) {
        const TrainingSettings before = settings();
        change();
        const auto difference = first_difference(before, settings());
        return difference ? difference->name : "nothing";
    }

    testing::TempTree tree_;
    testing::TinyJob job_{tree_.path()};
    FinetuneOptions options_ = job_.options();
    ModelConfig config_;
    std::vector<std::string> keys_ = {"train", "eval"};
};

TEST_F(SettingsToCompare, HoldAllThatChangesTheResult) {
    FinetuneOptions& o = options_;
    EXPECT_EQ(changed([&] { o.task = find_task("ner").value(); }), "--task");
    EXPECT_EQ(changed([&] { o.model.path = "/elsewhere"; }), "--model");
    EXPECT_EQ(changed([&] { o.max_length = 17; }), "--max-length");
    EXPECT_EQ(changed([&] { o.doc_stride = 3; }), "--doc-stride");
    EXPECT_EQ(changed([&] { o.epochs = 9; }), "--epochs");
    EXPECT_EQ(changed([&] { o.max_steps = 9; }), "--max-steps");
    EXPECT_EQ(changed([&] { o.batch = 9; }), "--batch");
    EXPECT_EQ(changed([&] { o.accumulation = 9; }), "--grad-accumulation");
    EXPECT_EQ(changed([&] { o.lr = 0.1 + 0.2; }), "--lr");
    EXPECT_EQ(changed([&] { o.lr = 0.3; }), "--lr");
    EXPECT_EQ(changed([&] { o.warmup = 9; }), "--warmup");
    EXPECT_EQ(changed([&] { o.weight_decay = 9; }), "--weight-decay");
    EXPECT_EQ(changed([&] { o.seed = 9; }), "--seed");
    EXPECT_EQ(changed([&] { o.batching = BatchingMode::kFixed; }), "--batching");
    EXPECT_EQ(changed([&] { o.fast.precision = Precision::kBfloat16; }), "--precision");
    EXPECT_EQ(changed([&] { o.dropout = 0; }), "--dropout");
    EXPECT_EQ(changed([&] { o.eval_every = 9; }), "--eval-every");
    EXPECT_EQ(changed([&] { o.early_stop = 9; }), "--early-stop");
    EXPECT_EQ(changed([&] { config_.num_hidden_layers = 3; }), "the model's config.json (hash)");
    EXPECT_EQ(changed([&] { keys_[0] = "x"; }), "--data (hash of examples and tokenizer)");
    EXPECT_EQ(changed([&] { keys_[1] = "x"; }), "--eval-data 1 (hash of examples and tokenizer)");
    EXPECT_EQ(changed([&] { keys_.pop_back(); }), "--eval-data 1 (hash of examples and tokenizer)");
}

TEST_F(SettingsToCompare, LeaveOutWhereThingsGo) {
    EXPECT_EQ(changed([&] {
                  options_.out = "elsewhere";
                  options_.log = "log";
                  options_.checkpoint_every = 9;
                  options_.is_resumed = true;
                  options_.cache.folder = "cache";
                  options_.data = "copy.tsv";  // its content counts
              }),
              "nothing");
}

TEST_F(SettingsToCompare, AModelsPathIsTheSameFromEveryFolder) {
    EXPECT_EQ(changed([&] { options_.model.path = tree_.path() / "." / "config.json"; }),
              "nothing");
    options_.model.path = "not \xff UTF-8";
    EXPECT_EQ(settings()[1].second.find("a path with the hash "), 0U);
}

}  // namespace
}  // namespace finewatt
