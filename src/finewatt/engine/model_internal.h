// Model: a BERT or DistilBERT encoder with a head, as memory: one flat buffer of values, one of
// gradients, and tensors that are views into them. It computes nothing: the plain form
// (plain_model_internal.h) and the fast one do.
//
// Shapes: H hidden, F feed-forward, V vocabulary, P positions, C labels.
#pragma once

#include "finewatt/data/model_config.h"
#include "finewatt/engine/parameter_layout.h"
#include "finewatt/engine/torch_internal.h"

#include <cstdint>
#include <span>
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
struct EncoderBlock {
    LinearWeights query_key_value;   ///< [3H, H]
    LinearWeights attention_output;  ///< [H, H]
    LinearWeights intermediate;      ///< [F, H]
    LinearWeights output;            ///< [H, F]
    LayerNormWeights attention_norm;
    LayerNormWeights output_norm;
};

/// Views into one flat buffer: the values of a model or, with equal shapes, their gradients.
struct ModelTensors {
    at::Tensor word_embeddings;      ///< [V, H]
    at::Tensor position_embeddings;  ///< [P, H]
    at::Tensor type_embeddings;      ///< [types, H]; undefined for DistilBERT
    LayerNormWeights embedding_norm;
    std::vector<EncoderBlock> blocks;
    /// Classification only, else undefined: BERT's pooler (followed by tanh), DistilBERT's
    /// pre_classifier (followed by ReLU). [H, H]
    LinearWeights head_dense;
    LinearWeights head;  ///< classifier [C, H] or qa_outputs [2, H]
};

/// A tensor under its Hugging Face name.
struct NamedTensor {
    std::string name;
    at::Tensor tensor;
};

/// Can be moved, not copied. Tensors are handles: whoever holds one of a const Model can write
/// through it. One thread at a time.
class Model {
  public:
    /// Make a model with new weights: normal(0, initializer_range), biases 0, LayerNorm 1 and 0,
    /// the padding row of the word embeddings 0 (_init_weights of transformers 5.17). The same seed
    /// gives the same weights. float32. `config` and `labels` as for ParameterLayout::make.
    Model(const ModelConfig& config, HeadKind head, std::int64_t labels, std::uint64_t seed);

    Model(Model&&) = default;
    Model& operator=(Model&&) = default;
    Model(const Model&) = delete;
    Model& operator=(const Model&) = delete;
    ~Model() = default;

    const ModelConfig& config() const { return config_; }

    HeadKind head_kind() const { return head_; }

    std::int64_t labels() const { return labels_; }

    const ParameterLayout& layout() const { return layout_; }

    /// Return the parameters. Not part of any autograd graph.
    const ModelTensors& values() const { return values_; }

    /// Return where the gradients are gathered. 0 until something adds to them; memory is taken by
    /// the first who writes.
    const ModelTensors& gradients() const { return gradients_; }

    /// Return all values or gradients, [layout().size()].
    const at::Tensor& flat_values() const { return flat_values_; }

    const at::Tensor& flat_gradients() const { return flat_gradients_; }

    /// Set all gradients to 0.
    void clear_gradients() const;

    /// Return leaves of a new autograd graph over the values; a backward pass adds to gradients().
    ModelTensors autograd_leaves() const;

    /// Return every parameter under its name in a Hugging Face file; query, key and value apart.
    /// The tensors share the model's memory and are contiguous.
    std::vector<NamedTensor> named_tensors() const;

    /// Return the gradients, under the same names.
    std::vector<NamedTensor> named_gradients() const;

    /// Convert values and gradients to another type, with memory of their own (the oracle's tests
    /// use float64). Tensors handed out before belong to the old memory.
    void convert_to(at::ScalarType type);

  private:
    void bind();
    std::vector<NamedTensor> by_name(const at::Tensor& flat) const;

    ModelConfig config_;
    HeadKind head_;
    std::int64_t labels_;
    ParameterLayout layout_;
    at::Tensor flat_values_;
    at::Tensor flat_gradients_;
    ModelTensors values_;
    ModelTensors gradients_;
};

/// Return the contiguous part of a flat buffer that belongs to a parameter, in its shape.
at::Tensor parameter_view(const at::Tensor& flat, const ParameterSpec& spec);

}  // namespace finewatt
