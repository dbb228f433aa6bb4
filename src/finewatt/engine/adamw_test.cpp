#include "finewatt/engine/adamw.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <omp.h>
#include <random>
#include <vector>

namespace finewatt {
namespace {

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

/// A case of given numbers, of which the first `decayed_size` are decayed.
FlatCase case_of(const std::vector<float>& values, const std::vector<float>& gradients,
                 std::int64_t decayed_size) {
    FlatCase c(values.size(), decayed_size, 0);
    c.values = values;
    c.gradients = gradients;
    return c;
}

TEST(FlatAdamW, FirstStepMovesByTheRateWhateverTheGradientsSize) {
    FlatCase c = case_of({1.0F, 1.0F, 1.0F}, {0.001F, 10.0F, -5.0F}, 3);
    AdamWOptions options;
    options.max_grad_norm = 1e9;
    FlatAdamW adamw(c.arrays(), options);
    adamw.step(adamw.gradient_norm(), 0.1, FlatAdamW::Gradients::kKept);
    // Bias correction makes m / sqrt(v) = sign(g) in step 1; 1e-5: eps against g = 0.001.
    EXPECT_NEAR(c.values[0], 0.9F, 1e-5);
    EXPECT_NEAR(c.values[1], 0.9F, 1e-5);
    EXPECT_NEAR(c.values[2], 1.1F, 1e-5);
}

TEST(FlatAdamW, DecaysOnlyTheDecayedGroupAndApartFromTheGradient) {
    FlatCase c = case_of({2.0F, 2.0F}, {0.0F, 0.0F}, 1);
    AdamWOptions options;
    options.weight_decay = 0.5;
    FlatAdamW adamw(c.arrays(), options);
    adamw.step(0.0, 0.1, FlatAdamW::Gradients::kKept);
    EXPECT_FLOAT_EQ(c.values[0], 2.0F * (1 - 0.1F * 0.5F));
    EXPECT_FLOAT_EQ(c.values[1], 2.0F);
}

TEST(FlatAdamW, ClippingLimitsTheSecondMomentOfTheGradient) {
    // Two steps: a huge gradient, then a small one. Clipped, the first counts as norm 1.
    FlatCase c = case_of({0.0F}, {1000.0F}, 1);
    FlatAdamW adamw(c.arrays(), AdamWOptions{});
    adamw.step(adamw.gradient_norm(), 0.0, FlatAdamW::Gradients::kKept);
    c.gradients[0] = 0.5F;
    adamw.step(adamw.gradient_norm(), 1.0, FlatAdamW::Gradients::kKept);
    const double m = (0.9 * 0.1 * 1.0 + 0.1 * 0.5) / (1 - 0.81);
    const double v = (0.999 * 0.001 * 1.0 + 0.001 * 0.25) / (1 - 0.999 * 0.999);
    // 1e-4: 1 - 0.999 in float32 carries a relative error of 5e-5.
    EXPECT_NEAR(static_cast<double>(c.values[0]), -m / std::sqrt(v), 1e-4);
}

TEST(FlatAdamW, GradientNormRunsOverAllBlocks) {
    FlatCase c(30'001, 100, 0);
    std::fill(c.gradients.begin(), c.gradients.end(), 0.01F);
    c.gradients.back() = 2.0F;
    const FlatAdamW adamw(c.arrays(), AdamWOptions{});
    // 1e-6: the square of 0.01 in float32.
    EXPECT_NEAR(adamw.gradient_norm(), std::sqrt(30'000 * 1e-4 + 4.0), 1e-6);
}

TEST(FlatAdamW, GradientNormShowsThatAGradientIsNotFinite) {
    FlatCase c = case_of({1.0F, 1.0F}, {1.0F, std::numeric_limits<float>::quiet_NaN()}, 2);
    EXPECT_FALSE(std::isfinite(FlatAdamW(c.arrays(), AdamWOptions{}).gradient_norm()));
}

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
