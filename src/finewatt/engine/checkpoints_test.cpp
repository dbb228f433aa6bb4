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

}  // namespace
}  // namespace finewatt
