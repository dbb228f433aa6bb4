#include "finewatt/base/file.h"
#include "finewatt/engine/training_state_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace finewatt {
namespace {

TrainingState example() {
    TrainingState state;
    state.settings = {{"--lr", "2e-05"}, {"--model", "a \"quoted\"\n<b>path</b>\x1b[31m"}};
    state.surroundings = {{"threads", "2"}};
    state.steps_done = 12;
    state.batches_done = 23;
    state.loss_sum = 0.1 + 0.2;  // all digits of a double
    state.loss_last = 1.0 / 3;
    state.scored = {10, 24, {{"accuracy", 2.0 / 3}, {"eval_loss", 0.7}}};
    state.best = {0.75, 8, {{"accuracy", 0.75}}};
    state.evaluations_since_best = 1;
    return state;
}

class StateOfATraining : public ::testing::Test {
  protected:
    StateOfATraining() { tree_.write("model.safetensors", "weights"); }

    testing::TempTree tree_;
};

TEST_F(StateOfATraining, ComesBackWithEveryDigit) {
    const TrainingState state = example();
    ASSERT_OK(seal_checkpoint(tree_.path(), state));
    ASSERT_OK_AND_ASSIGN(const TrainingState read, open_checkpoint(tree_.path()));
    EXPECT_EQ(read.settings, state.settings);
    EXPECT_EQ(read.surroundings, state.surroundings);
    EXPECT_EQ(read.steps_done, 12);
    EXPECT_EQ(read.batches_done, 23);
    EXPECT_EQ(read.loss_sum, state.loss_sum);
    EXPECT_EQ(read.loss_last, state.loss_last);
    ASSERT_TRUE(read.scored && read.best);
    EXPECT_EQ(read.scored->step, 10);
    EXPECT_EQ(read.scored->examples, 24);
    EXPECT_EQ(read.scored->scores, state.scored->scores);
    EXPECT_EQ(read.best->score, 0.75);
    EXPECT_EQ(read.best->step, 8);
    EXPECT_EQ(read.best->scores, state.best->scores);
    EXPECT_EQ(read.evaluations_since_best, 1);
}

TEST_F(StateOfATraining, WhatIsNotThereStaysAway) {
    TrainingState state = example();
    state.scored.reset();
    state.best.reset();
    ASSERT_OK(seal_checkpoint(tree_.path(), state));
    ASSERT_OK_AND_ASSIGN(const TrainingState read, open_checkpoint(tree_.path()));
    EXPECT_FALSE(read.scored.has_value());
    EXPECT_FALSE(read.best.has_value());
}

TEST_F(StateOfATraining, AScoreThatIsNoNumberIsKeptAsSuch) {
    TrainingState state = example();
    state.scored->scores[1].second = std::numeric_limits<double>::quiet_NaN();
    ASSERT_OK(seal_checkpoint(tree_.path(), state));
    ASSERT_OK_AND_ASSIGN(const TrainingState read, open_checkpoint(tree_.path()));
    ASSERT_TRUE(read.scored && read.scored->scores.size() > 1);
    EXPECT_TRUE(std::isnan(read.scored->scores[1].second));
}

TEST_F(StateOfATraining, AFileThatWasChangedOrLostBreaksTheSeal) {
    ASSERT_OK(seal_checkpoint(tree_.path(), example()));
    tree_.write("model.safetensors", "weighty");
    EXPECT_ERROR(kCorrupt, open_checkpoint(tree_.path()),
                 "model.safetensors: expected the file as");
    std::filesystem::remove(tree_.path() / "model.safetensors");
    EXPECT_ERROR(kCorrupt, open_checkpoint(tree_.path()), "model.safetensors");
}

TEST_F(StateOfATraining, TornStatesAreCorruptWhereverTheyEnd) {
    ASSERT_OK(seal_checkpoint(tree_.path(), example()));
    ASSERT_OK_AND_ASSIGN(const std::string whole, read_file(tree_.path() / kTrainingStateFile));
    for (std::size_t size = 0; size + 2 < whole.size(); size += 7) {
        tree_.write(kTrainingStateFile, whole.substr(0, size));
        EXPECT_ERROR(kCorrupt, open_checkpoint(tree_.path()), kTrainingStateFile) << size;
    }
    for (const char* text : {"null", "[]", "{\"version\": 2}", "{\"version\": \"1\"}",
                             "{\"version\": 1, \"settings\": 3}"}) {
        tree_.write(kTrainingStateFile, text);
        EXPECT_ERROR(kCorrupt, open_checkpoint(tree_.path()), kTrainingStateFile) << text;
    }
}

TEST_F(StateOfATraining, WithoutStateThereIsNothingToGoOnFrom) {
    EXPECT_ERROR(kNotFound, open_checkpoint(tree_.path()), kTrainingStateFile);
}

TEST(SettingsOfATraining, TheFirstDifferenceIsNamed) {
    const TrainingSettings saved = {{"a", "1"}, {"b", "2"}, {"c", "3"}};
    EXPECT_FALSE(first_difference(saved, saved).has_value());
    const auto changed = first_difference(saved, {{"a", "1"}, {"b", "5"}, {"c", "6"}});
    ASSERT_TRUE(changed.has_value());
    EXPECT_EQ(changed->name, "b");
    EXPECT_EQ(changed->saved, "2");
    EXPECT_EQ(changed->now, "5");
    const auto added = first_difference(saved, {{"a", "1"}, {"d", "4"}, {"b", "2"}, {"c", "3"}});
    ASSERT_TRUE(added.has_value());
    EXPECT_EQ(added->name + added->saved + added->now, "dnone4");
    const auto lost = first_difference(saved, {{"a", "1"}, {"b", "2"}});
    ASSERT_TRUE(lost.has_value());
    EXPECT_EQ(lost->name + lost->saved + lost->now, "c3none");
}

}  // namespace
}  // namespace finewatt
