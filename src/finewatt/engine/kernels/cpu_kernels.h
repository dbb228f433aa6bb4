// CpuKernels: the inner loops of the fast model on CPUs, compiled once for each instruction set and
// chosen at run time. Everything here is single-threaded work on plain memory; the caller loops
// over sequences, heads and pieces of rows, and has the threads. No matrix products but those of
// attention and of few rows. Nothing is checked here. The plain form of the model is the slow twin
// of it all.
//
// Arrays are dense: row r of [rows, columns] begins at r * columns. No array needs an alignment.
// `T` is float or Bfloat16: the type of what matrix products write and read. All arithmetic is
// float32; the residual stream, LayerNorm's statistics, parameters and their gradients stay float.
//
// Sums over rows (gradients of biases, gains and shifts) are added to the array that is given. To
// get equal bits for any number of threads, cut the rows into pieces by a rule that knows nothing
// of threads (kernel_pieces), give each piece a zeroed array of its own, and join them in order
// with add_partials.
#pragma once

#include <cstdint>

namespace finewatt {

/// The upper half of a float32, rounded to nearest even. Same layout as at::BFloat16.
struct Bfloat16 {
    std::uint16_t bits;
};

/// Dropout as a kernel sees it. A row's values come from its key alone (see dropout_internal.h).
struct MaskRule {
    std::uint32_t threshold = 0;  ///< p x 2^32
    float kept = 1;               ///< 1 / (1 - p)
};

// ---- attention ----

/// Self-attention of one head of one sequence: queries against L keys of D values, of which the
/// first `key_length` keys are real. query, key and value point at the head's first row; rows are
/// `stride` elements apart.
template <class T>
struct AttentionHead {
    const T* query = nullptr;
    const T* key = nullptr;
    const T* value = nullptr;
    std::int64_t stride = 0;
    std::int64_t length = 0;        ///< L
    std::int64_t key_length = 0;    ///< 1 to L
    std::int64_t query_length = 0;  ///< only the first of the L queries are worked on; 1 to L
    std::int64_t head_size = 0;     ///< D
    float scale = 1;                ///< 1 / sqrt(D)
    const std::uint64_t* mask_keys = nullptr;  ///< [query_length]; null without dropout
    MaskRule mask{};
};

/// Where the gradients of an AttentionHead go; rows are AttentionHead::stride elements apart.
template <class T>
struct AttentionGradients {
    T* query = nullptr;  ///< written for the first query_length rows only
    T* key = nullptr;    ///< all L rows are written; 0 for keys beyond key_length
    T* value = nullptr;  ///< as `key`
};

// ---- activations ----

/// What a row passes through; Activation of data/model_config.h is what a model asks for.
enum class RowActivation {
    kGelu,      ///< x Phi(x), the exact GELU (Hendrycks and Gimpel 2016)
    kGeluTanh,  ///< its tanh approximation, same source
    kRelu,
    kTanh,
};

/// Rows that pass through y = activation(x + bias).
struct ActivationRows {
    RowActivation activation = RowActivation::kGelu;
    std::int64_t rows = 0;
    std::int64_t columns = 0;
    const float* bias = nullptr;  ///< [columns]; null: nothing is added (x holds it already)
};

// ---- LayerNorm ----

/// Rows of y = LayerNorm(residual + dropout(x + bias)). Ba et al. 2016, Layer Normalization.
struct NormRows {
    std::int64_t rows = 0;
    std::int64_t size = 0;                     ///< H, the values of a row
    const float* bias = nullptr;               ///< [H]; null: nothing is added
    const std::uint64_t* mask_keys = nullptr;  ///< [rows]; null without dropout
    MaskRule mask{};
    const float* gain = nullptr;   ///< [H]
    const float* shift = nullptr;  ///< [H]
    float eps = 0;
};

/// What the forward pass of a LayerNorm writes.
struct NormResults {
    float* normalised = nullptr;          ///< [rows, H] before gain and shift, for backward
    float* inverse_deviations = nullptr;  ///< [rows], for backward
    float* y = nullptr;                   ///< [rows, H]
    Bfloat16* y_low = nullptr;            ///< [rows, H], y for bf16 products; may be null
};

/// What the backward pass of a LayerNorm reads: y's gradient is y_gradient + product_gradient.
template <class T>
struct NormUpstream {
    const float* y_gradient = nullptr;    ///< [rows, H], from the residual stream
    const T* product_gradient = nullptr;  ///< [rows, H], from the product that read y; may be null
    const float* normalised = nullptr;
    const float* inverse_deviations = nullptr;
};

/// What the backward pass of a NormRows writes. `residual` may be the array of y_gradient, and
/// `x` that of product_gradient.
template <class T>
struct NormGradients {
    float* residual = nullptr;  ///< [rows, H], written
    T* x = nullptr;             ///< [rows, H], written; null where `residual` serves (no dropout)
    float* bias = nullptr;      ///< [H], added to; null where there is no bias
    float* gain = nullptr;      ///< [H], added to
    float* shift = nullptr;     ///< [H], added to
};

// ---- embeddings ----

/// Rows of y = dropout(LayerNorm(word + position + type)).
struct EmbeddingRows {
    std::int64_t rows = 0;
    std::int64_t size = 0;                       ///< H
    const std::int32_t* word_ids = nullptr;      ///< [rows]
    const std::int32_t* position_ids = nullptr;  ///< [rows]
    const std::int32_t* type_ids = nullptr;      ///< [rows]; null where the model has no types
    const float* word_table = nullptr;           ///< [vocabulary, H]
    const float* position_table = nullptr;       ///< [positions, H]
    const float* type_table = nullptr;           ///< [types, H]
    const std::uint64_t* mask_keys = nullptr;    ///< [rows]; null without dropout
    MaskRule mask{};
    const float* gain = nullptr;
    const float* shift = nullptr;
    float eps = 0;
};

/// What the backward pass of EmbeddingRows writes.
struct EmbeddingGradients {
    float* sum = nullptr;    ///< [rows, H], of word + position + type; may be y_gradient's array
    float* gain = nullptr;   ///< [H], added to
    float* shift = nullptr;  ///< [H], added to
};

/// table[ids[r]] += from[r] for all rows, in their order, in the columns [begin, end) only. Threads
/// share the work by columns: the sums are then the same for any number of threads.
struct ScatterRows {
    std::int64_t rows = 0;
    std::int64_t size = 0;              ///< H of `from` and of the table
    const std::int32_t* ids = nullptr;  ///< [rows]
    const float* from = nullptr;        ///< [rows, H]
    std::int64_t begin = 0;
    std::int64_t end = 0;
};

// ---- cross-entropy ----

/// One softmax cross-entropy: loss = logsumexp(logits) - logits[label]. Neighbouring logits are
/// `stride` elements apart (1 for a row of classes, 2 for a column of [T, 2] over one sequence).
struct ClassLogits {
    std::int64_t classes = 0;
    std::int64_t stride = 1;
    std::int64_t label = 0;  ///< outside [0, classes): ignored; the loss and the gradient are 0
    float factor = 1;        ///< the gradient is factor x (softmax - one_hot(label))
};

// ---- dense layers of few rows ----

/// Rows of y = x W^T + b with so few rows that reading W is most of the work. W lies in panels of
/// CpuKernels::dense_panel columns of y each, [in, dense_panel], written by pack_dense_panel; the
/// last panel is filled with zeros.
struct DenseRows {
    std::int64_t rows = 0;
    std::int64_t in = 0;
    std::int64_t out = 0;
    const float* x = nullptr;       ///< rows * in floats, written by pack_dense_rows
    const float* panels = nullptr;  ///< [panels, in, dense_panel], and kDenseSlack floats more
    const float* bias = nullptr;    ///< [out]; null: nothing is added
    float* y = nullptr;             ///< [rows, out]
};

/// Floats behind the panels whose addresses are formed, but never read.
inline constexpr std::int64_t kDenseSlack = 2048;

/// The kernels that read or write what matrix products of element type T write or read.
template <class T>
struct ElementKernels {
    /// context [query_length, D] with rows `context_stride` apart = dropout(softmax(scale Q K^T))
    /// V. Write logsumexp [query_length] of the scaled scores for backward; may be null. `scratch`
    /// has attention_scratch floats.
    void (*attention_forward)(const AttentionHead<T>& head, T* context, std::int64_t context_stride,
                              float* logsumexp, float* scratch) = nullptr;

    /// Gradients of query, key and value from the context, its gradient and logsumexp; the
    /// probabilities are computed again (Dao et al. 2022, FlashAttention, algorithm 4). Gradients
    /// may not lie on the inputs.
    void (*attention_backward)(const AttentionHead<T>& head, const T* context,
                               const T* context_gradient, std::int64_t context_stride,
                               const float* logsumexp, const AttentionGradients<T>& gradients,
                               float* scratch) = nullptr;

    /// y = activation(x + bias). x is what backward needs; y may be the array of x where no
    /// backward follows.
    void (*activation_forward)(const ActivationRows& rows, const T* x, T* y) = nullptr;

    /// x_gradient = y_gradient activation'(x + bias), which is added up over the rows to
    /// bias_gradient [columns] unless that is null. x_gradient may be the array of y_gradient or x.
    void (*activation_backward)(const ActivationRows& rows, const T* x, const T* y_gradient,
                                T* x_gradient, float* bias_gradient) = nullptr;

    /// NormRows forward. results.normalised may be the array of x (as floats) or of the residual.
    void (*norm_forward)(const NormRows& rows, const T* x, const float* residual,
                         const NormResults& results) = nullptr;

    /// NormRows backward.
    void (*norm_backward)(const NormRows& rows, const NormUpstream<T>& upstream,
                          const NormGradients<T>& gradients) = nullptr;

    /// EmbeddingRows backward to the sum of the three embeddings.
    void (*embedding_backward)(const EmbeddingRows& rows, const NormUpstream<T>& upstream,
                               const EmbeddingGradients& gradients) = nullptr;

    /// y = dropout(x) for rows of `columns` values; also the backward pass. y may be the array of
    /// x. mask_keys has one key per row.
    void (*dropout)(std::int64_t rows, std::int64_t columns, const std::uint64_t* mask_keys,
                    const MaskRule& mask, const T* x, T* y) = nullptr;

    /// sums [columns] += the sum of the rows.
    void (*column_sums)(std::int64_t rows, std::int64_t columns, const T* x, float* sums) = nullptr;

    /// Return the loss of one ClassLogits and write its gradient with the same stride, unless that
    /// is null. gradient may be the array of logits.
    float (*cross_entropy)(const ClassLogits& what, const T* logits, T* gradient) = nullptr;
};

/// The kernels of one instruction set.
struct CpuKernels {
    const char* name = "";

    ElementKernels<float> f32;
    ElementKernels<Bfloat16> bf16;

    /// Floats of scratch memory that both attention kernels need, for either type.
    std::int64_t (*attention_scratch)(std::int64_t length, std::int64_t head_size) = nullptr;

    /// EmbeddingRows forward; the same for both types of products (results.y_low serves bf16).
    void (*embedding_forward)(const EmbeddingRows& rows, const NormResults& results) = nullptr;

    /// See DenseRows: the columns of y of one panel.
    void (*dense_forward)(const DenseRows& rows, std::int64_t panel) = nullptr;

    /// Write x [rows, in] in the order in which dense_forward reads it.
    void (*pack_dense_rows)(const DenseRows& rows, const float* x, float* packed) = nullptr;

    /// Write one of the panels of `weight` [out, in]; of `rows`, in and out are read.
    void (*pack_dense_panel)(const DenseRows& rows, const float* weight, std::int64_t panel,
                             float* panels) = nullptr;

    std::int64_t dense_panel = 0;  ///< columns of a panel

    /// to [columns, rows] = from [rows, columns] transposed, in the columns [begin, end) only.
    void (*transpose)(std::int64_t rows, std::int64_t columns, std::int64_t begin, std::int64_t end,
                      const float* from, float* to) = nullptr;

    /// See ScatterRows.
    void (*scatter_rows)(const ScatterRows& rows, float* table) = nullptr;

    /// sums [size] += partials [count, size], row after row.
    void (*add_partials)(std::int64_t count, std::int64_t size, const float* partials,
                         float* sums) = nullptr;

    /// y += x.
    void (*add)(std::int64_t size, const float* x, float* y) = nullptr;

    /// Round to nearest even; a NaN stays a NaN.
    void (*to_bfloat16)(std::int64_t size, const float* from, Bfloat16* to) = nullptr;

    void (*to_float)(std::int64_t size, const Bfloat16* from, float* to) = nullptr;

    /// Return the kernels of element type T.
    template <class T>
    const ElementKernels<T>& of() const;
};

template <>
inline const ElementKernels<float>& CpuKernels::of<float>() const {
    return f32;
}

template <>
inline const ElementKernels<Bfloat16>& CpuKernels::of<Bfloat16>() const {
    return bf16;
}

/// Return the kernels for this machine's CPU. Any thread.
const CpuKernels& cpu_kernels();

/// Return how many pieces to cut `rows` into where sums over rows must not depend on the number of
/// threads: at most 16, each of 16 rows or more. Piece p is [rows p / n, rows (p + 1) / n).
constexpr std::int64_t kernel_pieces(std::int64_t rows) {
    constexpr std::int64_t kMost = 16;
    constexpr std::int64_t kLeastRows = 16;
    const std::int64_t pieces = rows / kLeastRows;
    return pieces < 1 ? 1 : (pieces > kMost ? kMost : pieces);
}

}  // namespace finewatt
