// TokenStats: what an epoch over a data set costs in tokens, by the very batches that training
// makes.
//
// Main function: count_tokens. Not for time or energy. Source of the padded batch length: "Energy
// and Carbon Considerations of Fine-Tuning BERT" (Wang et al. 2023), Table 1: the mean, over the
// batches of the training split, of the longest sequence in the batch.
#pragma once

#include "finewatt/data/batch.h"
#include "finewatt/data/features.h"

#include <cstdint>

namespace finewatt {

/// Lengths of the features themselves, in tokens, special tokens included.
struct LengthStats {
    double mean = 0;
    double median = 0;  ///< of an even number, the mean of the two in the middle
    std::int64_t longest = 0;
};

/// One epoch in one batching mode.
struct EpochStats {
    BatchingMode mode = BatchingMode::kDynamic;
    std::int64_t batches = 0;
    std::int64_t real_tokens = 0;
    std::int64_t padded_tokens = 0;  ///< what is computed, padding included
    /// Mean, over the batches, of the rows that one sequence occupies.
    double padded_batch_length_mean = 0;

    /// Share of padding in what is computed.
    double padding_share() const;
};

/// How to batch.
struct EpochOptions {
    std::int32_t batch = 32;
    std::int32_t max_length = 128;
    std::uint64_t seed = 42;
    std::int64_t epoch = 0;
};

/// `features` must not be empty.
LengthStats feature_lengths(const FeatureSet& features);

/// Walk one epoch in the order and the batches of training. `features` must not be empty, and no
/// feature longer than max_length.
EpochStats count_tokens(const FeatureSet& features, BatchingMode mode, const EpochOptions& options);

}  // namespace finewatt
