// Attention of all heads of all sequences of a batch, forward and backward: the threads around the
// attention kernels. Main type: AttentionWork. Torch-free.
#pragma once

#include "finewatt/engine/pass_tools_internal.h"

#include <cstdint>

namespace finewatt {

/// Where query, key and value of a batch lie, or their gradients.
template <class T>
struct AttentionArrays {
    T* query = nullptr;
    T* key = nullptr;
    T* value = nullptr;
};

/// One call of attention. T packed rows, A heads of D values, H = A x D.
template <class T>
struct AttentionWork {
    std::int64_t sequences = 0;
    const std::int32_t* sequence_table = nullptr;  ///< as in PassInput
    std::int64_t heads = 0;
    std::int64_t head_size = 0;
    /// Rows are `stride` elements apart; but with has_first_rows_only `query` is dense [B, H] in
    /// the order of the batch, and the results are too.
    AttentionArrays<const T> in;
    std::int64_t stride = 0;
    bool has_first_rows_only = false;
    std::int64_t result_rows = 0;  ///< T or B
    T* context = nullptr;          ///< [result_rows, H]
    float* logsumexp = nullptr;    ///< [A, result_rows]; null when no backward follows
    bool has_dropout = false;
    std::uint64_t dropout_base = 0;
    MaskRule mask{};
};

/// Take the scratch memory that attention over sequences of at most `longest` tokens needs.
void plan_attention(std::int64_t longest, std::int64_t head_size, PassTools& tools,
                    ArenaPlan& plan);

/// Write work.context and work.logsumexp.
template <class T>
void attend(const AttentionWork<T>& work, const PassTools& tools);

/// Write the gradients of query, key and value from that of the context. They lie as work.in does.
template <class T>
void attend_backward(const AttentionWork<T>& work, const T* context_gradient,
                     const AttentionArrays<T>& gradients, const PassTools& tools);

}  // namespace finewatt
