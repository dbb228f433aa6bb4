#include "finewatt/engine/checkpoint_arrays_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace finewatt {
namespace {

/// Three arrays of one size.
struct Arrays {
    std::vector<float> first;
    std::vector<float> second;
    std::vector<float> best;

    CheckpointArrays all() { return {first, second, best}; }

    CheckpointArrays moments() { return {first, second, std::nullopt}; }
};

TEST(CheckpointArrays, ComeBackBitForBit) {
    const testing::TempTree tree;
    // The smallest number above zero and one with all digits: no text between would keep them.
    Arrays written{{1.0F / 3, std::numeric_limits<float>::denorm_min()}, {2, -0.0F}, {3, 4}};
    ASSERT_OK(write_checkpoint_arrays(tree.path(), written.all()));
    Arrays read{{0, 0}, {0, 0}, {0, 0}};
    ASSERT_OK(read_checkpoint_arrays(tree.path(), read.all()));
    EXPECT_EQ(read.first, written.first);
    EXPECT_EQ(read.second, written.second);
    EXPECT_TRUE(std::signbit(read.second[1]));
    EXPECT_EQ(read.best, written.best);
}

TEST(CheckpointArrays, BestWeightsAreThereOnlyWhereTheyWereKept) {
    const testing::TempTree tree;
    Arrays arrays{{1, 2}, {3, 4}, {5, 6}};
    ASSERT_OK(write_checkpoint_arrays(tree.path(), arrays.moments()));
    EXPECT_OK(read_checkpoint_arrays(tree.path(), arrays.moments()));
    EXPECT_ERROR(kNotFound, read_checkpoint_arrays(tree.path(), arrays.all()), "best_values");
}

TEST(CheckpointArrays, AnotherSizeIsRefused) {
    const testing::TempTree tree;
    Arrays arrays{{1, 2}, {3, 4}, {5, 6}};
    ASSERT_OK(write_checkpoint_arrays(tree.path(), arrays.all()));
    Arrays larger{{0, 0, 0}, {0, 0, 0}, {0, 0, 0}};
    EXPECT_ERROR(kInvalidArgument, read_checkpoint_arrays(tree.path(), larger.all()),
                 "first_moments");
}

}  // namespace
}  // namespace finewatt
