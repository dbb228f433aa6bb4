// The element-wise kernels of a training step on a GPU: LayerNorm with what surrounds it,
// activations, embeddings, cross-entropy, dropout and AdamW. Each function queues one kernel and
// returns at once. Torch-free; the .cu files hold them, compiled by nvcc for GPUs and, for
// tests, by the C++ compiler over a model of a GPU's blocks (emulated_gpu_internal.h). What they
// compute is what the kernels of kernels/cpu_kernels.h compute, and those are their slow twins.
//
// Arrays are dense and in the device's memory: row r of [rows, columns] begins at r * columns. `T`
// is float or Bfloat16, what matrix products write and read; arithmetic is float32. The sizes that
// kernels take four at a time (H, F) are multiples of 4, H is at most 4,096, and arrays begin on 16
// bytes. Sums over rows are added with atomics: their last bits differ from run to run.
#pragma once

#include "finewatt/engine/kernels/cpu_kernels.h"

#include <cstdint>

struct CUstream_st;

namespace finewatt {

/// A cudaStream_t; null is the default stream.
using DeviceStream = CUstream_st*;

/// What changes from step to step. It lies in the device's memory, so that a captured graph reads
/// the values of the step that replays it.
struct alignas(16) StepValues {
    std::uint64_t seed = 0;  ///< of dropout, as DropoutStep
    std::int64_t step = 0;
    float loss_factor = 1;   ///< of each cross-entropy: 1 / targets; 0.5 / starts for answers
    float ends_factor = 1;   ///< question answering only: 0.5 / ends
    float rate = 0;          ///< learning rate / (1 - beta1^t)
    float keep = 1;          ///< 1 - learning rate x weight decay, for the decayed group
    float second_scale = 1;  ///< 1 / sqrt(1 - beta2^t)
    float beta1 = 0;
    float beta2 = 0;
    float eps = 0;
    float max_grad_norm = 0;  ///< 0: gradients are left as they are
    float unused = 0;
};

/// Which mask of the step a kernel applies, by the generator of dropout_internal.h.
struct RowMask {
    const StepValues* step = nullptr;      ///< null: no dropout
    const std::int32_t* places = nullptr;  ///< [rows, 2]: row in the batch, position
    std::uint32_t layer = 0;
    std::uint32_t site = 0;  ///< a DropoutSite
    MaskRule rule{};
};

/// Gain and shift [size] of a LayerNorm over rows of `size` values.
struct NormShape {
    std::int64_t rows = 0;
    std::int64_t size = 0;  ///< H
    const float* gain = nullptr;
    const float* shift = nullptr;
    float eps = 0;
};

/// The tables and ids of the embeddings' sum. type_* are null where a model has no types.
struct EmbeddingSum {
    const std::int32_t* word_ids = nullptr;      ///< [rows]
    const std::int32_t* position_ids = nullptr;  ///< [rows]
    const std::int32_t* type_ids = nullptr;      ///< [rows]
    const float* words = nullptr;                ///< [vocabulary, H]
    const float* positions = nullptr;            ///< [positions, H]
    const float* types = nullptr;                ///< [types, H]
};

/// y = dropout(LayerNorm(word + position + type)). Ba et al. 2016, Layer Normalization.
void embed_forward(DeviceStream stream, const NormShape& shape, const EmbeddingSum& sum,
                   const RowMask& mask, const NormResults& results);

/// Backward of embed_forward to the embeddings' sum: `sum_gradient` [rows, H] is written and may be
/// upstream.y_gradient; gradients of gain and shift are added to.
template <class T>
void embed_backward(DeviceStream stream, const NormShape& shape, const RowMask& mask,
                    const NormUpstream<T>& upstream, float* sum_gradient, float* gain_gradient,
                    float* shift_gradient);

/// y = LayerNorm(residual + dropout(x + bias)); bias [H].
template <class T>
void norm_forward(DeviceStream stream, const NormShape& shape, const RowMask& mask,
                  const float* bias, const T* x, const float* residual, const NormResults& results);

/// Backward of norm_forward; see NormGradients for what may share an array.
template <class T>
void norm_backward(DeviceStream stream, const NormShape& shape, const RowMask& mask,
                   const NormUpstream<T>& upstream, const NormGradients<T>& gradients);

/// y = activation(x + bias).
template <class T>
void activation_forward(DeviceStream stream, const ActivationRows& rows, const T* x, T* y);

/// x_gradient = y_gradient activation'(x + bias), added up over the rows to bias_gradient
/// [columns]. x_gradient may be the array of y_gradient.
template <class T>
void activation_backward(DeviceStream stream, const ActivationRows& rows, const T* x,
                         const T* y_gradient, T* x_gradient, float* bias_gradient);

/// sums [columns] += the sum of the rows; any number of columns.
template <class T>
void column_sums(DeviceStream stream, std::int64_t rows, std::int64_t columns, const T* x,
                 float* sums);

/// y = dropout(x) for rows of `columns` values; also its backward pass. y may be the array of x.
void drop_rows(DeviceStream stream, std::int64_t rows, std::int64_t columns, const RowMask& mask,
               const float* x, float* y);

/// to[i] = from[ids[i]] for rows of `size` values.
void gather_rows(DeviceStream stream, std::int64_t count, std::int64_t size,
                 const std::int32_t* ids, const float* from, float* to);

/// table[ids[i]] += from[i] for rows of `size` values, but for ids equal to `skipped`.
void scatter_add_rows(DeviceStream stream, std::int64_t count, std::int64_t size,
                      const std::int32_t* ids, std::int32_t skipped, const float* from,
                      float* table);

/// Cross-entropies of rows [rows, classes]: logits become factor x (softmax - one_hot(label)), and
/// factor x loss is added to *loss_sum, factor = values->loss_factor. A label outside
/// [0, classes): the row becomes 0 and adds 0.
void row_losses(DeviceStream stream, std::int64_t rows, std::int64_t classes,
                const std::int32_t* labels, const StepValues* values, float* logits,
                float* loss_sum);

/// Where the answers lie in a batch of `sequences`. Sequence s has rows [first[s], first[s] +
/// length[s]) of the packed rows; none where its length is 0.
struct SpanTargets {
    std::int64_t sequences = 0;
    const std::int32_t* first = nullptr;
    const std::int32_t* length = nullptr;
    const std::int32_t* starts = nullptr;  ///< outside of [0, length): left out
    const std::int32_t* ends = nullptr;
};

/// The same for answers: logits [rows, 2]; a softmax runs down each column of each sequence. Starts
/// have values->loss_factor, ends values->ends_factor.
void span_losses(DeviceStream stream, const SpanTargets& targets, const StepValues* values,
                 float* logits, float* loss_sum);

/// What a step came to.
struct alignas(16) StepOutcome {
    float loss = 0;
    float gradient_norm = 0;
    float clip = 1;  ///< what gradients are multiplied with
    /// 1 from the first step on whose loss or gradient was not finite. Such steps change nothing.
    std::int32_t has_diverged = 0;
};

/// The flat buffers of the optimizer, [size] each; the decayed group comes first.
struct DeviceAdamW {
    std::int64_t size = 0;
    std::int64_t decayed_size = 0;
    float* values = nullptr;
    const float* gradients = nullptr;
    float* first_moments = nullptr;
    float* second_moments = nullptr;
    Bfloat16* low_values = nullptr;  ///< the values for products; may be null
    float* partials = nullptr;       ///< [kNormPieces]
    float* loss_sum = nullptr;       ///< read, then set to 0
    StepOutcome* outcome = nullptr;  ///< has_diverged is read and written, the rest is written
};

/// Pieces that the gradient norm is summed up in, at most.
constexpr std::int64_t kNormPieces = 512;

/// Norm, clipping and AdamW with the formulas of adamw.h, in three kernels.
void adamw_step(DeviceStream stream, const DeviceAdamW& arrays, const StepValues* values);

}  // namespace finewatt
