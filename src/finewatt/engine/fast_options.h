// FastOptions: how the fast path computes a model: the type that products read and the library that
// makes them. Free of LibTorch, so that programs and jobs can hold it.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/engine/gemm_choice.h"

#include <string_view>

namespace finewatt {

/// What products are computed with. kBfloat16: their operands; parameters, their gradients, the
/// residual stream, LayerNorm, softmax and the loss stay float32.
enum class Precision { kFloat32, kBfloat16 };

/// Read "fp32" or "bf16". Error: invalid argument for anything else.
Result<Precision> parse_precision(std::string_view name);

/// Return "fp32" or "bf16".
std::string_view precision_name(Precision precision);

/// Return an error (unsupported) that says why this machine's CPU should not compute in
/// `precision`: without instructions for it, bfloat16 is slower than float32.
Status check_precision(Precision precision);

struct FastOptions {
    Precision precision = Precision::kFloat32;
    GemmSetting gemm = GemmSetting::kAuto;
};

}  // namespace finewatt
