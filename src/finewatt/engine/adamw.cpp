#include "finewatt/engine/adamw.h"

#include "finewatt/base/check.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

namespace finewatt {
namespace {

// Sums are taken per block of this many elements, so that the result does not depend on how many
// threads share the work.
constexpr std::int64_t kBlock = 1 << 14;

// A step's block: four arrays of this many floats fit the nearest cache.
constexpr std::int64_t kStepBlock = 1 << 11;

std::int64_t block_count(std::size_t size) {
    return (static_cast<std::int64_t>(size) + kBlock - 1) / kBlock;
}

// Eight running sums side by side, so that the compiler may use vectors without changing the order
// of any sum.
constexpr std::int64_t kLanes = 8;

__attribute__((target_clones("avx512f", "avx2", "default"))) double block_sum_of_squares(
    const float* values, std::int64_t size) {
    double lanes[kLanes] = {};
    const std::int64_t whole = size - size % kLanes;
    for (std::int64_t i = 0; i < whole; i += kLanes) {
        for (std::int64_t lane = 0; lane < kLanes; ++lane) {
            const auto value = static_cast<double>(values[i + lane]);
            lanes[lane] += value * value;
        }
    }
    double sum = 0;
    for (const double lane : lanes) {
        sum += lane;
    }
    for (std::int64_t i = whole; i < size; ++i) {
        const auto value = static_cast<double>(values[i]);
        sum += value * value;
    }
    return sum;
}

double sum_of_squares(std::span<const float> values) {
    const std::int64_t blocks = block_count(values.size());
    const auto size = static_cast<std::int64_t>(values.size());
    std::vector<double> sums(static_cast<std::size_t>(blocks));
#pragma omp parallel for schedule(static)
    for (std::int64_t b = 0; b < blocks; ++b) {
        const std::int64_t begin = b * kBlock;
        sums[static_cast<std::size_t>(b)] =
            block_sum_of_squares(values.data() + begin, std::min(kBlock, size - begin));
    }
    return std::accumulate(sums.begin(), sums.end(), 0.0);
}

/// The numbers that are the same for all elements of a group in one step.
struct StepFactors {
    float gradient_scale;
    float keep;  ///< 1 - rate * weight_decay
    float beta1;
    float beta2;
    float rate;          ///< rate / (1 - beta1^t)
    float second_scale;  ///< 1 / sqrt(1 - beta2^t)
    float eps;
};

/// Return the factors of step `t`, from 1; `keep` is that of the decayed group.
StepFactors step_factors(const AdamWOptions& options, std::int64_t t, double gradient_norm,
                         double rate) {
    const auto steps = static_cast<double>(t);
    // torch.nn.utils.clip_grad_norm_: max_norm / (norm + 1e-6), at most 1.
    const double scale = options.max_grad_norm > 0
                             ? std::min(1.0, options.max_grad_norm / (gradient_norm + 1e-6))
                             : 1.0;
    StepFactors factors{};
    factors.gradient_scale = static_cast<float>(scale);
    factors.keep = static_cast<float>(1 - rate * options.weight_decay);
    factors.beta1 = static_cast<float>(options.beta1);
    factors.beta2 = static_cast<float>(options.beta2);
    factors.rate = static_cast<float>(rate / (1 - std::pow(options.beta1, steps)));
    factors.second_scale = static_cast<float>(1 / std::sqrt(1 - std::pow(options.beta2, steps)));
    factors.eps = static_cast<float>(options.eps);
    return factors;
}

/// The elements of one block.
struct Block {
    std::int64_t size;
    float* gradient;
    float* value;
    float* first;
    float* second;
    Bfloat16* low;  ///< null where there is no bf16 copy
};

/// Update values and moments of a block.
__attribute__((target_clones("avx512f", "avx2", "default"))) void update_block(
    const StepFactors& f, std::int64_t size, const float* gradient, float* value, float* first,
    float* second) {
    for (std::int64_t i = 0; i < size; ++i) {
        const float g = gradient[i] * f.gradient_scale;
        first[i] = f.beta1 * first[i] + (1.0F - f.beta1) * g;
        second[i] = f.beta2 * second[i] + (1.0F - f.beta2) * g * g;
        const float root = std::sqrt(second[i]) * f.second_scale + f.eps;
        value[i] = value[i] * f.keep - f.rate * first[i] / root;
    }
}

/// update_block, the bf16 copy and the zeroing, while the block is in the nearest cache.
void finish_block(const StepFactors& factors, const Block& block, FlatAdamW::Gradients after) {
    update_block(factors, block.size, block.gradient, block.value, block.first, block.second);
    if (block.low != nullptr) {
        cpu_kernels().to_bfloat16(block.size, block.value, block.low);
    }
    if (after == FlatAdamW::Gradients::kZeroed) {
        std::fill_n(block.gradient, block.size, 0.0F);
    }
}

}  // namespace

FlatAdamW::FlatAdamW(const AdamWArrays& arrays, const AdamWOptions& options)
    : arrays_(arrays),
      options_(options) {
    const std::size_t size = arrays.values.size();
    FINEWATT_CHECK(arrays.gradients.size() == size && arrays.first_moments.size() == size &&
                       arrays.second_moments.size() == size,
                   "values, gradients and moments have one size");
    FINEWATT_CHECK(arrays.low_values.empty() || arrays.low_values.size() == size,
                   "the bf16 copy has the size of the values");
    FINEWATT_CHECK(arrays.decayed_size >= 0 && arrays.decayed_size <= std::ssize(arrays.values),
                   "the decayed group is a part of the values");
}

double FlatAdamW::gradient_norm() const {
    return std::sqrt(sum_of_squares(arrays_.gradients));
}

void FlatAdamW::step(double gradient_norm, double rate, Gradients after) {
    steps_ += 1;
    const StepFactors decayed = step_factors(options_, steps_, gradient_norm, rate);
    StepFactors others = decayed;
    others.keep = 1;
    const AdamWArrays arrays = arrays_;
    const std::int64_t size = std::ssize(arrays.values);
    // Blocks of one group each, so that a block has one factor.
    const auto run = [&](const StepFactors& factors, std::int64_t begin, std::int64_t end) {
#pragma omp parallel for schedule(static)
        for (std::int64_t first = begin; first < end; first += kStepBlock) {
            Bfloat16* low = arrays.low_values.empty() ? nullptr : arrays.low_values.data() + first;
            finish_block(factors,
                         {std::min(kStepBlock, end - first), arrays.gradients.data() + first,
                          arrays.values.data() + first, arrays.first_moments.data() + first,
                          arrays.second_moments.data() + first, low},
                         after);
        }
    };
    run(decayed, 0, arrays.decayed_size);
    run(others, arrays.decayed_size, size);
}

}  // namespace finewatt
