// EncoderPass: embeddings and blocks of a BERT or DistilBERT, forward and backward written by hand
// on plain memory. Main types: EncoderPass, PassInput, EncoderWeights. Torch-free: the products are
// Gemm's, everything else is the kernels'. Not for heads (head_pass_internal.h) and not for the
// optimizer.
//
// Shapes: T packed rows, B sequences, H hidden, A heads, F feed-forward. `T` as a template
// parameter is the type of what products read and write: float or Bfloat16. The residual stream,
// LayerNorm and all gradients of parameters are float32.
#pragma once

#include "finewatt/engine/arena_internal.h"
#include "finewatt/engine/attention_pass_internal.h"
#include "finewatt/engine/dropout_internal.h"
#include "finewatt/engine/gemm_internal.h"
#include "finewatt/engine/kernels/cpu_kernels.h"
#include "finewatt/engine/pass_tools_internal.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace finewatt {

/// A dense layer with the places of its gradients. Products read `weights`, kernels read `bias`.
struct DenseLayer {
    DenseWeights weights;  ///< without a bias, except where no kernel adds it (query_key_value)
    const float* bias = nullptr;
    float* weight_gradient = nullptr;
    float* bias_gradient = nullptr;
};

/// Gain and shift [H] of a LayerNorm with the places of their gradients.
struct NormLayer {
    const float* gain = nullptr;
    const float* shift = nullptr;
    float* gain_gradient = nullptr;
    float* shift_gradient = nullptr;
};

struct BlockWeights {
    DenseLayer query_key_value;  ///< [3H, H]
    DenseLayer query;            ///< its first H rows
    DenseLayer key_value;        ///< its other 2H rows
    DenseLayer attention_output;
    NormLayer attention_norm;
    DenseLayer intermediate;
    DenseLayer output;
    NormLayer output_norm;
};

/// A table of embeddings [entries, H] with the place of its gradient.
struct EmbeddingTable {
    const float* values = nullptr;
    float* gradient = nullptr;
};

struct EncoderWeights {
    EmbeddingTable words;
    EmbeddingTable positions;
    EmbeddingTable types;  ///< null for models without token types
    NormLayer embedding_norm;
    std::vector<BlockWeights> blocks;
};

/// Sizes and settings that do not change with the batch.
struct EncoderSettings {
    std::int64_t hidden = 0;
    std::int64_t heads = 0;
    std::int64_t feed_forward = 0;
    RowActivation activation = RowActivation::kGelu;
    float eps = 0;
    double embedding_dropout = 0;
    double attention_dropout = 0;
    double attention_output_dropout = 0;
    double feed_forward_dropout = 0;
};

/// A batch. All arrays belong to the caller and must outlive the pass.
struct PassInput {
    std::int64_t rows = 0;       ///< T
    std::int64_t sequences = 0;  ///< B
    const std::int32_t* ids = nullptr;
    const std::int32_t* positions = nullptr;
    const std::int32_t* type_ids = nullptr;
    const std::int32_t* places = nullptr;  ///< [T, 2]: row in the batch, position
    /// [B, 4] in packed order: first packed row, length, real length, row in the batch.
    const std::int32_t* sequence_table = nullptr;
    const std::int64_t* first_rows = nullptr;  ///< [B], in the order of the batch
    /// Only the first token of each sequence is read after the last block: that block then works
    /// on those rows alone, in the order of the batch, once it has keys and values of all rows.
    bool has_first_rows_only = false;
};

/// What a block keeps from forward to backward. R rows: T, or B where only the first are wanted.
template <class T>
struct BlockMemory {
    float* residual = nullptr;     ///< [R, H], what is added before the first norm
    T* input = nullptr;            ///< [T, H], what query, key and value are made of
    T* query_input = nullptr;      ///< [R, H], the rows of `input` that ask
    T* query_key_value = nullptr;  ///< [T, 3H]; or key and value alone [T, 2H]
    T* query = nullptr;            ///< [B, H] where only first rows ask
    float* logsumexp = nullptr;    ///< [A, R]
    T* context = nullptr;          ///< [R, H]
    float* attention_normalised = nullptr;
    float* attention_inverse = nullptr;  ///< [R]
    float* attended_wide = nullptr;      ///< [R, H] after the first norm, float32
    T* attended = nullptr;               ///< the same for products
    T* before_activation = nullptr;      ///< [R, F], without bias
    T* inner = nullptr;                  ///< [R, F]
    float* output_normalised = nullptr;
    float* output_inverse = nullptr;
    float* output_wide = nullptr;  ///< [R, H] after the second norm, float32
    T* output = nullptr;           ///< the same for products
};

/// One forward pass and, after it, at most one backward pass; for either type of products.
class Encoder {
  public:
    Encoder() = default;
    Encoder(const Encoder&) = delete;
    Encoder& operator=(const Encoder&) = delete;
    Encoder(Encoder&&) = delete;
    Encoder& operator=(Encoder&&) = delete;
    virtual ~Encoder() = default;

    /// Set the batch and take memory for it. With `for_training` everything that backward needs is
    /// kept. Call it with a counting plan first and then with a real one.
    virtual void plan(const PassInput& input, bool for_training, ArenaPlan& plan) = 0;

    /// Run embeddings and blocks. Returns float32 rows after the last block: [T, H], or [B, H] in
    /// the order of the batch with has_first_rows_only.
    virtual const float* forward(const std::optional<DropoutStep>& dropout) = 0;

    /// Run all backward from output_gradient(), which is overwritten. With `is_added` weights'
    /// gradients are added to, else written; those of biases, norms and embeddings are always added
    /// to.
    virtual void backward(bool is_added) = 0;

    /// Return where the caller puts the gradient of forward()'s result, same shape. After plan()
    /// for training.
    virtual float* output_gradient() const = 0;

    /// Return the rows of forward()'s result. After plan().
    virtual std::int64_t output_rows() const = 0;
};

/// The weights and tools must outlive it. tools.partials has room for kernel_pieces(rows) rows of
/// max(F, 3H) floats.
template <class T>
class EncoderPass final : public Encoder {
  public:
    EncoderPass(const EncoderSettings& settings, const EncoderWeights& weights, PassTools& tools)
        : settings_(settings),
          weights_(weights),
          tools_(tools) {}

    void plan(const PassInput& input, bool for_training, ArenaPlan& plan) override;
    const float* forward(const std::optional<DropoutStep>& dropout) override;
    void backward(bool is_added) override;

    float* output_gradient() const override { return gradient_; }

    std::int64_t output_rows() const override {
        return is_first_only() ? input_.sequences : input_.rows;
    }

  private:
    bool is_first_only() const { return input_.has_first_rows_only && !weights_.blocks.empty(); }

    bool is_first_only(std::size_t block) const {
        return is_first_only() && block + 1 == weights_.blocks.size();
    }

    std::int64_t rows_of(std::size_t block) const {
        return is_first_only(block) ? input_.sequences : input_.rows;
    }

    void plan_block(std::size_t block, ArenaPlan& plan);
    void plan_backward(ArenaPlan& plan);
    EmbeddingRows embedding_rows() const;
    void embed();
    void run_block(std::size_t block);
    void query_key_value(std::size_t block);
    NormRows norm_rows(std::size_t block, const DenseLayer& dense, const NormLayer& norm, double p,
                       DropoutSite site);
    void add_and_norm(const NormRows& rows, const T* x, const float* residual,
                      const NormResults& results);
    void norm_backward(const NormRows& rows, bool has_product_gradient, const float* normalised,
                       const float* inverse, const DenseLayer& dense, const NormLayer& norm);
    void block_backward(std::size_t block, bool has_product_gradient, bool is_added);
    void query_key_value_backward(std::size_t block, bool is_added);
    void spread_first_rows();
    void embedding_backward(bool has_product_gradient);
    AttentionWork<T> attention_work(std::size_t block) const;

    EncoderSettings settings_;
    const EncoderWeights& weights_;
    PassTools& tools_;
    PassInput input_{};
    bool is_training_ = false;
    std::optional<DropoutStep> dropout_;

    std::vector<BlockMemory<T>> blocks_;
    float* embedding_normalised_ = nullptr;
    float* embedding_inverse_ = nullptr;
    float* embedded_wide_ = nullptr;
    T* embedded_ = nullptr;
    T* dense_result_ = nullptr;             ///< [T, H]; null where the norm's own array serves
    std::uint64_t* keys_ = nullptr;         ///< [T]
    std::int32_t* first_places_ = nullptr;  ///< [B, 2]
    // Backward; see block_backward for who is alive when.
    float* gradient_ = nullptr;        ///< [T, H], of the residual stream
    T* product_gradient_ = nullptr;    ///< [T, H]
    T* context_gradient_ = nullptr;    ///< [T, H]
    T* wide_gradient_ = nullptr;       ///< [T, max(F, 3H)]
    T* query_gradient_ = nullptr;      ///< [B, H] where only first rows ask
    float* first_gradient_ = nullptr;  ///< [B, H], a copy of gradient_'s first rows
};

extern template class EncoderPass<float>;
extern template class EncoderPass<Bfloat16>;

}  // namespace finewatt
