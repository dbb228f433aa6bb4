// Dense layers: y = x W^T + b with its backward pass, through the faster of two matrix products.
//
// On AMD processors ATen's products (MKL) take a slow path; LibTorch's own oneDNN operator does
// not. It serves the forward product and the gradient of x; ATen stays faster for the gradient of
// W. The choice depends on the processor alone, so that a run gives the same numbers each time.
// Measured on a 2-core Zen 4, float32, M = 860, GFLOP/s ATen against oneDNN: forward 119-166
// against 176-196, gradient of x 141-166 against 193-204, gradient of W 143-177 against 112-173.
#pragma once

#include "finewatt/engine/torch_internal.h"

namespace finewatt {

/// Return whether the oneDNN operator is used on this machine: an AMD processor, and a LibTorch
/// that has the operator.
bool has_onednn_linear();

/// Return x W^T + b for x [T, in], weight [out, in], bias [out], all float32, with autograd.
/// Uses the oneDNN operator where has_onednn_linear(), else at::linear. Other types always take
/// at::linear. Any thread.
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

}  // namespace finewatt
