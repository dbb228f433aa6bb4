// ParameterLayout: which parameters a model has, and where each one lies in one flat buffer. The
// optimizer, the gradient norm, checkpoints and sums over processes are then one pass each.
//
// Main type: ParameterLayout. Free of LibTorch: the tensors over the buffer are Model's
// (model_internal.h). Names are those of transformers 5.17 (modeling_bert.py,
// modeling_distilbert.py); what is decayed is decided as its Trainer does: biases and the
// parameters of LayerNorm are not.
#pragma once

#include "finewatt/data/model_config.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace finewatt {

/// How a new parameter is filled. kSinusoidal: sine and cosine positions (Vaswani et al. 2017).
enum class ParameterInit { kNormal, kZero, kOne, kSinusoidal };

/// What a parameter is for, the same in every family.
enum class ParameterRole {
    kWordEmbeddings,      ///< [V, H]
    kPositionEmbeddings,  ///< [P, H]
    kTypeEmbeddings,      ///< [types, H]; BERT only
    kEmbeddingNorm,       ///< gain and shift [H]
    kQueryKeyValue,       ///< weight [3H, H], bias [3H]
    kAttentionOutput,     ///< weight [H, H], bias [H]
    kAttentionNorm,       ///< gain and shift [H]
    kIntermediate,        ///< weight [F, H], bias [F]
    kOutput,              ///< weight [H, F], bias [H]
    kOutputNorm,          ///< gain and shift [H]
    kHeadDense,           ///< weight [H, H], bias [H]; classification only
    kHead,                ///< weight [C, H], bias [C]
};

/// One parameter.
struct ParameterSpec {
    ParameterRole role = ParameterRole::kWordEmbeddings;
    bool is_bias = false;    ///< the bias of a dense layer or the shift of a LayerNorm
    std::int64_t layer = 0;  ///< of the parameters of blocks; 0 for others
    std::string name;        ///< in a Hugging Face file; with part_names, made up likewise
    std::vector<std::int64_t> shape;
    bool is_decayed = true;
    ParameterInit init = ParameterInit::kNormal;
    std::int64_t offset = 0;  ///< of the first float in the buffer, a multiple of kAlignment
    /// Query, key and value lie together: the file's names of the equal parts of the rows, in
    /// order. Empty for all others.
    std::vector<std::string> part_names;

    /// Return the product of the shape.
    std::int64_t element_count() const;
    /// Return whether the parameter belongs to the head and not to the encoder.
    bool is_of_head() const;
};

/// The plan of a buffer. A value; any thread.
class ParameterLayout {
  public:
    /// Floats: every parameter begins on a cache line of 64 bytes. What lies between two
    /// parameters belongs to nobody and stays 0.
    static constexpr std::int64_t kAlignment = 16;

    /// Plan the buffer of a model. `config` must have passed check_model_config; `labels` is at
    /// least 1, and 2 for question answering (begin and end).
    static ParameterLayout make(const ModelConfig& config, HeadKind head, std::int64_t labels);

    /// Return all parameters in the order of their offsets: first the decayed ones, then the
    /// others; within each group from the embeddings to the head.
    std::span<const ParameterSpec> specs() const { return specs_; }

    /// Return the buffer's size in floats, a multiple of kAlignment.
    std::int64_t size() const { return size_; }

    /// Return where the parameters that are not decayed begin, in floats.
    std::int64_t decayed_size() const { return decayed_size_; }

    /// Return how many floats are parameters, without the gaps.
    std::int64_t parameter_count() const;

  private:
    std::vector<ParameterSpec> specs_;
    std::int64_t size_ = 0;
    std::int64_t decayed_size_ = 0;
};

}  // namespace finewatt
