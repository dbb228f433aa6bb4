#include "finewatt/engine/adamw.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace finewatt {
namespace {

std::vector<std::span<const float>> only(const std::vector<float>& gradient) {
    return {gradient};
}

TEST(AdamW, FirstStepMovesByTheRateWhateverTheGradientsSize) {
    std::vector<float> values = {1.0F, 1.0F, 1.0F};
    AdamWOptions options;
    options.max_grad_norm = 1e9;
    AdamW adamw({{values}}, options);
    const std::vector<float> gradient = {0.001F, 10.0F, -5.0F};
    adamw.step(only(gradient), AdamW::gradient_norm(only(gradient)), 0.1);
    // Bias correction makes m / sqrt(v) = sign(g) in step 1; 1e-5: eps against g = 0.001.
    EXPECT_NEAR(values[0], 0.9F, 1e-5);
    EXPECT_NEAR(values[1], 0.9F, 1e-5);
    EXPECT_NEAR(values[2], 1.1F, 1e-5);
}

TEST(AdamW, DecaysOnlyTheDecayedGroupAndApartFromTheGradient) {
    std::vector<float> weight = {2.0F};
    std::vector<float> bias = {2.0F};
    AdamWOptions options;
    options.weight_decay = 0.5;
    AdamW adamw({{weight, true}, {bias, false}}, options);
    const std::vector<float> zero = {0.0F};
    adamw.step({zero, zero}, 0.0, 0.1);
    EXPECT_FLOAT_EQ(weight[0], 2.0F * (1 - 0.1F * 0.5F));
    EXPECT_FLOAT_EQ(bias[0], 2.0F);
}

TEST(AdamW, ClippingLimitsTheSecondMomentOfTheGradient) {
    // Two steps: a huge gradient, then a small one. Clipped, the first counts as norm 1.
    std::vector<float> values = {0.0F};
    AdamW adamw({{values}}, AdamWOptions{});
    const std::vector<float> huge = {1000.0F};
    const std::vector<float> small = {0.5F};
    adamw.step(only(huge), AdamW::gradient_norm(only(huge)), 0.0);
    adamw.step(only(small), AdamW::gradient_norm(only(small)), 1.0);
    const double m = (0.9 * 0.1 * 1.0 + 0.1 * 0.5) / (1 - 0.81);
    const double v = (0.999 * 0.001 * 1.0 + 0.001 * 0.25) / (1 - 0.999 * 0.999);
    // 1e-4: 1 - 0.999 in float32 carries a relative error of 5e-5.
    EXPECT_NEAR(static_cast<double>(values[0]), -m / std::sqrt(v), 1e-4);
}

TEST(AdamW, GradientNormRunsOverAllArrays) {
    const std::vector<float> a(30'000, 0.01F);  // more than one block
    const std::vector<float> b = {2.0F};
    // 1e-6: the square of 0.01 in float32.
    EXPECT_NEAR(AdamW::gradient_norm({a, b}), std::sqrt(30'000 * 1e-4 + 4.0), 1e-6);
}

TEST(AdamW, GradientNormShowsThatAGradientIsNotFinite) {
    const std::vector<float> bad = {1.0F, std::numeric_limits<float>::quiet_NaN()};
    EXPECT_FALSE(std::isfinite(AdamW::gradient_norm(only(bad))));
}

}  // namespace
}  // namespace finewatt
