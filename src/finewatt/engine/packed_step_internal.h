// PackedStep: the batches of one training step in the model's form, with what all devices count
// alike: tokens, and the scale that makes the sum of the losses their mean.
#pragma once

#include "finewatt/engine/fast_model_internal.h"
#include "finewatt/engine/packed_input_internal.h"
#include "finewatt/engine/step_log.h"

#include <span>
#include <vector>

namespace finewatt {

/// See above.
struct PackedStep {
    std::vector<PackedInput> inputs;
    LossScale scale;    ///< divides by the targets of all batches; `is_added` is false
    StepRecord record;  ///< rate and tokens; the rest comes from the device
};

/// Bring the batches of a step into the model's form.
PackedStep pack_step(const Model& model, std::span<const Batch> batches, double rate);

}  // namespace finewatt
