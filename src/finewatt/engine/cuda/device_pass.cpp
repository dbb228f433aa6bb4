#include "finewatt/engine/cuda/device_pass_internal.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>

#include <optional>
#include <type_traits>
#include <vector>

namespace finewatt {
namespace {

RowActivation row_activation(Activation activation) {
    switch (activation) {
        case Activation::kGelu:
            return RowActivation::kGelu;
        case Activation::kGeluTanh:
            return RowActivation::kGeluTanh;
        case Activation::kRelu:
            break;
    }
    return RowActivation::kRelu;
}

/// A dense layer: products read `weight` and, where no kernel adds it, `product_bias`.
struct Dense {
    at::Tensor weight;
    at::Tensor product_bias;
    at::Tensor bias;
    at::Tensor weight_gradient;
    at::Tensor bias_gradient;
};

struct Norm {
    at::Tensor gain;
    at::Tensor shift;
    at::Tensor gain_gradient;
    at::Tensor shift_gradient;
};

/// A table of embeddings and its gradient; undefined for models without token types.
struct Table {
    at::Tensor values;
    at::Tensor gradient;
};

struct BlockLayers {
    Dense query_key_value;
    Dense attention_output;
    Norm attention_norm;
    Dense intermediate;
    Dense output;
    Norm output_norm;
};

/// The views of the state's buffers, cut as the model's own are.
class Views {
  public:
    Views(const Model& model, const DeviceState& state) : model_(model), state_(state) {}

    Dense dense(const LinearWeights& of_model, bool is_low) const {
        const at::Tensor& operands =
            is_low && state_.low_values.defined() ? state_.low_values : state_.values;
        return {cut(operands, of_model.weight), cut(operands, of_model.bias),
                cut(state_.values, of_model.bias), cut(state_.gradients, of_model.weight),
                cut(state_.gradients, of_model.bias)};
    }

    Norm norm(const LayerNormWeights& of_model) const {
        return {cut(state_.values, of_model.weight), cut(state_.values, of_model.bias),
                cut(state_.gradients, of_model.weight), cut(state_.gradients, of_model.bias)};
    }

    Table table(const at::Tensor& of_model) const {
        if (!of_model.defined()) {
            return {};
        }
        return {cut(state_.values, of_model), cut(state_.gradients, of_model)};
    }

    BlockLayers block(const EncoderBlock& of_model) const {
        return {dense(of_model.query_key_value, true), dense(of_model.attention_output, true),
                norm(of_model.attention_norm),         dense(of_model.intermediate, true),
                dense(of_model.output, true),          norm(of_model.output_norm)};
    }

  private:
    /// Undefined where `flat` is: gradients of an inference.
    at::Tensor cut(const at::Tensor& flat, const at::Tensor& of_model) const {
        if (!flat.defined()) {
            return {};
        }
        const std::int64_t offset =
            of_model.storage_offset() - model_.flat_values().storage_offset();
        return flat.narrow(0, offset, of_model.numel()).view(of_model.sizes());
    }

    const Model& model_;
    const DeviceState& state_;
};

float* floats(const at::Tensor& tensor) {
    return tensor.mutable_data_ptr<float>();
}

/// The elements that products read and write.
template <class T>
T* data(const at::Tensor& tensor) {
    if constexpr (std::is_same_v<T, float>) {
        return floats(tensor);
    } else {
        return reinterpret_cast<T*>(tensor.mutable_data_ptr<at::BFloat16>());
    }
}

/// What a LayerNorm leaves: its result, in float32 and as products read it.
struct NormKept {
    at::Tensor normalised;  ///< [rows, H]
    at::Tensor inverse;     ///< [rows]
    at::Tensor wide;        ///< [rows, H], float32
    at::Tensor low;         ///< the same for products; `wide` itself for float32
};

/// What a block leaves for its backward pass.
struct BlockKept {
    NormKept in;
    QueryKeyValue attention_in;
    AttentionKept attention;
    at::Tensor context;  ///< [T, H]
    NormKept attended;
    at::Tensor before_activation;  ///< [T, F], without bias
    at::Tensor inner;              ///< [T, F]
    NormKept out;
};

/// What the head leaves.
struct HeadKept {
    at::Tensor first;              ///< [S, H], texts only
    at::Tensor before_activation;  ///< [S, H], texts only
    at::Tensor last_input;
    at::Tensor logits;
};

template <class T>
class Pass final : public DevicePass {
  public:
    Pass(const Model& model, const DeviceState& state, const DeviceOps& ops)
        : model_(model),
          config_(model.config()),
          state_(state),
          ops_(ops) {
        const Views views(model, state);
        const ModelTensors& tensors = model.values();
        words_ = views.table(tensors.word_embeddings);
        positions_ = views.table(tensors.position_embeddings);
        types_ = views.table(tensors.type_embeddings);
        embedding_norm_ = views.norm(tensors.embedding_norm);
        for (const EncoderBlock& block : tensors.blocks) {
            blocks_.push_back(views.block(block));
        }
        // Heads are float32 whatever the encoder is: they are small, and their input is.
        if (is_for_texts()) {
            head_dense_ = views.dense(tensors.head_dense, false);
        }
        head_ = views.dense(tensors.head, false);
    }

    at::Tensor forward(const DeviceInput& input) override {
        input_ = &input;
        has_dropout_ = false;
        NormKept rows = embed();
        for (std::size_t block = 0; block < blocks_.size(); ++block) {
            rows = run_block(block, rows).out;
        }
        return run_head(rows.wide).logits;
    }

    void step(const DeviceInput& input, bool is_added) override {
        input_ = &input;
        has_dropout_ = true;
        is_added_ = is_added;
        if (!is_added) {
            clear_sums();
        }
        const NormKept embedded = embed();
        std::vector<BlockKept> kept;
        kept.reserve(blocks_.size());
        for (std::size_t block = 0; block < blocks_.size(); ++block) {
            kept.push_back(run_block(block, kept.empty() ? embedded : kept.back().out));
        }
        gradient_ = head_backward(run_head(kept.empty() ? embedded.wide : kept.back().out.wide));
        product_gradient_.reset();
        while (!kept.empty()) {
            block_backward(kept.size() - 1, kept.back());
            kept.pop_back();  // its memory is free for the blocks before it
        }
        embed_backward(embedded);
        gradient_.reset();
        product_gradient_.reset();
    }

  private:
    bool is_for_texts() const { return model_.head_kind() == HeadKind::kClassification; }

    std::int64_t rows() const { return input_->layout.shape.rows; }

    std::int64_t hidden() const { return config_.hidden_size; }

    DeviceStream stream() const { return ops_.stream(); }

    at::Tensor wide_rows(std::int64_t count, std::int64_t columns) const {
        return at::empty({count, columns}, state_.values.options());
    }

    at::Tensor low_rows(std::int64_t columns) const {
        return at::empty(
            {rows(), columns},
            (state_.low_values.defined() ? state_.low_values : state_.values).options());
    }

    RowMask mask(double p, std::int64_t layer, DropoutSite site, std::int64_t places) const {
        if (!has_dropout_ || p <= 0) {
            return {};
        }
        return {input_->values(), input_->at(places), static_cast<std::uint32_t>(layer),
                static_cast<std::uint32_t>(site), mask_rule(p)};
    }

    RowMask row_mask(double p, std::size_t layer, DropoutSite site) const {
        return mask(p, static_cast<std::int64_t>(layer), site, input_->layout.places);
    }

    NormShape norm_shape(const Norm& norm) const {
        return {rows(), hidden(), floats(norm.gain), floats(norm.shift),
                static_cast<float>(config_.layer_norm_eps)};
    }

    NormKept norm_kept() const {
        NormKept kept{wide_rows(rows(), hidden()),
                      at::empty({rows()}, state_.values.options()),
                      wide_rows(rows(), hidden()),
                      {}};
        kept.low = state_.low_values.defined() ? low_rows(hidden()) : kept.wide;
        return kept;
    }

    NormResults results(const NormKept& kept) const {
        Bfloat16* low = nullptr;
        if constexpr (!std::is_same_v<T, float>) {
            low = data<T>(kept.low);
        }
        return {floats(kept.normalised), floats(kept.inverse), floats(kept.wide), low};
    }

    // ---- forward ----

    RowMask embedding_mask() const {
        return row_mask(config_.hidden_dropout_prob, 0, DropoutSite::kEmbeddings);
    }

    NormKept embed() const {
        const InputLayout& layout = input_->layout;
        EmbeddingSum sum{input_->at(layout.ids), input_->at(layout.positions), nullptr,
                         floats(words_.values),  floats(positions_.values),    nullptr};
        if (types_.values.defined()) {
            sum.type_ids = input_->at(layout.type_ids);
            sum.types = floats(types_.values);
        }
        NormKept kept = norm_kept();
        embed_forward(stream(), norm_shape(embedding_norm_), sum, embedding_mask(), results(kept));
        return kept;
    }

    RowMask attention_output_mask(std::size_t block) const {
        return row_mask(config_.attention_output_dropout(), block, DropoutSite::kAttentionOutput);
    }

    RowMask feed_forward_mask(std::size_t block) const {
        return row_mask(config_.hidden_dropout_prob, block, DropoutSite::kFeedForwardOutput);
    }

    double attention_dropout() const {
        return has_dropout_ ? config_.attention_probs_dropout_prob : 0;
    }

    NormKept add_and_norm(const Dense& dense, const Norm& norm, const RowMask& mask,
                          const at::Tensor& product, const at::Tensor& residual) const {
        NormKept kept = norm_kept();
        norm_forward(stream(), norm_shape(norm), mask, floats(dense.bias), data<T>(product),
                     floats(residual), results(kept));
        return kept;
    }

    ActivationRows inner_rows(const Dense& dense) const {
        return {row_activation(config_.hidden_act), rows(), config_.intermediate_size,
                floats(dense.bias)};
    }

    BlockKept run_block(std::size_t block, const NormKept& in) const {
        const BlockLayers& layers = blocks_[block];
        BlockKept kept;
        kept.in = in;
        const Dense& all = layers.query_key_value;
        kept.attention_in = split(at::addmm(all.product_bias, in.low, all.weight.t()));
        kept.attention = ops_.attention(kept.attention_in, attention_places(), attention_dropout());
        kept.context = kept.attention.context.view({rows(), hidden()});
        kept.attended = add_and_norm(layers.attention_output, layers.attention_norm,
                                     attention_output_mask(block),
                                     kept.context.mm(layers.attention_output.weight.t()), in.wide);
        kept.before_activation = kept.attended.low.mm(layers.intermediate.weight.t());
        kept.inner = low_rows(config_.intermediate_size);
        activation_forward(stream(), inner_rows(layers.intermediate),
                           data<T>(kept.before_activation), data<T>(kept.inner));
        kept.out = add_and_norm(layers.output, layers.output_norm, feed_forward_mask(block),
                                kept.inner.mm(layers.output.weight.t()), kept.attended.wide);
        return kept;
    }

    // ---- attention ----

    bool has_padding() const { return input_->keys < rows(); }

    at::Tensor key_rows() const { return input_->tensor(input_->layout.key_rows, input_->keys); }

    AttentionPlaces attention_places() const {
        const InputLayout& layout = input_->layout;
        const std::int64_t count = layout.shape.sequences + 1;
        return {input_->tensor(layout.begins, count),
                input_->tensor(has_padding() ? layout.key_begins : layout.begins, count),
                layout.shape.longest};
    }

    /// From [T, 3H] to query, key and value; where there is padding, its keys are left out.
    QueryKeyValue split(const at::Tensor& all) const {
        const std::int64_t heads = config_.num_attention_heads;
        const at::Tensor parts = all.view({rows(), 3, heads, config_.head_size()});
        if (!has_padding()) {
            return {parts.select(1, 0), parts.select(1, 1), parts.select(1, 2)};
        }
        const at::Tensor keys = parts.narrow(1, 1, 2).index_select(0, key_rows());
        return {parts.select(1, 0), keys.select(1, 0), keys.select(1, 1)};
    }

    /// The way back, for gradients. Keys of padding had no part in anything.
    at::Tensor join(const QueryKeyValue& parts) const {
        if (!has_padding()) {
            return at::stack({parts[0], parts[1], parts[2]}, 1).view({rows(), 3 * hidden()});
        }
        at::Tensor keys =
            at::zeros({rows(), 2, parts[0].size(1), parts[0].size(2)}, parts[0].options());
        keys.index_copy_(0, key_rows().to(at::kLong), at::stack({parts[1], parts[2]}, 1));
        return at::cat({parts[0].unsqueeze(1), keys}, 1).view({rows(), 3 * hidden()});
    }

    // ---- backward ----

    /// Set what backward adds to, and does not write, to 0.
    void clear_sums() const {
        const std::int64_t decayed = model_.layout().decayed_size();
        state_.gradients.narrow(0, decayed, model_.layout().size() - decayed).zero_();
        for (const Table* table : {&words_, &positions_, &types_}) {
            if (table->gradient.defined()) {
                table->gradient.zero_();
            }
        }
    }

    NormUpstream<T> upstream(const NormKept& kept) const {
        return {floats(gradient_),
                product_gradient_.defined() ? data<T>(product_gradient_) : nullptr,
                floats(kept.normalised), floats(kept.inverse)};
    }

    /// On entry gradient_ and product_gradient_ add up to the gradient of kept's rows. On return
    /// gradient_ is that of the residual, and product_gradient_ that of the product of `dense`.
    void norm_backward(const NormKept& kept, const Dense& dense, const Norm& norm,
                       const RowMask& mask) {
        const NormUpstream<T> from = upstream(kept);
        const at::Tensor x = product_gradient_.defined() ? product_gradient_ : low_rows(hidden());
        finewatt::norm_backward(stream(), norm_shape(norm), mask, from,
                                {floats(gradient_), data<T>(x), floats(dense.bias_gradient),
                                 floats(norm.gain_gradient), floats(norm.shift_gradient)});
        product_gradient_ = x;
    }

    /// Return the gradient of x and write that of the weight.
    at::Tensor product_backward(const Dense& dense, const at::Tensor& dy,
                                const at::Tensor& x) const {
        ops_.weight_gradient(dy, x, is_added_, dense.weight_gradient);
        return dy.mm(dense.weight);
    }

    void block_backward(std::size_t block, const BlockKept& kept) {
        const BlockLayers& layers = blocks_[block];
        norm_backward(kept.out, layers.output, layers.output_norm, feed_forward_mask(block));
        const at::Tensor inner = product_backward(layers.output, product_gradient_, kept.inner);
        activation_backward(stream(), inner_rows(layers.intermediate),
                            data<T>(kept.before_activation), data<T>(inner), data<T>(inner),
                            floats(layers.intermediate.bias_gradient));
        product_gradient_ = product_backward(layers.intermediate, inner, kept.attended.low);
        norm_backward(kept.attended, layers.attention_output, layers.attention_norm,
                      attention_output_mask(block));
        const at::Tensor context =
            product_backward(layers.attention_output, product_gradient_, kept.context);
        const at::Tensor all = join(
            ops_.attention_backward(context.view(kept.attention.context.sizes()), kept.attention_in,
                                    kept.attention, attention_places(), attention_dropout()));
        const Dense& dense = layers.query_key_value;
        column_sums(stream(), rows(), 3 * hidden(), data<T>(all), floats(dense.bias_gradient));
        product_gradient_ = product_backward(dense, all, kept.in.low);
    }

    void embed_backward(const NormKept& embedded) const {
        const InputLayout& layout = input_->layout;
        finewatt::embed_backward(stream(), norm_shape(embedding_norm_), embedding_mask(),
                                 upstream(embedded), floats(gradient_),
                                 floats(embedding_norm_.gain_gradient),
                                 floats(embedding_norm_.shift_gradient));
        const auto scatter = [&](std::int64_t ids, std::int32_t skipped, const Table& table) {
            if (table.gradient.defined()) {
                scatter_add_rows(stream(), rows(), hidden(), input_->at(ids), skipped,
                                 floats(gradient_), floats(table.gradient));
            }
        };
        // The padding row gets no gradient, as in nn.Embedding(padding_idx=...).
        scatter(layout.ids, config_.pad_token_id.value_or(-1), words_);
        scatter(layout.positions, -1, positions_);
        scatter(layout.type_ids, -1, types_);
    }

    // ---- head ----

    RowMask head_mask() const {
        const double p = config_.head_dropout(model_.head_kind());
        const InputLayout& layout = input_->layout;
        return is_for_texts() ? mask(p, 0, DropoutSite::kPooled, layout.first_places)
                              : mask(p, 0, DropoutSite::kHeadRows, layout.places);
    }

    std::int64_t head_rows() const {
        return is_for_texts() ? input_->layout.shape.sequences : rows();
    }

    ActivationRows pooler_rows() const {
        // BERT's pooler has a tanh, DistilBERT's pre_classifier a ReLU (transformers 5.17).
        return {config_.family == ModelFamily::kBert ? RowActivation::kTanh : RowActivation::kRelu,
                head_rows(), hidden(), floats(head_dense_.bias)};
    }

    HeadKept run_head(const at::Tensor& encoded) const {
        HeadKept kept;
        kept.last_input = encoded;
        if (is_for_texts()) {
            kept.first = wide_rows(head_rows(), hidden());
            gather_rows(stream(), head_rows(), hidden(), input_->at(input_->layout.first_rows),
                        floats(encoded), floats(kept.first));
            kept.before_activation = kept.first.mm(head_dense_.weight.t());
            kept.last_input = wide_rows(head_rows(), hidden());
            activation_forward(stream(), pooler_rows(), floats(kept.before_activation),
                               floats(kept.last_input));
        }
        if (const RowMask mask = head_mask(); mask.step != nullptr) {
            const at::Tensor dropped = wide_rows(head_rows(), hidden());
            drop_rows(stream(), head_rows(), hidden(), mask, floats(kept.last_input),
                      floats(dropped));
            kept.last_input = dropped;
        }
        kept.logits = at::addmm(head_.bias, kept.last_input, head_.weight.t());
        return kept;
    }

    /// Logits become their gradient.
    void losses(const at::Tensor& logits) const {
        const InputLayout& layout = input_->layout;
        float* sum = floats(state_.loss_sum);
        if (model_.head_kind() == HeadKind::kQuestionAnswering) {
            span_losses(
                stream(),
                {layout.shape.sequences, input_->at(layout.first_rows), input_->at(layout.lengths),
                 input_->at(layout.labels), input_->at(layout.ends)},
                input_->values(), floats(logits), sum);
            return;
        }
        row_losses(stream(), head_rows(), model_.labels(),
                   input_->at(is_for_texts() ? layout.labels : layout.token_labels),
                   input_->values(), floats(logits), sum);
    }

    /// Return the gradient of the encoder's rows [T, H].
    at::Tensor head_backward(const HeadKept& kept) const {
        losses(kept.logits);
        column_sums(stream(), head_rows(), model_.labels(), floats(kept.logits),
                    floats(head_.bias_gradient));
        const at::Tensor gradient = product_backward(head_, kept.logits, kept.last_input);
        if (const RowMask mask = head_mask(); mask.step != nullptr) {
            drop_rows(stream(), head_rows(), hidden(), mask, floats(gradient), floats(gradient));
        }
        if (!is_for_texts()) {
            return gradient;
        }
        activation_backward(stream(), pooler_rows(), floats(kept.before_activation),
                            floats(gradient), floats(gradient), floats(head_dense_.bias_gradient));
        const at::Tensor first = product_backward(head_dense_, gradient, kept.first);
        at::Tensor all = at::zeros({rows(), hidden()}, state_.values.options());
        scatter_add_rows(stream(), head_rows(), hidden(), input_->at(input_->layout.first_rows), -1,
                         floats(first), floats(all));
        return all;
    }

    const Model& model_;
    const ModelConfig& config_;
    const DeviceState& state_;
    const DeviceOps& ops_;
    Table words_;
    Table positions_;
    Table types_;
    Norm embedding_norm_;
    std::vector<BlockLayers> blocks_;
    Dense head_dense_;
    Dense head_;

    // Of the pass that runs.
    const DeviceInput* input_ = nullptr;
    bool has_dropout_ = false;
    bool is_added_ = false;
    at::Tensor gradient_;          ///< float32 [T, H], of the residual stream
    at::Tensor product_gradient_;  ///< [T, H], what the product that read the rows adds to it
};

}  // namespace

std::unique_ptr<DevicePass> make_device_pass(const Model& model, const DeviceState& state,
                                             const DeviceOps& ops) {
    if (state.low_values.defined()) {
        return std::make_unique<Pass<Bfloat16>>(model, state, ops);
    }
    return std::make_unique<Pass<float>>(model, state, ops);
}

}  // namespace finewatt
