// Fused operations of the model for float32 on CPUs, as nodes of the autograd graph: attention with
// dropout, dropout + residual + LayerNorm, and GELU. Each replaces several LibTorch operations of
// the plain form in bert.cpp, which stays as the oracle; the tests compare the two.
//
// Results do not depend on the number of threads, except the gradients of LayerNorm's weights,
// whose partial sums are one per thread.
#pragma once

#include "finewatt/engine/dropout_internal.h"
#include "finewatt/engine/packed_input_internal.h"
#include "finewatt/engine/torch_internal.h"

#include <cstdint>
#include <optional>

namespace finewatt {

/// Which mask of which step to apply, with probability p; nothing = none.
struct FusedDropout {
    DropoutPlace place;
    double p = 0;
};

/// Return the contexts [T, H] of all sequences from qkv [T, 3H] with `heads` heads. float32.
at::Tensor fused_attention(const at::Tensor& qkv, const PackedInput& input, std::int64_t heads,
                           const std::optional<FusedDropout>& dropout);

/// Return LayerNorm(residual + dropout(x)) for x and residual [T, H], gain and shift [H]. float32.
/// row_places [T, 2] as in PackedInput.
at::Tensor fused_residual_norm(const at::Tensor& x, const at::Tensor& residual,
                               const at::Tensor& gain, const at::Tensor& shift, double eps,
                               const at::Tensor& row_places,
                               const std::optional<FusedDropout>& dropout);

/// Return the exact GELU of x. float32.
at::Tensor fused_gelu(const at::Tensor& x);

}  // namespace finewatt
