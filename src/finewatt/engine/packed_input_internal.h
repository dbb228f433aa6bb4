// PackedInput: a batch as the model reads it. Sequences are sorted by their (padded) length, so
// that equal lengths lie together: attention then works on a few rectangular groups instead of one
// sequence at a time, and needs a mask only where a group really has padding.
#pragma once

#include "finewatt/data/batch.h"
#include "finewatt/engine/torch_internal.h"

#include <cstdint>
#include <vector>

namespace finewatt {

/// Neighbouring sequences of equal padded length.
struct LengthGroup {
    std::int64_t sequences = 0;
    std::int64_t length = 0;
    std::vector<std::int32_t> rows_in_batch;  ///< [sequences], row in the batch as it was given
    /// bool [sequences, 1, 1, length], true where a key is padding; undefined when none is.
    at::Tensor is_padding_key;
};

/// T packed rows of B sequences, sorted by length (stable). CPU tensors.
struct PackedInput {
    at::Tensor ids;                           ///< int32 [T]
    at::Tensor type_ids;                      ///< int32 [T]
    at::Tensor positions;                     ///< int32 [T]
    std::vector<std::int32_t> rows_in_batch;  ///< [T], for dropout
    std::vector<std::int32_t> row_positions;  ///< [T], for dropout
    std::vector<LengthGroup> groups;          ///< shortest first
    std::vector<std::int64_t> group_rows;     ///< packed rows of each group; they sum to T
    /// int32 [B, 4], in packed order: first packed row, length, real length, row in the batch.
    at::Tensor sequences;
    at::Tensor row_places;  ///< int32 [T, 2]: row in the batch and position; as the vectors above
    at::Tensor first_rows;  ///< int64 [B], packed row of each sequence's first token, in the
                            ///< order of the batch
    bool is_padded = true;  ///< the batching mode asks for padding to be computed
    at::Tensor labels;      ///< int64 [B], in the order of the batch; classification, else [0]
    /// int64 [T], kIgnoredLabel where a token is not scored; token classification, else [0].
    at::Tensor token_labels;
    /// int64 [B], in the order of the batch, token within the sequence; question answering, else
    /// [0]. A position beyond the sequence means that it is not in this text.
    at::Tensor answer_starts;
    at::Tensor answer_ends;
};

/// Bring a batch into the model's form.
PackedInput pack_input(const Batch& batch);

}  // namespace finewatt
