#include "finewatt/engine/fused_model_internal.h"
#include "finewatt/engine/fused_ops_internal.h"
#include "finewatt/engine/linear_internal.h"
#include "finewatt/engine/plain_parts_internal.h"

#include <cstddef>

namespace finewatt {
namespace {

at::Tensor fast_dense(const LinearWeights& weights, const at::Tensor& x) {
    return linear(x, weights.weight, weights.bias);
}

/// The masks of PlainDropout for the fused operations.
std::optional<FusedDropout> fused(const PlainDropout& dropout, double p, std::int64_t layer,
                                  DropoutSite site) {
    if (!dropout.step()) {
        return std::nullopt;
    }
    return FusedDropout{{*dropout.step(), layer, site}, p};
}

/// One block. `rows` (int64, may be undefined) names the rows that are wanted: what follows the
/// attention is then computed for those only, [rows, H] in that order.
at::Tensor run_block(const EncoderBlock& block, const at::Tensor& x, const PackedInput& input,
                     const at::Tensor& rows, const ModelConfig& config, std::int64_t layer,
                     const PlainDropout& dropout) {
    const auto wanted = [&](const at::Tensor& all) {
        return rows.defined() ? at::index_select(all, 0, rows) : all;
    };
    const at::Tensor places = wanted(input.row_places);
    const auto add_and_norm = [&](const at::Tensor& out, const at::Tensor& residual,
                                  const LayerNormWeights& norm, double p, DropoutSite site) {
        return fused_residual_norm(out, residual, norm.weight, norm.bias, config.layer_norm_eps,
                                   places, fused(dropout, p, layer, site));
    };
    const at::Tensor context = wanted(
        fused_attention(fast_dense(block.query_key_value, x), input, config.num_attention_heads,
                        fused(dropout, config.attention_probs_dropout_prob, layer,
                              DropoutSite::kAttentionProbabilities)));
    const at::Tensor y =
        add_and_norm(fast_dense(block.attention_output, context), wanted(x), block.attention_norm,
                     config.attention_output_dropout(), DropoutSite::kAttentionOutput);
    const at::Tensor before = fast_dense(block.intermediate, y);
    const at::Tensor inner = config.hidden_act == Activation::kGelu
                                 ? fused_gelu(before)
                                 : activate(before, config.hidden_act);
    return add_and_norm(fast_dense(block.output, inner), y, block.output_norm,
                        config.hidden_dropout_prob, DropoutSite::kFeedForwardOutput);
}

}  // namespace

ModelOutput fused_forward(const Model& model, const PackedInput& input,
                          const std::optional<DropoutStep>& step) {
    const ModelConfig& config = model.config();
    const ModelTensors tensors = model.autograd_leaves();
    const PlainDropout dropout(step, input);
    const bool is_of_texts = model.head_kind() == HeadKind::kClassification;
    ModelOutput output;
    output.embeddings = embed(config, tensors, input, dropout);
    at::Tensor x = output.embeddings;
    for (std::size_t i = 0; i < tensors.blocks.size(); ++i) {
        const bool needs_first_rows_only =
            is_of_texts && !input.is_padded && i + 1 == tensors.blocks.size();
        x = run_block(tensors.blocks[i], x, input,
                      needs_first_rows_only ? input.first_rows : at::Tensor(), config,
                      static_cast<std::int64_t>(i), dropout);
        output.blocks.push_back(x);
    }
    if (!is_of_texts) {
        output.logits = score_tokens(config, model.head_kind(), tensors, x, dropout);
        return output;
    }
    const at::Tensor first_rows = input.is_padded ? at::index_select(x, 0, input.first_rows) : x;
    output.logits = classify_texts(config, tensors, first_rows, dropout);
    return output;
}

}  // namespace finewatt
