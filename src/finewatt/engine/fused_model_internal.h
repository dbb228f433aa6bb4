// The fused form of a model: autograd with the operations of fused_ops_internal.h, for float32 on
// CPUs. What training and inference run; the plain form is its oracle.
#pragma once

#include "finewatt/engine/plain_model_internal.h"

namespace finewatt {

/// As plain_forward. In an unpadded classification of texts the last of ModelOutput::blocks holds
/// the rows of the first tokens only, [B, H] in the order of the batch: the head reads no others.
ModelOutput fused_forward(const Model& model, const PackedInput& input,
                          const std::optional<DropoutStep>& dropout);

}  // namespace finewatt
