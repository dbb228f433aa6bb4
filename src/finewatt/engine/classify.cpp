#include "finewatt/engine/classify.h"

#include "finewatt/base/check.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace finewatt {
namespace {

/// log(sum(exp(logits))), shifted by the largest so that nothing overflows.
double log_sum_exp(std::span<const float> logits) {
    const auto largest = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
    double sum = 0;
    for (const float logit : logits) {
        sum += std::exp(static_cast<double>(logit) - largest);
    }
    return largest + std::log(sum);
}

std::span<const float> row_of(std::span<const float> logits, std::int64_t classes,
                              std::size_t row) {
    const auto width = static_cast<std::size_t>(classes);
    return logits.subspan(row * width, width);
}

}  // namespace

std::vector<double> probabilities(std::span<const float> logits) {
    const double norm = log_sum_exp(logits);
    std::vector<double> result;
    for (const float logit : logits) {
        result.push_back(std::exp(static_cast<double>(logit) - norm));
    }
    return result;
}

std::vector<std::int32_t> likeliest_classes(std::span<const float> logits, std::int64_t classes) {
    std::vector<std::int32_t> result;
    const std::size_t rows = logits.size() / static_cast<std::size_t>(classes);
    for (std::size_t r = 0; r < rows; ++r) {
        const auto row = row_of(logits, classes, r);
        result.push_back(
            static_cast<std::int32_t>(std::max_element(row.begin(), row.end()) - row.begin()));
    }
    return result;
}

double mean_cross_entropy(std::span<const float> logits, std::int64_t classes,
                          std::span<const std::int32_t> labels) {
    FINEWATT_CHECK(
        !labels.empty() && logits.size() == labels.size() * static_cast<std::size_t>(classes),
        "one row of logits per label, and at least one");
    double sum = 0;
    for (std::size_t r = 0; r < labels.size(); ++r) {
        const auto row = row_of(logits, classes, r);
        sum += log_sum_exp(row) - static_cast<double>(row[static_cast<std::size_t>(labels[r])]);
    }
    return sum / static_cast<double>(labels.size());
}

}  // namespace finewatt
