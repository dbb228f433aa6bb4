#include "finewatt/base/check.h"
#include "finewatt/engine/arena_internal.h"
#include "finewatt/engine/encoder_pass_internal.h"
#include "finewatt/engine/fast_model_internal.h"
#include "finewatt/engine/head_pass_internal.h"
#include "finewatt/engine/torch_internal.h"

#include <algorithm>
#include <utility>
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
            return RowActivation::kRelu;
    }
    FINEWATT_CHECK(false, "every activation has a case");
}

EncoderSettings encoder_settings(const ModelConfig& config) {
    EncoderSettings settings;
    settings.hidden = config.hidden_size;
    settings.heads = config.num_attention_heads;
    settings.feed_forward = config.intermediate_size;
    settings.activation = row_activation(config.hidden_act);
    settings.eps = static_cast<float>(config.layer_norm_eps);
    settings.embedding_dropout = config.hidden_dropout_prob;
    settings.attention_dropout = config.attention_probs_dropout_prob;
    settings.attention_output_dropout = config.attention_output_dropout();
    settings.feed_forward_dropout = config.hidden_dropout_prob;
    return settings;
}

HeadSettings head_settings(const Model& model) {
    const ModelConfig& config = model.config();
    HeadSettings settings;
    settings.kind = model.head_kind();
    settings.hidden = config.hidden_size;
    settings.labels = model.labels();
    settings.dense_activation =
        config.family == ModelFamily::kBert ? RowActivation::kTanh : RowActivation::kRelu;
    settings.dropout = config.head_dropout(model.head_kind());
    return settings;
}

/// Makes the views of weights that the passes read, over float32 values or their bfloat16 copy.
class WeightViews {
  public:
    /// `low` is null for float32.
    WeightViews(const Model& model, const Bfloat16* low)
        : flat_(model.flat_values().const_data_ptr<float>()),
          low_(low),
          values_(model.values()),
          gradients_(model.gradients()) {}

    EncoderWeights encoder() const {
        EncoderWeights weights;
        weights.words = table(values_.word_embeddings, gradients_.word_embeddings);
        weights.positions = table(values_.position_embeddings, gradients_.position_embeddings);
        if (values_.type_embeddings.defined()) {
            weights.types = table(values_.type_embeddings, gradients_.type_embeddings);
        }
        weights.embedding_norm = norm(values_.embedding_norm, gradients_.embedding_norm);
        for (std::size_t i = 0; i < values_.blocks.size(); ++i) {
            weights.blocks.push_back(block(values_.blocks[i], gradients_.blocks[i]));
        }
        return weights;
    }

    /// Heads are float32 whatever the encoder is: they are small, and their input is.
    HeadWeights head() const {
        const WeightViews wide(flat_, nullptr, values_, gradients_);
        HeadWeights weights;
        if (values_.head_dense.weight.defined()) {
            weights.dense = wide.dense(values_.head_dense, gradients_.head_dense, Bias::kInKernel);
        }
        weights.last = wide.dense(values_.head, gradients_.head, Bias::kInProduct);
        return weights;
    }

  private:
    /// Who adds a bias.
    enum class Bias { kInKernel, kInProduct };

    WeightViews(const float* flat, const Bfloat16* low, const ModelTensors& values,
                const ModelTensors& gradients)
        : flat_(flat),
          low_(low),
          values_(values),
          gradients_(gradients) {}

    static const float* data(const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); }

    static float* place(const at::Tensor& tensor) { return tensor.mutable_data_ptr<float>(); }

    /// What products read for a parameter.
    const void* operand(const float* value) const {
        return low_ == nullptr ? static_cast<const void*>(value) : low_ + (value - flat_);
    }

    DenseLayer dense(const LinearWeights& value, const LinearWeights& gradient, Bias bias) const {
        DenseLayer layer;
        layer.weights.out = value.weight.size(0);
        layer.weights.in = value.weight.size(1);
        layer.weights.type = low_ == nullptr ? GemmType::kFloat32 : GemmType::kBfloat16;
        layer.weights.weight = operand(data(value.weight));
        layer.weights.bias = bias == Bias::kInProduct ? operand(data(value.bias)) : nullptr;
        layer.bias = data(value.bias);
        layer.weight_gradient = place(gradient.weight);
        layer.bias_gradient = place(gradient.bias);
        return layer;
    }

    /// The rows [begin, begin + count) of a dense layer with its bias in the product.
    DenseLayer rows_of(const LinearWeights& value, const LinearWeights& gradient,
                       std::int64_t begin, std::int64_t count) const {
        const auto part = [&](const LinearWeights& whole) {
            return LinearWeights{whole.weight.narrow(0, begin, count),
                                 whole.bias.narrow(0, begin, count)};
        };
        return dense(part(value), part(gradient), Bias::kInProduct);
    }

    static NormLayer norm(const LayerNormWeights& value, const LayerNormWeights& gradient) {
        return {data(value.weight), data(value.bias), place(gradient.weight), place(gradient.bias)};
    }

    static EmbeddingTable table(const at::Tensor& value, const at::Tensor& gradient) {
        return {data(value), place(gradient)};
    }

    BlockWeights block(const EncoderBlock& value, const EncoderBlock& gradient) const {
        const LinearWeights& all = value.query_key_value;
        const LinearWeights& all_gradient = gradient.query_key_value;
        const std::int64_t hidden = all.weight.size(1);
        BlockWeights weights;
        weights.query_key_value = dense(all, all_gradient, Bias::kInProduct);
        weights.query = rows_of(all, all_gradient, 0, hidden);
        weights.key_value = rows_of(all, all_gradient, hidden, 2 * hidden);
        weights.attention_output =
            dense(value.attention_output, gradient.attention_output, Bias::kInKernel);
        weights.attention_norm = norm(value.attention_norm, gradient.attention_norm);
        weights.intermediate = dense(value.intermediate, gradient.intermediate, Bias::kInKernel);
        weights.output = dense(value.output, gradient.output, Bias::kInKernel);
        weights.output_norm = norm(value.output_norm, gradient.output_norm);
        return weights;
    }

    const float* flat_;
    const Bfloat16* low_;
    const ModelTensors& values_;
    const ModelTensors& gradients_;
};

PassInput pass_input(const Model& model, const PackedInput& input) {
    PassInput made;
    made.rows = input.ids.size(0);
    made.sequences = input.sequences.size(0);
    made.ids = input.ids.const_data_ptr<std::int32_t>();
    made.positions = input.positions.const_data_ptr<std::int32_t>();
    made.type_ids = input.type_ids.const_data_ptr<std::int32_t>();
    made.places = input.row_places.const_data_ptr<std::int32_t>();
    made.sequence_table = input.sequences.const_data_ptr<std::int32_t>();
    made.first_rows = input.first_rows.const_data_ptr<std::int64_t>();
    made.has_first_rows_only = model.head_kind() == HeadKind::kClassification && !input.is_padded;
    return made;
}

const std::int64_t* indices_of(const at::Tensor& tensor) {
    return tensor.defined() ? tensor.const_data_ptr<std::int64_t>() : nullptr;
}

HeadTargets head_targets(HeadKind kind, const PackedInput& input) {
    const HeadTargets targets{indices_of(input.labels), indices_of(input.token_labels),
                              indices_of(input.answer_starts), indices_of(input.answer_ends)};
    const bool is_set = kind == HeadKind::kClassification ? targets.labels != nullptr
                        : kind == HeadKind::kTokenClassification
                            ? targets.token_labels != nullptr
                            : targets.starts != nullptr && targets.ends != nullptr;
    FINEWATT_CHECK(is_set, "the targets of the head are set before a step");
    return targets;
}

}  // namespace

/// Everything of a FastModel. The two passes hold references into it, so it never moves.
class FastModel::Impl {
  public:
    Impl(const Model& model, const FastOptions& options, Gemm gemm)
        : model_(model),
          gemm_(std::move(gemm)),
          tools_{cpu_kernels(), gemm_} {
        FINEWATT_CHECK(model.flat_values().scalar_type() == at::kFloat,
                       "the fast path computes float32 models");
        if (options.precision == Precision::kBfloat16) {
            low_.resize(static_cast<std::size_t>(model.layout().size()));
            refresh_low_values();
        }
        const WeightViews views(model, low_.empty() ? nullptr : low_.data());
        encoder_weights_ = views.encoder();
        head_weights_ = views.head();
        const EncoderSettings settings = encoder_settings(model.config());
        if (low_.empty()) {
            encoder_ = std::make_unique<EncoderPass<float>>(settings, encoder_weights_, tools_);
        } else {
            encoder_ = std::make_unique<EncoderPass<Bfloat16>>(settings, encoder_weights_, tools_);
        }
    }

    at::Tensor forward(const PackedInput& input) {
        plan(input, false);
        const float* logits = run_forward(std::nullopt);
        at::Tensor result = at::empty({head_.logit_rows(), model_.labels()}, at::kFloat);
        std::copy_n(logits, result.numel(), result.mutable_data_ptr<float>());
        return result;
    }

    double step(const PackedInput& input, const DropoutStep& dropout, const LossScale& scale) {
        FINEWATT_CHECK(!is_packed(), "a model for inference takes no step");
        const HeadTargets targets = head_targets(model_.head_kind(), input);
        clear_sums(scale.is_added);
        plan(input, true);
        run_forward(dropout);
        const double loss = head_.loss_and_backward(targets, scale.divisor, scale.ends_divisor,
                                                    scale.is_added, encoder_->output_gradient());
        encoder_->backward(scale.is_added);
        remember_words(input);
        return loss;
    }

    void pack_weights(std::int64_t rows) {
        for (BlockWeights& block : encoder_weights_.blocks) {
            for (DenseLayer* layer : layers_of(block)) {
                layer->weights.packed = gemm_.pack(layer->weights, rows);
            }
        }
    }

    std::string describe_products() const {
        if (!is_packed()) {
            return describe(gemm_.choices());
        }
        const GemmProvider head =
            low_.empty() ? gemm_.choices().at(GemmDirection::kForward, GemmSize::kFewRows).provider
                         : GemmProvider::kAten;
        return fmt::format("forward, blocks: {}; forward, head: {}",
                           provider_name(*any_block().query_key_value.weights.packed),
                           name_of(head));
    }

    void refresh_low_values() {
        constexpr std::int64_t kPiece = 1 << 14;
        const auto size = static_cast<std::int64_t>(low_.size());
        const float* from = model_.flat_values().const_data_ptr<float>();
#pragma omp parallel for schedule(static)
        for (std::int64_t begin = 0; begin < size; begin += kPiece) {
            tools_.kernels.to_bfloat16(std::min(kPiece, size - begin), from + begin,
                                       low_.data() + begin);
        }
    }

    std::span<Bfloat16> low_values() {
        return low_;
    }

    const Gemm& gemm() const {
        return gemm_;
    }

    std::size_t activation_bytes() const {
        return arena_.size();
    }

    FastTimes take_times() {
        const PassTimes times = std::exchange(tools_.times, {});
        return {gemm_.take_work(), times.attention_s, times.norm_s, times.activation_s,
                times.embedding_s, times.bias_sums_s, times.head_s};
    }

  private:
    static std::vector<DenseLayer*> layers_of(BlockWeights& block) {
        return {&block.query_key_value,  &block.query,        &block.key_value,
                &block.attention_output, &block.intermediate, &block.output};
    }

    const BlockWeights& any_block() const {
        return encoder_weights_.blocks.front();
    }

    bool is_packed() const {
        return any_block().query_key_value.weights.packed != nullptr;
    }

    /// Plan twice, without memory and with it.
    void plan(const PackedInput& input, bool for_training) {
        const PassInput made = pass_input(model_, input);
        const auto run = [&](ArenaPlan plan) {
            const ModelConfig& config = model_.config();
            const std::int64_t widest =
                std::max({config.intermediate_size, 3 * config.hidden_size, model_.labels()});
            tools_.partials = plan.take<float>(kernel_pieces(made.rows) * widest);
            encoder_->plan(made, for_training, plan);
            head_.plan(made, encoder_->output_rows(), for_training, plan);
            return plan.bytes();
        };
        std::byte* memory = arena_.reserve(run(ArenaPlan(nullptr)));
        run(ArenaPlan(memory));
    }

    const float* run_forward(const std::optional<DropoutStep>& dropout) {
        return head_.forward(encoder_->forward(dropout), dropout);
    }

    /// Set what backward adds to, and does not write, to 0. Of the word embeddings only the rows of
    /// the last step's words are not 0 already.
    void clear_sums(bool is_added) {
        if (is_added) {
            return;
        }
        const at::Tensor& flat = model_.flat_gradients();
        const std::int64_t decayed = model_.layout().decayed_size();
        float* gradients = flat.mutable_data_ptr<float>();
        std::fill(gradients + decayed, gradients + flat.numel(), 0.0F);
        for (const at::Tensor& table :
             {model_.gradients().position_embeddings, model_.gradients().type_embeddings}) {
            if (table.defined()) {
                std::fill_n(table.mutable_data_ptr<float>(), table.numel(), 0.0F);
            }
        }
        const at::Tensor& words = model_.gradients().word_embeddings;
        if (!has_stepped_) {
            std::fill_n(words.mutable_data_ptr<float>(), words.numel(), 0.0F);
            has_stepped_ = true;
        }
        for (const std::int32_t word : words_) {
            clear_word(word);
        }
        words_.clear();
    }

    void clear_word(std::int64_t word) const {
        const std::int64_t hidden = model_.config().hidden_size;
        float* row = model_.gradients().word_embeddings.mutable_data_ptr<float>() + word * hidden;
        std::fill_n(row, hidden, 0.0F);
    }

    /// Note which rows of the word embeddings' gradient were written. The padding row gets none, as
    /// in nn.Embedding(padding_idx=...).
    void remember_words(const PackedInput& input) {
        const auto* ids = input.ids.const_data_ptr<std::int32_t>();
        words_.insert(words_.end(), ids, ids + input.ids.size(0));
        std::sort(words_.begin(), words_.end());
        words_.erase(std::unique(words_.begin(), words_.end()), words_.end());
        if (model_.config().pad_token_id) {
            clear_word(*model_.config().pad_token_id);
        }
    }

    const Model& model_;
    Gemm gemm_;
    PassTools tools_;
    std::vector<Bfloat16> low_;
    EncoderWeights encoder_weights_;
    HeadWeights head_weights_;
    Arena arena_;
    std::unique_ptr<Encoder> encoder_;
    HeadPass head_{head_settings(model_), head_weights_, tools_};
    std::vector<std::int32_t> words_;  ///< rows of the word embeddings' gradient that are not 0
    bool has_stepped_ = false;
};

namespace {

/// With bfloat16, ATen has all products but those of packed weights: there is nothing to choose.
Gemm training_gemm(const ModelConfig& config, const FastOptions& options) {
    if (options.precision == Precision::kBfloat16) {
        return Gemm(GemmChoices{});
    }
    return Gemm::make(options.gemm, config.hidden_size, config.intermediate_size);
}

}  // namespace

FastModel::FastModel(const Model& model, const FastOptions& options)
    : impl_(std::make_unique<Impl>(model, options, training_gemm(model.config(), options))) {}

FastModel::FastModel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

FastModel FastModel::for_inference(const Model& model, const FastOptions& options,
                                   std::int64_t rows) {
    auto impl = std::make_unique<Impl>(model, options, Gemm::make_for_inference(options.gemm));
    impl->pack_weights(rows);
    return FastModel(std::move(impl));
}

FastModel::FastModel(FastModel&&) noexcept = default;
FastModel& FastModel::operator=(FastModel&&) noexcept = default;
FastModel::~FastModel() = default;

at::Tensor FastModel::forward(const PackedInput& input) {
    return impl_->forward(input);
}

double FastModel::step(const PackedInput& input, const DropoutStep& step, const LossScale& scale) {
    return impl_->step(input, step, scale);
}

std::span<Bfloat16> FastModel::low_values() {
    return impl_->low_values();
}

void FastModel::refresh_low_values() {
    impl_->refresh_low_values();
}

std::string FastModel::describe_products() const {
    return impl_->describe_products();
}

std::string FastModel::product_providers() const {
    return provider_names(impl_->gemm().choices());
}

std::size_t FastModel::activation_bytes() const {
    return impl_->activation_bytes();
}

FastTimes FastModel::take_times() {
    return impl_->take_times();
}

LossScale mean_loss(const Model& model, const PackedInput& input) {
    const TargetCounts counts = count_targets(head_settings(model), pass_input(model, input),
                                              head_targets(model.head_kind(), input));
    return {static_cast<double>(counts.targets), static_cast<double>(counts.ends), false};
}

}  // namespace finewatt
