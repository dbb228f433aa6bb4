// Scores: how well predictions fit the labels. Only accuracy so far.
#pragma once

#include "finewatt/base/result.h"

#include <cstdint>
#include <span>

namespace finewatt {

/// Return the share of predictions that equal their label, in [0, 1]. Error: invalid argument when
/// the sizes differ or there is nothing to score.
Result<double> accuracy(std::span<const std::int32_t> predictions,
                        std::span<const std::int32_t> labels);

}  // namespace finewatt
