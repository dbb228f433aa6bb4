#include "finewatt/base/check.h"
#include "finewatt/engine/plain_parts_internal.h"

#include <cstddef>

namespace finewatt {
namespace {

std::span<float> floats_of(at::Tensor& tensor) {
    return {tensor.mutable_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

}  // namespace

at::Tensor PlainDropout::rows(const at::Tensor& x, double p, std::int64_t layer,
                              DropoutSite site) const {
    return step_ ? activations(x, p, {*step_, layer, site}, input_.rows_in_batch,
                               input_.row_positions)
                 : x;
}

at::Tensor PlainDropout::pooled(const at::Tensor& x, double p) const {
    std::vector<std::int32_t> rows(static_cast<std::size_t>(x.size(0)));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        rows[i] = static_cast<std::int32_t>(i);
    }
    const std::vector<std::int32_t> positions(rows.size(), 0);
    return step_ ? activations(x, p, {*step_, 0, DropoutSite::kPooled}, rows, positions) : x;
}

at::Tensor PlainDropout::attention(const at::Tensor& x, double p, std::int64_t layer,
                                   const LengthGroup& group) const {
    if (!step_ || p == 0) {
        return x;
    }
    at::Tensor mask = at::empty(x.sizes(), at::kFloat);
    fill_attention_mask({*step_, layer, DropoutSite::kAttentionProbabilities}, p,
                        group.rows_in_batch, x.size(1), group.length, floats_of(mask));
    return x * mask.to(x.scalar_type());
}

at::Tensor PlainDropout::activations(const at::Tensor& x, double p, const DropoutPlace& place,
                                     std::span<const std::int32_t> rows,
                                     std::span<const std::int32_t> positions) const {
    if (p == 0) {
        return x;
    }
    at::Tensor mask = at::empty(x.sizes(), at::kFloat);
    fill_activation_mask(place, p, rows, positions, x.size(1), floats_of(mask));
    return x * mask.to(x.scalar_type());
}

at::Tensor dense(const LinearWeights& weights, const at::Tensor& x) {
    return at::linear(x, weights.weight, weights.bias);
}

at::Tensor layer_norm(const LayerNormWeights& weights, const at::Tensor& x, double eps) {
    return at::layer_norm(x, {x.size(-1)}, weights.weight, weights.bias, eps);
}

at::Tensor activate(const at::Tensor& x, Activation activation) {
    switch (activation) {
        case Activation::kGelu:
            return at::gelu(x, "none");  // the exact erf form
        case Activation::kGeluTanh:
            return at::gelu(x, "tanh");
        case Activation::kRelu:
            return at::relu(x);
    }
    FINEWATT_CHECK(false, "every activation has a case");
}

at::Tensor embed(const ModelConfig& config, const ModelTensors& tensors, const PackedInput& input,
                 const PlainDropout& dropout) {
    const at::Tensor words = at::embedding(tensors.word_embeddings, input.ids,
                                           config.pad_token_id ? *config.pad_token_id : -1);
    at::Tensor sum = words + at::embedding(tensors.position_embeddings, input.positions);
    if (tensors.type_embeddings.defined()) {
        sum = sum + at::embedding(tensors.type_embeddings, input.type_ids);
    }
    return dropout.rows(layer_norm(tensors.embedding_norm, sum, config.layer_norm_eps),
                        config.hidden_dropout_prob, 0, DropoutSite::kEmbeddings);
}

at::Tensor classify_texts(const ModelConfig& config, const ModelTensors& tensors,
                          const at::Tensor& first_rows, const PlainDropout& dropout) {
    const at::Tensor inner = dense(tensors.head_dense, first_rows);
    const at::Tensor pooled =
        config.family == ModelFamily::kBert ? at::tanh(inner) : at::relu(inner);
    return dense(tensors.head,
                 dropout.pooled(pooled, config.head_dropout(HeadKind::kClassification)));
}

at::Tensor score_tokens(const ModelConfig& config, HeadKind head, const ModelTensors& tensors,
                        const at::Tensor& rows, const PlainDropout& dropout) {
    return dense(tensors.head,
                 dropout.rows(rows, config.head_dropout(head), 0, DropoutSite::kHeadRows));
}

}  // namespace finewatt
