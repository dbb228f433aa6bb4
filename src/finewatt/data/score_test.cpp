#include "finewatt/data/score.h"

#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

#include <vector>

namespace finewatt {
namespace {

TEST(Accuracy, IsTheShareOfEqualEntries) {
    const std::vector<std::int32_t> predictions = {0, 1, 2, 1};
    const std::vector<std::int32_t> labels = {0, 1, 1, 1};
    ASSERT_OK_AND_ASSIGN(const double share, accuracy(predictions, labels));
    EXPECT_EQ(share, 0.75);
}

TEST(Accuracy, DifferentSizesAreAnError) {
    const std::vector<std::int32_t> predictions = {0, 1};
    const std::vector<std::int32_t> labels = {0, 1, 1};
    EXPECT_ERROR(kInvalidArgument, accuracy(predictions, labels), "2 predictions and 3 labels");
}

TEST(Accuracy, NothingHasNoScore) {
    EXPECT_ERROR(kInvalidArgument, accuracy({}, {}), "found none");
}

}  // namespace
}  // namespace finewatt
