// WorkTotals of a training run: how much was computed so far, in the units of the event stream.
// Formulas: engine.md's figures, which count a multiplication and an addition as two operations.
#pragma once

#include "finewatt/data/batch.h"
#include "finewatt/data/model_config.h"

#include <cstdint>

namespace finewatt {

/// A head and its number of outputs.
struct HeadSize {
    HeadKind kind = HeadKind::kClassification;
    std::int64_t labels = 2;
};

/// What was computed of a batch.
enum class Passes { kTraining, kForward };

/// Running totals of the steps. Counts are exact; flops are counted in floating point.
struct EngineWork {
    std::int64_t steps = 0;
    std::int64_t examples = 0;
    std::int64_t tokens_real = 0;             ///< tokens of the texts
    std::int64_t tokens_padded = 0;           ///< tokens computed, with padding
    std::int64_t tokens_padded_would_be = 0;  ///< the same under dynamic padding
    std::int64_t sum_len_sq = 0;              ///< sum of squared real lengths
    double flops_model = 0;                   ///< of the real tokens; training: with the backward
    double flops_done = 0;                    ///< the same with padding

    /// Add one step on a batch: forward and backward, or forward alone.
    void add(const ModelConfig& config, const HeadSize& head, const Batch& batch,
             Passes passes = Passes::kTraining);
};

/// Return the floating-point operations of one forward pass: the matrix products of the blocks (2
/// per weight and token), attention (4 H per pair of positions and layer) and the head: for
/// classification its two dense layers once per sequence, for the others one per token.
/// Element-wise work is left out, as is usual. All rows of all blocks count, also those of the last
/// block that a classification of an unpadded batch need not compute. Both families count alike.
double forward_flops(const ModelConfig& config, const HeadSize& head, std::int64_t sequences,
                     std::int64_t tokens, std::int64_t sum_len_sq);

}  // namespace finewatt
