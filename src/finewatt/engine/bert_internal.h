// BertClassifier: a BERT encoder with pooler and classification head, with autograd. It has two
// forms: plain LibTorch operations, made to be read and the oracle; and the same with fused
// operations (fused_ops_internal.h), which is the default for float32. Post-LN blocks as in Devlin
// et al. 2019 and transformers 5.17 (modeling_bert.py).
//
// Shapes: T packed rows, B sequences, H hidden, A heads, D = H / A, F feed-forward, C classes.
#pragma once

#include "finewatt/data/model_config.h"
#include "finewatt/engine/dropout_internal.h"
#include "finewatt/engine/packed_input_internal.h"
#include "finewatt/engine/torch_internal.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace finewatt {

/// Weight [out, in] and bias [out] of y = x W^T + b.
struct LinearWeights {
    at::Tensor weight;
    at::Tensor bias;
};

/// Gain and shift [H].
struct LayerNormWeights {
    at::Tensor weight;
    at::Tensor bias;
};

/// One encoder block. Query, key and value lie together, so that one product makes all three.
struct BertBlock {
    LinearWeights query_key_value;   ///< [3H, H]
    LinearWeights attention_output;  ///< [H, H]
    LayerNormWeights attention_norm;
    LinearWeights intermediate;  ///< [F, H]
    LinearWeights output;        ///< [H, F]
    LayerNormWeights output_norm;
};

/// A tensor under its Hugging Face name.
struct NamedTensor {
    std::string name;
    at::Tensor tensor;
};

/// A leaf of the autograd graph and what the optimizer must know of it.
struct TrainedTensor {
    at::Tensor tensor;
    bool is_decayed = true;  ///< false for biases and LayerNorm
};

/// What a forward pass returns. The intermediate results are kept for tests.
struct BertOutput {
    at::Tensor embeddings;  ///< [T, H]
    /// [T, H] after each block, in packed order. In the fused form of an unpadded batch the last
    /// one holds the rows of the first tokens only, [B, H] in the order of the batch: the pooler
    /// reads no others.
    std::vector<at::Tensor> blocks;
    at::Tensor pooled;  ///< [B, H], in the order of the batch
    at::Tensor logits;  ///< [B, C], in the order of the batch
};

/// Which operations a model is computed with. float64 is always computed in plain ones.
enum class ModelForm { kFused, kPlain };

/// One thread at a time.
class BertClassifier {
  public:
    /// Make a model with random weights: normal(0, initializer_range), biases 0, LayerNorm 1 and 0,
    /// the padding row of the word embeddings 0 (BertPreTrainedModel._init_weights, 5.17). The
    /// config must have passed check_model_config.
    BertClassifier(const ModelConfig& config, std::int64_t classes, std::uint64_t seed);

    /// Run the model. With `dropout` the masks of that step are applied (training); without, none.
    BertOutput forward(const PackedInput& input, const std::optional<DropoutStep>& dropout) const;

    /// Return the tensors to train, in a fixed order.
    std::vector<TrainedTensor> trained_tensors() const;

    /// Return every weight under its name in a BertForSequenceClassification file. The tensors
    /// share memory with the model; query, key and value are parts of one tensor.
    std::vector<NamedTensor> named_tensors() const;

    /// Return the gradients of the last backward pass under the same names.
    std::vector<NamedTensor> named_gradients() const;

    /// Forget the gradients.
    void clear_gradients();

    /// Convert all weights (tests use float64).
    void convert_to(at::ScalarType type);

    void set_form(ModelForm form) { form_ = form; }

    const ModelConfig& config() const { return config_; }

    std::int64_t classes() const { return classes_; }

  private:
    template <class Visit>
    void visit_leaves(Visit visit) const;
    std::vector<NamedTensor> by_name(bool gradients) const;

    ModelConfig config_;
    std::int64_t classes_;
    ModelForm form_ = ModelForm::kFused;
    at::Tensor word_embeddings_;      ///< [V, H]
    at::Tensor position_embeddings_;  ///< [P, H]
    at::Tensor type_embeddings_;      ///< [types, H]
    LayerNormWeights embedding_norm_;
    std::vector<BertBlock> blocks_;
    LinearWeights pooler_;      ///< [H, H]
    LinearWeights classifier_;  ///< [C, H]
};

}  // namespace finewatt
