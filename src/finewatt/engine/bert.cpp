#include "finewatt/base/check.h"
#include "finewatt/engine/bert_internal.h"
#include "finewatt/engine/fused_ops_internal.h"
#include "finewatt/engine/linear_internal.h"

#include <fmt/format.h>

#include <cmath>
#include <cstddef>

namespace finewatt {
namespace {

/// Makes new weights. One generator for all, so that the order of the calls is part of the result.
class Initializer {
  public:
    Initializer(std::uint64_t seed, double range)
        : generator_(at::make_generator<at::CPUGeneratorImpl>(seed)),
          range_(range) {}

    at::Tensor normal(at::IntArrayRef shape) {
        return trained(at::normal(0.0, range_, shape, generator_));
    }

    static at::Tensor zeros(std::int64_t size) { return trained(at::zeros({size})); }

    LinearWeights linear(std::int64_t out, std::int64_t in) {
        return {normal({out, in}), zeros(out)};
    }

    static LayerNormWeights layer_norm(std::int64_t size) {
        return {trained(at::ones({size})), zeros(size)};
    }

  private:
    static at::Tensor trained(at::Tensor tensor) { return tensor.set_requires_grad(true); }

    at::Generator generator_;
    double range_;
};

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

at::Tensor apply(const LinearWeights& linear, const at::Tensor& x) {
    return finewatt::linear(x, linear.weight, linear.bias);
}

at::Tensor apply(const LayerNormWeights& norm, const at::Tensor& x, double eps) {
    return at::layer_norm(x, {x.size(-1)}, norm.weight, norm.bias, eps);
}

std::span<float> floats_of(at::Tensor& tensor) {
    return {tensor.mutable_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

/// Dropout for one forward pass; does nothing when there is no step (evaluation).
class Dropout {
  public:
    Dropout(const std::optional<DropoutStep>& step, const PackedInput& input)
        : step_(step),
          input_(input) {}

    /// Apply to [T, H] rows.
    at::Tensor rows(const at::Tensor& x, double p, std::int64_t layer, DropoutSite site) const {
        return activations(x, p, layer, site, input_.rows_in_batch, input_.row_positions);
    }

    /// Apply to the pooled rows [B, H], which stand in the order of the batch.
    at::Tensor pooled(const at::Tensor& x, double p) const {
        std::vector<std::int32_t> rows(static_cast<std::size_t>(x.size(0)));
        for (std::size_t i = 0; i < rows.size(); ++i) {
            rows[i] = static_cast<std::int32_t>(i);
        }
        const std::vector<std::int32_t> positions(rows.size(), 0);
        return activations(x, p, 0, DropoutSite::kPooled, rows, positions);
    }

    /// Apply to the attention probabilities [sequences, A, length, length] of a group.
    at::Tensor attention(const at::Tensor& x, double p, std::int64_t layer,
                         const LengthGroup& group) const {
        if (!step_ || p == 0) {
            return x;
        }
        at::Tensor mask = at::empty(x.sizes(), at::kFloat);
        fill_attention_mask({*step_, layer, DropoutSite::kAttentionProbabilities}, p,
                            group.rows_in_batch, x.size(1), group.length, floats_of(mask));
        return x * mask.to(x.scalar_type());
    }

    /// The same masks for the fused operations.
    std::optional<FusedDropout> fused(double p, std::int64_t layer, DropoutSite site) const {
        if (!step_) {
            return std::nullopt;
        }
        return FusedDropout{{*step_, layer, site}, p};
    }

  private:
    at::Tensor activations(const at::Tensor& x, double p, std::int64_t layer, DropoutSite site,
                           std::span<const std::int32_t> rows,
                           std::span<const std::int32_t> positions) const {
        if (!step_ || p == 0) {
            return x;
        }
        at::Tensor mask = at::empty(x.sizes(), at::kFloat);
        fill_activation_mask({*step_, layer, site}, p, rows, positions, x.size(1), floats_of(mask));
        return x * mask.to(x.scalar_type());
    }

    const std::optional<DropoutStep>& step_;
    const PackedInput& input_;
};

/// Attention within one group. `qkv` is [sequences * length, 3H]; returns [sequences * length, H].
at::Tensor attend_in_group(const at::Tensor& qkv, const LengthGroup& group,
                           const ModelConfig& config, std::int64_t layer, const Dropout& dropout) {
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
                  std::int64_t layer, const Dropout& dropout) {
    const std::vector<at::Tensor> by_group = at::split_with_sizes(qkv, input.group_rows, 0);
    std::vector<at::Tensor> results;
    for (std::size_t g = 0; g < by_group.size(); ++g) {
        results.push_back(attend_in_group(by_group[g], input.groups[g], config, layer, dropout));
    }
    return results.size() == 1 ? results.front() : at::cat(results, 0);
}

/// One block in plain operations: x [T, H] -> [T, H].
at::Tensor run_block(const BertBlock& block, const at::Tensor& x, const PackedInput& input,
                     const ModelConfig& config, std::int64_t layer, const Dropout& dropout) {
    const double p = config.hidden_dropout_prob;
    const at::Tensor context =
        attend(apply(block.query_key_value, x), input, config, layer, dropout);
    const at::Tensor attended = dropout.rows(apply(block.attention_output, context), p, layer,
                                             DropoutSite::kAttentionOutput);
    const at::Tensor y = apply(block.attention_norm, attended + x, config.layer_norm_eps);
    const at::Tensor inner = activate(apply(block.intermediate, y), config.hidden_act);
    const at::Tensor fed =
        dropout.rows(apply(block.output, inner), p, layer, DropoutSite::kFeedForwardOutput);
    return apply(block.output_norm, fed + y, config.layer_norm_eps);
}

/// The same block with fused operations. `rows` (int64, may be undefined) names the rows that are
/// wanted: what follows the attention is then computed for those only, [rows, H] in that order.
at::Tensor run_fused_block(const BertBlock& block, const at::Tensor& x, const PackedInput& input,
                           const at::Tensor& rows, const ModelConfig& config, std::int64_t layer,
                           const Dropout& dropout) {
    const auto wanted = [&](const at::Tensor& all) {
        return rows.defined() ? at::index_select(all, 0, rows) : all;
    };
    const at::Tensor places = wanted(input.row_places);
    const auto add_and_norm = [&](const at::Tensor& out, const at::Tensor& residual,
                                  const LayerNormWeights& norm, DropoutSite site) {
        return fused_residual_norm(out, residual, norm.weight, norm.bias, config.layer_norm_eps,
                                   places, dropout.fused(config.hidden_dropout_prob, layer, site));
    };
    const at::Tensor context =
        wanted(fused_attention(apply(block.query_key_value, x), input, config.num_attention_heads,
                               dropout.fused(config.attention_probs_dropout_prob, layer,
                                             DropoutSite::kAttentionProbabilities)));
    const at::Tensor y = add_and_norm(apply(block.attention_output, context), wanted(x),
                                      block.attention_norm, DropoutSite::kAttentionOutput);
    const at::Tensor before = apply(block.intermediate, y);
    const at::Tensor inner = config.hidden_act == Activation::kGelu
                                 ? fused_gelu(before)
                                 : activate(before, config.hidden_act);
    return add_and_norm(apply(block.output, inner), y, block.output_norm,
                        DropoutSite::kFeedForwardOutput);
}

}  // namespace

BertClassifier::BertClassifier(const ModelConfig& config, std::int64_t classes, std::uint64_t seed)
    : config_(config),
      classes_(classes) {
    Initializer make(seed, config.initializer_range);
    const std::int64_t hidden = config.hidden_size;
    word_embeddings_ = make.normal({config.vocab_size, hidden});
    if (config.pad_token_id) {
        const c10::NoGradGuard no_grad;
        word_embeddings_[*config.pad_token_id].zero_();
    }
    position_embeddings_ = make.normal({config.max_position_embeddings, hidden});
    type_embeddings_ = make.normal({config.type_vocab_size, hidden});
    embedding_norm_ = Initializer::layer_norm(hidden);
    for (std::int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
        BertBlock block;
        block.query_key_value = make.linear(3 * hidden, hidden);
        block.attention_output = make.linear(hidden, hidden);
        block.attention_norm = Initializer::layer_norm(hidden);
        block.intermediate = make.linear(config.intermediate_size, hidden);
        block.output = make.linear(hidden, config.intermediate_size);
        block.output_norm = Initializer::layer_norm(hidden);
        blocks_.push_back(std::move(block));
    }
    pooler_ = make.linear(hidden, hidden);
    classifier_ = make.linear(classes, hidden);
}

BertOutput BertClassifier::forward(const PackedInput& input,
                                   const std::optional<DropoutStep>& step) const {
    const Dropout dropout(step, input);
    BertOutput output;
    // The padding row gets no gradient, as in nn.Embedding(padding_idx=...).
    const at::Tensor words = at::embedding(word_embeddings_, input.ids,
                                           config_.pad_token_id ? *config_.pad_token_id : -1);
    const at::Tensor sum = words + at::embedding(position_embeddings_, input.positions) +
                           at::embedding(type_embeddings_, input.type_ids);
    output.embeddings = dropout.rows(apply(embedding_norm_, sum, config_.layer_norm_eps),
                                     config_.hidden_dropout_prob, 0, DropoutSite::kEmbeddings);
    at::Tensor x = output.embeddings;
    const bool is_fused = form_ == ModelForm::kFused && x.scalar_type() == at::kFloat;
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
        const auto layer = static_cast<std::int64_t>(i);
        if (!is_fused) {
            x = run_block(blocks_[i], x, input, config_, layer, dropout);
        } else if (i + 1 < blocks_.size() || input.is_padded) {
            x = run_fused_block(blocks_[i], x, input, at::Tensor(), config_, layer, dropout);
        } else {
            x = run_fused_block(blocks_[i], x, input, input.first_rows, config_, layer, dropout);
        }
        output.blocks.push_back(x);
    }
    const bool has_first_rows_only = is_fused && !input.is_padded && !blocks_.empty();
    const at::Tensor first_rows =
        has_first_rows_only ? x : at::index_select(x, 0, input.first_rows);
    output.pooled = at::tanh(apply(pooler_, first_rows));
    output.logits =
        apply(classifier_, dropout.pooled(output.pooled, config_.effective_classifier_dropout()));
    return output;
}

/// Call visit(name, tensor, is_decayed, parts) for each leaf. `parts` is 3 for query, key and
/// value, whose name holds a "{}" for the part.
template <class Visit>
void BertClassifier::visit_leaves(Visit visit) const {
    const auto linear = [&](const std::string& name, const LinearWeights& weights) {
        visit(name + ".weight", weights.weight, true, 1);
        visit(name + ".bias", weights.bias, false, 1);
    };
    const auto norm = [&](const std::string& name, const LayerNormWeights& weights) {
        visit(name + ".weight", weights.weight, false, 1);
        visit(name + ".bias", weights.bias, false, 1);
    };
    visit("bert.embeddings.word_embeddings.weight", word_embeddings_, true, 1);
    visit("bert.embeddings.position_embeddings.weight", position_embeddings_, true, 1);
    visit("bert.embeddings.token_type_embeddings.weight", type_embeddings_, true, 1);
    norm("bert.embeddings.LayerNorm", embedding_norm_);
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
        const BertBlock& block = blocks_[i];
        const std::string layer = fmt::format("bert.encoder.layer.{}.", i);
        visit(layer + "attention.self.{}.weight", block.query_key_value.weight, true, 3);
        visit(layer + "attention.self.{}.bias", block.query_key_value.bias, false, 3);
        linear(layer + "attention.output.dense", block.attention_output);
        norm(layer + "attention.output.LayerNorm", block.attention_norm);
        linear(layer + "intermediate.dense", block.intermediate);
        linear(layer + "output.dense", block.output);
        norm(layer + "output.LayerNorm", block.output_norm);
    }
    linear("bert.pooler.dense", pooler_);
    linear("classifier", classifier_);
}

std::vector<TrainedTensor> BertClassifier::trained_tensors() const {
    std::vector<TrainedTensor> tensors;
    visit_leaves([&](const std::string&, const at::Tensor& tensor, bool is_decayed, int) {
        tensors.push_back({tensor, is_decayed});
    });
    return tensors;
}

std::vector<NamedTensor> BertClassifier::by_name(bool gradients) const {
    static constexpr const char* kParts[] = {"query", "key", "value"};
    std::vector<NamedTensor> named;
    visit_leaves([&](const std::string& name, const at::Tensor& leaf, bool, int parts) {
        const at::Tensor tensor = gradients ? leaf.grad() : leaf.detach();
        if (parts == 1) {
            named.push_back({name, tensor});
            return;
        }
        const std::vector<at::Tensor> chunks = tensor.chunk(parts, 0);
        for (std::size_t part = 0; part < chunks.size(); ++part) {
            named.push_back({fmt::format(fmt::runtime(name), kParts[part]), chunks[part]});
        }
    });
    return named;
}

std::vector<NamedTensor> BertClassifier::named_tensors() const {
    return by_name(false);
}

std::vector<NamedTensor> BertClassifier::named_gradients() const {
    return by_name(true);
}

void BertClassifier::clear_gradients() {
    for (const TrainedTensor& trained : trained_tensors()) {
        trained.tensor.mutable_grad().reset();
    }
}

void BertClassifier::convert_to(at::ScalarType type) {
    for (const TrainedTensor& trained : trained_tensors()) {
        trained.tensor.set_data(trained.tensor.detach().to(type));
    }
}

}  // namespace finewatt
