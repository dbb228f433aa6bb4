// The parts of a forward pass that every form built on autograd shares: dropout by counters, the
// embeddings, a dense layer, LayerNorm, and the heads. Plain LibTorch operations; for other files
// of the forms only (plain_model.cpp).
#pragma once

#include "finewatt/engine/dropout_internal.h"
#include "finewatt/engine/model_internal.h"
#include "finewatt/engine/packed_input_internal.h"
#include "finewatt/engine/torch_internal.h"

#include <cstdint>
#include <optional>

namespace finewatt {

/// Dropout for one forward pass; does nothing when there is no step (evaluation). The step and the
/// input must outlive it.
class PlainDropout {
  public:
    PlainDropout(const std::optional<DropoutStep>& step, const PackedInput& input)
        : step_(step),
          input_(input) {}

    /// Apply to [T, H] rows.
    at::Tensor rows(const at::Tensor& x, double p, std::int64_t layer, DropoutSite site) const;

    /// Apply to rows [B, H], which stand in the order of the batch.
    at::Tensor pooled(const at::Tensor& x, double p) const;

    /// Apply to the attention probabilities [sequences, A, length, length] of a group.
    at::Tensor attention(const at::Tensor& x, double p, std::int64_t layer,
                         const LengthGroup& group) const;

    const std::optional<DropoutStep>& step() const { return step_; }

  private:
    at::Tensor activations(const at::Tensor& x, double p, const DropoutPlace& place,
                           std::span<const std::int32_t> rows,
                           std::span<const std::int32_t> positions) const;

    const std::optional<DropoutStep>& step_;
    const PackedInput& input_;
};

/// Return x W^T + b.
at::Tensor dense(const LinearWeights& weights, const at::Tensor& x);

/// Return LayerNorm(x).
at::Tensor layer_norm(const LayerNormWeights& weights, const at::Tensor& x, double eps);

/// Return the activation of x.
at::Tensor activate(const at::Tensor& x, Activation activation);

/// Return the output of the embeddings [T, H]. The padding row gets no gradient, as in
/// nn.Embedding(padding_idx=...).
at::Tensor embed(const ModelConfig& config, const ModelTensors& tensors, const PackedInput& input,
                 const PlainDropout& dropout);

/// Return the logits of a classification of texts [B, C] from the first tokens' rows [B, H].
at::Tensor classify_texts(const ModelConfig& config, const ModelTensors& tensors,
                          const at::Tensor& first_rows, const PlainDropout& dropout);

/// Return the logits of a head that answers for every token [T, C] from all rows [T, H].
at::Tensor score_tokens(const ModelConfig& config, HeadKind head, const ModelTensors& tensors,
                        const at::Tensor& rows, const PlainDropout& dropout);

}  // namespace finewatt
