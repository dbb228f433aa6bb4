#include "finewatt/engine/adamw.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <omp.h>
#include <random>
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

/// Flat arrays of random numbers, and an optimizer over them.
struct FlatCase {
    std::vector<float> values;
    std::vector<float> gradients;
    std::vector<float> first;
    std::vector<float> second;
    std::vector<Bfloat16> low;
    std::int64_t decayed = 0;

    FlatCase(std::size_t size, std::int64_t decayed_size, std::uint32_t seed)
        : first(size, 0.0F),
          second(size, 0.0F),
          low(size),
          decayed(decayed_size) {
        std::mt19937 random(seed);
        std::normal_distribution<float> normal;
        for (std::size_t i = 0; i < size; ++i) {
            values.push_back(normal(random));
            gradients.push_back(normal(random));
        }
    }

    AdamWArrays arrays() { return {values, gradients, first, second, low, decayed}; }
};

/// torch.optim.AdamW after clip_grad_norm_, in double precision, one element at a time.
std::vector<double> reference_steps(const FlatCase& c, const AdamWOptions& o, int steps,
                                    double rate) {
    double square = 0;
    for (const float g : c.gradients) {
        square += static_cast<double>(g) * static_cast<double>(g);
    }
    const double norm = std::sqrt(square);
    const double clip = o.max_grad_norm > 0 ? std::min(1.0, o.max_grad_norm / (norm + 1e-6)) : 1.0;
    std::vector<double> values(c.values.begin(), c.values.end());
    for (std::size_t i = 0; i < values.size(); ++i) {
        double m = 0;
        double v = 0;
        const double g = static_cast<double>(c.gradients[i]) * clip;
        for (int t = 1; t <= steps; ++t) {
            const bool is_decayed = static_cast<std::int64_t>(i) < c.decayed;
            values[i] *= 1 - rate * (is_decayed ? o.weight_decay : 0);
            m = o.beta1 * m + (1 - o.beta1) * g;
            v = o.beta2 * v + (1 - o.beta2) * g * g;
            const double root = std::sqrt(v) / std::sqrt(1 - std::pow(o.beta2, t)) + o.eps;
            values[i] -= rate / (1 - std::pow(o.beta1, t)) * m / root;
        }
    }
    return values;
}

TEST(FlatAdamW, StepsLikeTheFormulaInBothGroups) {
    for (const double max_norm : {0.0, 1.0, 1e9}) {
        FlatCase c(5003, 2500, 3);  // several blocks, cut at odd places
        AdamWOptions options;
        options.weight_decay = 0.1;
        options.max_grad_norm = max_norm;
        const auto expected = reference_steps(c, options, 4, 0.01);
        FlatAdamW adamw(c.arrays(), options);
        for (int step = 0; step < 4; ++step) {
            adamw.step(adamw.gradient_norm(), 0.01, FlatAdamW::Gradients::kKept);
        }
        for (std::size_t i = 0; i < expected.size(); ++i) {
            // 1e-5: 1 - 0.999 in float32 carries 5e-5, of steps of 0.01 each.
            ASSERT_NEAR(static_cast<double>(c.values[i]), expected[i], 1e-5)
                << "element " << i << ", clipped to " << max_norm;
        }
    }
}

TEST(FlatAdamW, GivesTheBitsOfTheListOfArrays) {
    FlatCase c(3000, 1000, 4);
    std::vector<float> decayed(c.values.begin(), c.values.begin() + 1000);
    std::vector<float> others(c.values.begin() + 1000, c.values.end());
    AdamWOptions options;
    options.weight_decay = 0.1;
    AdamW list({{decayed, true}, {others, false}}, options);
    FlatAdamW flat(c.arrays(), options);
    const std::span<const float> gradients = c.gradients;
    for (int step = 0; step < 3; ++step) {
        list.step({gradients.first(1000), gradients.subspan(1000)}, 2.0, 0.01);
        flat.step(2.0, 0.01, FlatAdamW::Gradients::kKept);
    }
    EXPECT_TRUE(std::equal(decayed.begin(), decayed.end(), c.values.begin()));
    EXPECT_TRUE(std::equal(others.begin(), others.end(), c.values.begin() + 1000));
}

TEST(FlatAdamW, WritesTheBf16CopyAndZeroesTheGradients) {
    FlatCase c(3001, 3001, 5);
    FlatAdamW adamw(c.arrays(), AdamWOptions{});
    adamw.step(adamw.gradient_norm(), 0.01, FlatAdamW::Gradients::kZeroed);
    std::vector<Bfloat16> expected(c.values.size());
    cpu_kernels().to_bfloat16(std::ssize(c.values), c.values.data(), expected.data());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_EQ(c.low[i].bits, expected[i].bits) << i;
        ASSERT_EQ(c.gradients[i], 0.0F) << i;
    }
}

TEST(FlatAdamW, ResultsDoNotDependOnTheNumberOfThreads) {
    const int before = omp_get_max_threads();
    std::vector<std::vector<float>> results;
    for (const int threads : {1, 2, 3}) {
        omp_set_num_threads(threads);
        FlatCase c(40'000, 30'000, 6);
        FlatAdamW adamw(c.arrays(), AdamWOptions{});
        adamw.step(adamw.gradient_norm(), 0.01, FlatAdamW::Gradients::kKept);
        results.push_back(c.values);
    }
    omp_set_num_threads(before);
    EXPECT_EQ(results[0], results[1]);
    EXPECT_EQ(results[0], results[2]);
}

TEST(FlatAdamW, GoesOnFromACheckpointWithTheSameBits) {
    FlatCase whole(100, 100, 7);
    FlatAdamW unbroken(whole.arrays(), AdamWOptions{});
    unbroken.step(1, 0.01, FlatAdamW::Gradients::kKept);
    FlatCase resumed = whole;
    FlatAdamW other(resumed.arrays(), AdamWOptions{});
    other.set_steps(unbroken.steps());
    unbroken.step(1, 0.01, FlatAdamW::Gradients::kKept);
    other.step(1, 0.01, FlatAdamW::Gradients::kKept);
    EXPECT_EQ(whole.values, resumed.values);
}

}  // namespace
}  // namespace finewatt
