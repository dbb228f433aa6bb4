#include "finewatt/base/file.h"
#include "finewatt/engine/checkpoints_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace finewatt {
namespace {

class CheckpointFolders : public ::testing::Test {
  protected:
    Status save(std::int64_t step, const std::string& text) {
        return checkpoints_.save(step, [&](const std::filesystem::path& folder) {
            return write_file_atomically(folder / "weights", text);
        });
    }

    std::vector<std::string> entries() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(tree_.path())) {
            names.push_back(entry.path().filename().string());
        }
        std::sort(names.begin(), names.end());
        return names;
    }

    testing::TempTree tree_;
    Checkpoints checkpoints_{tree_.path()};
};

TEST_F(CheckpointFolders, TheNewOneReplacesTheOneBefore) {
    ASSERT_OK(save(10, "a"));
    ASSERT_OK(save(20, "b"));
    EXPECT_EQ(entries(), std::vector<std::string>{"checkpoint-20"});
    EXPECT_EQ(checkpoints_.last(), tree_.path() / "checkpoint-20");
}

TEST_F(CheckpointFolders, AFailedOneLeavesTheLastGoodOneAlone) {
    ASSERT_OK(save(10, "a"));
    const Status failed = checkpoints_.save(20, [](const std::filesystem::path& folder) -> Status {
        FINEWATT_TRY(write_file_atomically(folder / "config.json", "{}"));
        return FINEWATT_ERROR(kIo, "the disk is full");
    });
    EXPECT_ERROR(kIo, failed, "full");
    EXPECT_EQ(entries(), std::vector<std::string>{"checkpoint-10"});
    EXPECT_EQ(checkpoints_.last(), tree_.path() / "checkpoint-10");
}

TEST_F(CheckpointFolders, FoldersOfOtherRunsAreReplacedOrLeft) {
    tree_.write("checkpoint-10/old", "x");
    tree_.write("checkpoint-5/old", "x");
    ASSERT_OK(save(10, "a"));
    EXPECT_EQ(entries(), (std::vector<std::string>{"checkpoint-10", "checkpoint-5"}));
    EXPECT_FALSE(std::filesystem::exists(tree_.path() / "checkpoint-10" / "old"));
    EXPECT_TRUE(std::filesystem::exists(tree_.path() / "checkpoint-10" / "weights"));
}

/// A sealed checkpoint of a step.
void put_sealed(const testing::TempTree& tree, std::int64_t step) {
    const std::string name = "checkpoint-" + std::to_string(step);
    tree.write(name + "/model.safetensors", "weights of " + name);
    TrainingState state;
    state.steps_done = step;
    ASSERT_OK(seal_checkpoint(tree.path() / name, state));
}

TEST(NewestCheckpoint, IsTheOneOfMostSteps) {
    const testing::TempTree tree;
    put_sealed(tree, 9);
    put_sealed(tree, 100);  // not the last one by name
    put_sealed(tree, 20);
    tree.write("checkpoint-/x", "");
    tree.write("checkpoint-9x9/x", "");
    tree.write(".checkpoint-300-77/model.safetensors", "half");
    ASSERT_OK_AND_ASSIGN(const FoundCheckpoint found, find_checkpoint(tree.path()));
    EXPECT_EQ(found.folder, tree.path() / "checkpoint-100");
    EXPECT_EQ(found.state.steps_done, 100);
}

TEST(NewestCheckpoint, TornOnesArePassedOver) {
    const testing::TempTree tree;
    put_sealed(tree, 10);
    put_sealed(tree, 20);
    put_sealed(tree, 30);
    tree.write("checkpoint-40/model.safetensors", "of an older version, without a state");
    std::filesystem::resize_file(tree.path() / "checkpoint-30/model.safetensors", 3);
    std::filesystem::resize_file(tree.path() / "checkpoint-20/training_state.json", 30);
    ASSERT_OK_AND_ASSIGN(const FoundCheckpoint found, find_checkpoint(tree.path()));
    EXPECT_EQ(found.folder, tree.path() / "checkpoint-10");
}

TEST(NewestCheckpoint, NoneIsAnErrorThatSaysWhatToDo) {
    const testing::TempTree tree;
    EXPECT_ERROR(kNotFound, find_checkpoint(tree.path()), "without --resume");
    EXPECT_ERROR(kNotFound, find_checkpoint(tree.path() / "nowhere"), "nowhere");
    put_sealed(tree, 10);
    std::filesystem::remove(tree.path() / "checkpoint-10/model.safetensors");
    EXPECT_ERROR(kNotFound, find_checkpoint(tree.path()), "expected a whole checkpoint");
}

TEST_F(CheckpointFolders, TheOneThatARunWentOnFromIsReplacedByTheNext) {
    ASSERT_OK(save(10, "a"));
    Checkpoints resumed(tree_.path(), tree_.path() / "checkpoint-10");
    ASSERT_OK(resumed.save(20, [](const std::filesystem::path&) -> Status { return {}; }));
    EXPECT_EQ(entries(), std::vector<std::string>{"checkpoint-20"});
}

}  // namespace
}  // namespace finewatt
