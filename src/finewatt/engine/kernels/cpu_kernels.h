// CpuKernels: the inner loops of the fast form of the model on CPUs, compiled once for each
// instruction set and chosen at run time.
//
// Everything here is single-threaded float32 on plain memory; fused_ops.cpp has the loops over
// sequences, heads and rows and their threads. The plain form in bert.cpp is the slow twin that the
// tests compare with.
#pragma once

#include <cstdint>

namespace finewatt {

/// Dropout as a kernel sees it. A row's values come from its key alone (see dropout_internal.h).
struct MaskRule {
    std::uint32_t threshold = 0;  ///< p x 2^32
    float kept = 1;               ///< 1 / (1 - p)
};

/// Self-attention of one head of one sequence: L queries against L keys of D values, of which the
/// first `key_length` keys are real. query, key and value point at the head's first row; rows are
/// `stride` floats apart.
struct AttentionHead {
    const float* query = nullptr;
    const float* key = nullptr;
    const float* value = nullptr;
    std::int64_t stride = 0;
    std::int64_t length = 0;
    std::int64_t key_length = 0;
    std::int64_t head_size = 0;
    float scale = 1;                           ///< 1 / sqrt(D)
    const std::uint64_t* mask_keys = nullptr;  ///< one per query; null without dropout
    MaskRule mask{};
};

/// Where the gradients of an AttentionHead go; rows are AttentionHead::stride floats apart.
struct AttentionGradients {
    float* query = nullptr;
    float* key = nullptr;
    float* value = nullptr;
};

/// One row of y = LayerNorm(residual + dropout(x)) with H values.
struct NormRow {
    std::int64_t size = 0;
    const std::uint64_t* mask_key = nullptr;  ///< null without dropout
    MaskRule mask{};
    const float* gain = nullptr;
    const float* shift = nullptr;
    float eps = 0;
};

/// The kernels of one instruction set.
struct CpuKernels {
    const char* name = "";

    /// Floats of scratch memory that both attention kernels need.
    std::int64_t (*attention_scratch)(std::int64_t length, std::int64_t head_size) = nullptr;

    /// context [L, D] with rows `context_stride` apart = dropout(softmax(scale Q K^T)) V.
    void (*attention_forward)(const AttentionHead& head, float* context,
                              std::int64_t context_stride, float* scratch) = nullptr;

    /// Gradients of query, key and value from the context and its gradient; the probabilities are
    /// computed again (Dao et al. 2022, FlashAttention, algorithm 4).
    void (*attention_backward)(const AttentionHead& head, const float* context,
                               const float* context_gradient, std::int64_t context_stride,
                               const AttentionGradients& gradients, float* scratch) = nullptr;

    /// Write `normalised` (before gain and shift) and y; return 1 / standard deviation. Ba et al.
    /// 2016, Layer Normalization.
    float (*norm_forward)(const NormRow& row, const float* x, const float* residual,
                          float* normalised, float* y) = nullptr;

    /// Write the gradients of x and of the residual; add to those of gain and shift.
    void (*norm_backward)(const NormRow& row, const float* y_gradient, const float* normalised,
                          float inverse_deviation, float* x_gradient, float* residual_gradient,
                          float* gain_gradient, float* shift_gradient) = nullptr;

    /// y = x Phi(x), the exact GELU (Hendrycks and Gimpel 2016).
    void (*gelu_forward)(std::int64_t size, const float* x, float* y) = nullptr;

    /// x_gradient = y_gradient (Phi(x) + x phi(x)).
    void (*gelu_backward)(std::int64_t size, const float* x, const float* y_gradient,
                          float* x_gradient) = nullptr;
};

/// Return the kernels for this machine's CPU. Any thread.
const CpuKernels& cpu_kernels();

}  // namespace finewatt
