#include "finewatt/base/check.h"
#include "finewatt/engine/plain_model_internal.h"
#include "finewatt/engine/plain_parts_internal.h"

#include <ATen/ops/log_softmax.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace finewatt {
namespace {

/// Attention within one group. `qkv` is [sequences * length, 3H]; returns [sequences * length, H].
at::Tensor attend_in_group(const at::Tensor& qkv, const LengthGroup& group,
                           const ModelConfig& config, std::int64_t layer,
                           const PlainDropout& dropout) {
    const std::int64_t heads = config.num_attention_heads;
    const std::int64_t head_size = config.head_size();
    // [sequences, length, 3, A, D] -> three times [sequences, A, length, D]
    const std::vector<at::Tensor> parts =
        qkv.view({group.sequences, group.length, 3, heads, head_size})
            .permute({2, 0, 3, 1, 4})
            .unbind(0);
    const at::Tensor scaled_query = parts[0] * (1 / std::sqrt(static_cast<double>(head_size)));
    at::Tensor scores = at::matmul(scaled_query, parts[1].transpose(2, 3));
    if (group.is_padding_key.defined()) {
        scores = scores.masked_fill(group.is_padding_key, -std::numeric_limits<double>::infinity());
    }
    const at::Tensor probabilities = dropout.attention(
        at::softmax(scores, -1), config.attention_probs_dropout_prob, layer, group);
    return at::matmul(probabilities, parts[2])  // [sequences, A, length, D]
        .transpose(1, 2)
        .reshape({group.sequences * group.length, heads * head_size});
}

/// Attention of all rows: qkv [T, 3H] -> [T, H]. Groups follow each other in the packed order.
at::Tensor attend(const at::Tensor& qkv, const PackedInput& input, const ModelConfig& config,
                  std::int64_t layer, const PlainDropout& dropout) {
    const std::vector<at::Tensor> by_group = at::split_with_sizes(qkv, input.group_rows, 0);
    std::vector<at::Tensor> results;
    for (std::size_t g = 0; g < by_group.size(); ++g) {
        results.push_back(attend_in_group(by_group[g], input.groups[g], config, layer, dropout));
    }
    return results.size() == 1 ? results.front() : at::cat(results, 0);
}

/// One block: x [T, H] -> [T, H].
at::Tensor run_block(const EncoderBlock& block, const at::Tensor& x, const PackedInput& input,
                     const ModelConfig& config, std::int64_t layer, const PlainDropout& dropout) {
    const at::Tensor context =
        attend(dense(block.query_key_value, x), input, config, layer, dropout);
    const at::Tensor attended =
        dropout.rows(dense(block.attention_output, context), config.attention_output_dropout(),
                     layer, DropoutSite::kAttentionOutput);
    const at::Tensor y = layer_norm(block.attention_norm, attended + x, config.layer_norm_eps);
    const at::Tensor inner = activate(dense(block.intermediate, y), config.hidden_act);
    const at::Tensor fed = dropout.rows(dense(block.output, inner), config.hidden_dropout_prob,
                                        layer, DropoutSite::kFeedForwardOutput);
    return layer_norm(block.output_norm, fed + y, config.layer_norm_eps);
}

/// Mean of -log softmax at one position of each sequence. `scores` is [T], in packed order;
/// positions [B], in the order of the batch.
at::Tensor position_loss(const at::Tensor& scores, const at::Tensor& positions,
                         const PackedInput& input) {
    const auto* sequence = input.sequences.const_data_ptr<std::int32_t>();
    const auto* wanted = positions.const_data_ptr<std::int64_t>();
    at::Tensor sum = at::zeros({}, scores.options());
    std::int64_t count = 0;
    for (std::int64_t s = 0; s < input.sequences.size(0); ++s, sequence += 4) {
        const std::int64_t length = sequence[1];
        const std::int64_t position = std::clamp<std::int64_t>(wanted[sequence[3]], 0, length);
        if (position == length) {
            continue;  // not in this text
        }
        const at::Tensor of_sequence = scores.narrow(0, sequence[0], length);
        sum = sum - at::log_softmax(of_sequence, 0)[position];
        count += 1;
    }
    return sum / static_cast<double>(count);
}

}  // namespace

ModelOutput plain_forward(const Model& model, const PackedInput& input,
                          const std::optional<DropoutStep>& step) {
    const ModelConfig& config = model.config();
    const ModelTensors tensors = model.autograd_leaves();
    const PlainDropout dropout(step, input);
    ModelOutput output;
    output.embeddings = embed(config, tensors, input, dropout);
    at::Tensor x = output.embeddings;
    for (std::size_t i = 0; i < tensors.blocks.size(); ++i) {
        x = run_block(tensors.blocks[i], x, input, config, static_cast<std::int64_t>(i), dropout);
        output.blocks.push_back(x);
    }
    output.logits =
        model.head_kind() == HeadKind::kClassification
            ? classify_texts(config, tensors, at::index_select(x, 0, input.first_rows), dropout)
            : score_tokens(config, model.head_kind(), tensors, x, dropout);
    return output;
}

at::Tensor model_loss(HeadKind head, const at::Tensor& logits, const PackedInput& input) {
    switch (head) {
        case HeadKind::kClassification:
            return at::cross_entropy_loss(logits, input.labels);
        case HeadKind::kTokenClassification:
            return at::cross_entropy_loss(logits, input.token_labels);  // leaves out -100
        case HeadKind::kQuestionAnswering:
            return (position_loss(logits.select(1, 0), input.answer_starts, input) +
                    position_loss(logits.select(1, 1), input.answer_ends, input)) /
                   2;
    }
    FINEWATT_CHECK(false, "every head has a loss");
}

at::Tensor plain_loss(const Model& model, const ModelOutput& output, const PackedInput& input) {
    return model_loss(model.head_kind(), output.logits, input);
}

}  // namespace finewatt
