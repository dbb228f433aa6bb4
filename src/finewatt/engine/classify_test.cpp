#include "finewatt/engine/classify.h"

#include <gtest/gtest.h>

#include <cmath>

namespace finewatt {
namespace {

TEST(Probabilities, SumToOneEvenForHugeLogits) {
    const std::vector<float> logits = {1000.0F, 1000.0F, -1000.0F};
    const auto p = probabilities(logits);
    // 1e-12: the rounding of 1000 + log(2).
    EXPECT_NEAR(p[0], 0.5, 1e-12);
    EXPECT_NEAR(p[1], 0.5, 1e-12);
    EXPECT_DOUBLE_EQ(p[2], 0.0);
}

TEST(LikeliestClasses, TakesTheFirstOfEqualLogits) {
    const std::vector<float> logits = {0.1F, 0.9F, 0.5F, 0.5F};
    EXPECT_EQ(likeliest_classes(logits, 2), (std::vector<std::int32_t>{1, 0}));
}

TEST(MeanCrossEntropy, OfEvenLogitsIsTheLogOfTheClasses) {
    const std::vector<float> logits(6, 3.0F);
    const std::vector<std::int32_t> labels = {0, 2};
    EXPECT_DOUBLE_EQ(mean_cross_entropy(logits, 3, labels), std::log(3.0));
}

}  // namespace
}  // namespace finewatt
