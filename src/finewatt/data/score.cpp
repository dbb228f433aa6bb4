#include "finewatt/data/score.h"

#include <cstddef>

namespace finewatt {

Result<double> accuracy(std::span<const std::int32_t> predictions,
                        std::span<const std::int32_t> labels) {
    if (predictions.size() != labels.size()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "accuracy: expected one prediction for each label, found {} "
                              "predictions and {} labels",
                              predictions.size(), labels.size());
    }
    if (labels.empty()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "accuracy: expected at least one label, found none; a score of "
                              "nothing does not exist");
    }
    std::size_t right = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        right += predictions[i] == labels[i] ? 1U : 0U;
    }
    return static_cast<double>(right) / static_cast<double>(labels.size());
}

}  // namespace finewatt
