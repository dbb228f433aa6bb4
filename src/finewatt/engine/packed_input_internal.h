// PackedInput: a batch as the model reads it. Sequences are sorted by their (padded) length, so
// that equal lengths lie together: attention then works on a few rectangular groups instead of one
// sequence at a time, and needs a mask only where a group really has padding.
#pragma once

#include "finewatt/data/batch.h"
#include "finewatt/engine/torch_internal.h"

#include <cstdint>
#include <span>
#include <vector>

namespace finewatt {

/// The label of a token that the loss leaves out: padding, [CLS], later pieces of a word. The value
/// of transformers and of torch's cross entropy.
constexpr std::int32_t kIgnoredTokenLabel = -100;

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
    at::Tensor labels;      ///< int64 [B], in the order of the batch; classification
    /// int64 [T], kIgnoredTokenLabel where a token is not scored; undefined unless set.
    at::Tensor token_labels;
    /// int64 [B], in the order of the batch, token within the sequence; undefined unless set.
    at::Tensor answer_starts;
    at::Tensor answer_ends;
};

/// Bring a batch into the model's form.
PackedInput pack_input(const Batch& batch);

/// Give every row its label: `token_labels` has one per row of the batch, in the batch's order.
void set_token_labels(const Batch& batch, std::span<const std::int32_t> token_labels,
                      PackedInput& input);

/// Give every sequence the begin and the end of its answer, as tokens within the sequence. A
/// position beyond the sequence means that it is not in this text.
void set_answers(std::span<const std::int32_t> starts, std::span<const std::int32_t> ends,
                 PackedInput& input);

}  // namespace finewatt
