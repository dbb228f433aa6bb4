// From logits to predictions: the likeliest class, probabilities, cross-entropy. Torch-free.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace finewatt {

/// Return the softmax of one row of logits, in double precision.
std::vector<double> probabilities(std::span<const float> logits);

/// Return the index of the largest logit of each row; the first one of equals. `logits` is
/// [rows x classes], row by row.
std::vector<std::int32_t> likeliest_classes(std::span<const float> logits, std::int64_t classes);

/// Return the mean cross-entropy in nats. `labels` has one class index per row; it is not empty.
double mean_cross_entropy(std::span<const float> logits, std::int64_t classes,
                          std::span<const std::int32_t> labels);

}  // namespace finewatt
