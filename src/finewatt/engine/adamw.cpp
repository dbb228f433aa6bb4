#include "finewatt/engine/adamw.h"

#include "finewatt/base/check.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>

namespace finewatt {
namespace {

// Sums are taken per block of this many elements, so that the result does not depend on how many
// threads share the work.
constexpr std::int64_t kBlock = 1 << 14;

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

/// The numbers that are the same for all elements of a parameter in one step.
struct StepFactors {
    float gradient_scale;
    float keep;  ///< 1 - rate * weight_decay
    float beta1;
    float beta2;
    float rate;          ///< rate / (1 - beta1^t)
    float second_scale;  ///< 1 / sqrt(1 - beta2^t)
    float eps;
};

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

}  // namespace

AdamW::AdamW(std::vector<AdamWParameter> parameters, const AdamWOptions& options)
    : options_(options),
      parameters_(std::move(parameters)) {
    for (const AdamWParameter& parameter : parameters_) {
        first_moments_.emplace_back(parameter.values.size(), 0.0F);
        second_moments_.emplace_back(parameter.values.size(), 0.0F);
    }
}

double AdamW::gradient_norm(const std::vector<std::span<const float>>& gradients) {
    double total = 0;
    for (const auto& gradient : gradients) {
        total += sum_of_squares(gradient);
    }
    return std::sqrt(total);
}

void AdamW::step(const std::vector<std::span<const float>>& gradients, double gradient_norm,
                 double rate) {
    FINEWATT_CHECK(gradients.size() == parameters_.size(), "one gradient per parameter");
    steps_ += 1;
    const auto t = static_cast<double>(steps_);
    // torch.nn.utils.clip_grad_norm_: max_norm / (norm + 1e-6), at most 1.
    const double scale = std::min(1.0, options_.max_grad_norm / (gradient_norm + 1e-6));
    StepFactors factors{};
    factors.gradient_scale = static_cast<float>(scale);
    factors.beta1 = static_cast<float>(options_.beta1);
    factors.beta2 = static_cast<float>(options_.beta2);
    factors.rate = static_cast<float>(rate / (1 - std::pow(options_.beta1, t)));
    factors.second_scale = static_cast<float>(1 / std::sqrt(1 - std::pow(options_.beta2, t)));
    factors.eps = static_cast<float>(options_.eps);
    for (std::size_t p = 0; p < parameters_.size(); ++p) {
        const AdamWParameter& parameter = parameters_[p];
        FINEWATT_CHECK(gradients[p].size() == parameter.values.size(),
                       "a gradient has the size of its parameter");
        const double decay = parameter.is_decayed ? options_.weight_decay : 0;
        factors.keep = static_cast<float>(1 - rate * decay);
        const auto size = static_cast<std::int64_t>(parameter.values.size());
        const std::int64_t blocks = block_count(parameter.values.size());
#pragma omp parallel for schedule(static)
        for (std::int64_t b = 0; b < blocks; ++b) {
            const std::int64_t begin = b * kBlock;
            update_block(factors, std::min(kBlock, size - begin), gradients[p].data() + begin,
                         parameter.values.data() + begin, first_moments_[p].data() + begin,
                         second_moments_[p].data() + begin);
        }
    }
}

}  // namespace finewatt
