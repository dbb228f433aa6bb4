// Batches: how examples become the packed arrays the engine computes on, and in what order.
//
// Main type: Batch. Features come from features.h. Not for tensors: everything here is host memory,
// free of LibTorch. Sources: transformers 5.17 (trainer_pt_utils.py), torch 2.13 (randperm on CPU).
#pragma once

#include "finewatt/data/features.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace finewatt {

/// How batches are padded. dynamic: to the longest of the batch (the paper's mode); fixed: to
/// max_length; grouped: like lengths together, then dynamic; unpadded: not at all.
enum class BatchingMode { kDynamic, kFixed, kGrouped, kUnpadded };

/// Return the mode of a name (dynamic, fixed, grouped, unpadded), or nothing.
std::optional<BatchingMode> parse_batching_mode(std::string_view name);
/// Return the name that parse_batching_mode takes.
std::string_view batching_mode_name(BatchingMode mode);

/// A batch in packed form: T rows, B sequences. In padded modes each sequence occupies the padded
/// length, so padding rows are really computed; keys beyond key_len are masked.
struct Batch {
    std::vector<std::int32_t> ids;         ///< [T]
    std::vector<std::int32_t> type_ids;    ///< [T]
    std::vector<std::int32_t> positions;   ///< [T], 0.. within each sequence
    std::vector<std::int32_t> cu_seqlens;  ///< [B+1], begin of each sequence; last = T
    std::vector<std::int32_t> key_len;     ///< [B], real tokens of each sequence
    std::vector<std::int32_t> labels;      ///< [B]; empty unless classification
    /// [T], kIgnoredLabel on padding and on tokens that are not scored; empty unless token
    /// classification.
    std::vector<std::int32_t> token_labels;
    /// [B], token within the sequence, 0 = no answer here; empty unless question answering.
    std::vector<std::int32_t> answer_starts;
    std::vector<std::int32_t> answer_ends;
    std::vector<std::int64_t> example_index;      ///< [B], index into the features
    std::int32_t max_len = 0;                     ///< longest padded sequence
    BatchingMode mode = BatchingMode::kUnpadded;  ///< how it was made

    std::int64_t tokens_real = 0;             ///< sum of key_len
    std::int64_t tokens_padded = 0;           ///< T
    std::int64_t tokens_padded_would_be = 0;  ///< B x longest real sequence
};

/// Build one batch from the features at `indices`, in that order. Padding rows hold `pad_id`, type
/// id 0 and counting positions. Every index must be one of a feature, and for kFixed no feature may
/// be longer than `max_length`, which the other modes do not look at. Any thread.
Batch make_batch(const FeatureSet& features, std::span<const std::int64_t> indices,
                 BatchingMode mode, std::int32_t max_length, std::int32_t pad_id);

/// Return the order of epoch `epoch` (from 0): the permutation that torch.randperm(n) gives with a
/// CPU generator seeded with seed + epoch, which is what Hugging Face's Trainer uses (transformers
/// 5.17, accelerate 1.15). n is below 2^32 / 20: beyond, torch uses another algorithm.
std::vector<std::int64_t> epoch_order(std::int64_t n, std::uint64_t seed, std::int64_t epoch);

/// Return the indices of each batch of an epoch; the short last batch is kept. kGrouped uses the
/// length grouping of transformers' trainer_pt_utils (mega-batches of min(n/(4 batch), 50) batches,
/// each sorted longest first, the longest of all moved to the front).
///
/// Differs from transformers in kGrouped: the permutation that is grouped is epoch_order's. The
/// Trainer draws it from torch's global generator, which cannot be reproduced from outside.
std::vector<std::vector<std::int64_t>> epoch_batches(const FeatureSet& features,
                                                     std::int32_t batch_size, BatchingMode mode,
                                                     std::uint64_t seed, std::int64_t epoch);

}  // namespace finewatt
