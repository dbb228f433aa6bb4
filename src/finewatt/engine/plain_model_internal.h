// The plain form of a model: LibTorch operations with autograd, made to be read. It is the oracle
// of the fast form: float32 or float64, every family, head and batching mode, the same dropout
// masks. Post-LN blocks as in Devlin et al. 2019 and transformers 5.17 (modeling_bert.py,
// modeling_distilbert.py). Main functions: plain_forward, plain_loss.
//
// Shapes: T packed rows, B sequences, H hidden, C labels.
#pragma once

#include "finewatt/engine/dropout_internal.h"
#include "finewatt/engine/model_internal.h"
#include "finewatt/engine/packed_input_internal.h"
#include "finewatt/engine/torch_internal.h"

#include <optional>
#include <vector>

namespace finewatt {

/// What a forward pass returns. The intermediate results are kept for tests.
struct ModelOutput {
    at::Tensor embeddings;           ///< [T, H]
    std::vector<at::Tensor> blocks;  ///< [T, H] after each block, in packed order
    /// Classification of texts: [B, C] in the order of the batch. Other heads: [T, C] in packed
    /// order; question answering has C = 2, begin and end.
    at::Tensor logits;
};

/// Run the model. With `dropout` the masks of that step are applied (training); without, none.
/// Where gradients are enabled, a backward pass of the result adds to model.gradients().
ModelOutput plain_forward(const Model& model, const PackedInput& input,
                          const std::optional<DropoutStep>& dropout);

/// Return the loss [] of logits as transformers 5.17 defines it for the head, in nats:
/// - classification: the mean cross-entropy over input.labels;
/// - token classification: the mean over the rows whose label is not kIgnoredLabel;
/// - question answering: half the sum of two means, over the begins and over the ends. A position
///   is clamped to [0, length of its sequence], and that length is left out of its mean. The
///   softmax runs over the sequence's rows as they were computed: in padded modes the padding
///   takes part with its logits, as in the reference, so the loss depends on the padding; unpadded
///   it runs over the real tokens, which is the reference on a batch of this sequence alone.
/// A mean over nothing is NaN, as in the reference. The head's targets must be set in `input`.
at::Tensor model_loss(HeadKind head, const at::Tensor& logits, const PackedInput& input);

/// Return model_loss of a forward pass of this model.
at::Tensor plain_loss(const Model& model, const ModelOutput& output, const PackedInput& input);

}  // namespace finewatt
