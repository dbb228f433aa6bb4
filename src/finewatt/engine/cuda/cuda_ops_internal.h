// CudaOps: attention and products of LibTorch's CUDA libraries. bfloat16 takes FlashAttention-2
// over packed sequences (Dao 2023), float32 the memory-efficient kernel, which is the path for
// parity.
#pragma once

#include "finewatt/engine/cuda/device_pass_internal.h"

namespace finewatt {

/// Everything is queued on LibTorch's current stream. Dropout draws from LibTorch's generator.
class CudaOps final : public DeviceOps {
  public:
    DeviceStream stream() const override;
    AttentionKept attention(const QueryKeyValue& in, const AttentionPlaces& places,
                            double dropout) const override;
    QueryKeyValue attention_backward(const at::Tensor& context_gradient, const QueryKeyValue& in,
                                     const AttentionKept& kept, const AttentionPlaces& places,
                                     double dropout) const override;
    void weight_gradient(const at::Tensor& dy, const at::Tensor& x, bool is_added,
                         at::Tensor gradient) const override;
};

}  // namespace finewatt
