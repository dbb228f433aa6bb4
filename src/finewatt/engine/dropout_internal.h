// Dropout masks from counters: whether an element is kept depends on (seed, step, layer, site, row
// in the batch, position, column) and on nothing else. So padded and packed batches, any number of
// threads, and a resumed run all drop the same elements.
//
// Generator: the 64-bit mixer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) makes a key for each
// row; a 32-bit finaliser of the MurmurHash3 family (Appleby, 2011) makes one number per column.
// Not for anything that needs more than the few million draws of a training step to look random.
#pragma once

#include "finewatt/engine/kernels/cpu_kernels.h"

#include <cstdint>
#include <span>

namespace finewatt {

/// Where in the model a mask is used. Values are part of the random stream: do not renumber.
enum class DropoutSite : std::uint32_t {
    kEmbeddings = 0,
    kAttentionProbabilities = 1,
    kAttentionOutput = 2,
    kFeedForwardOutput = 3,
    kPooled = 4,    ///< rows [B, H] before the classifier of texts
    kHeadRows = 5,  ///< rows [T, H] before a head that answers for every token
};

/// Which stream of masks a training step draws from.
struct DropoutStep {
    std::uint64_t seed = 0;
    std::int64_t step = 0;  ///< from 0
};

/// Which mask of the step. `layer` is 0 outside the blocks.
struct DropoutPlace {
    DropoutStep step;
    std::int64_t layer = 0;
    DropoutSite site = DropoutSite::kEmbeddings;
};

/// Return the rule of a probability p in [0, 1).
MaskRule mask_rule(double p);

/// Return what the keys of all rows of a place start from.
std::uint64_t dropout_base(const DropoutPlace& place);

/// Return the key of a row of activations.
std::uint64_t activation_key(std::uint64_t base, std::int32_t row_in_batch, std::int32_t position);

/// Return the key of a row of attention probabilities.
std::uint64_t attention_key(std::uint64_t base, std::int32_t row_in_batch, std::int64_t head,
                            std::int64_t query);

/// Fill mask [rows, columns] for activations: 0 where dropped, 1 / (1 - p) where kept.
/// rows_in_batch and positions have one entry per row; p in [0, 1). Uses OpenMP.
void fill_activation_mask(const DropoutPlace& place, double p,
                          std::span<const std::int32_t> rows_in_batch,
                          std::span<const std::int32_t> positions, std::int64_t columns,
                          std::span<float> mask);

/// Fill mask [sequences, heads, length, length] for attention probabilities; rows_in_batch has one
/// entry per sequence. The column is the key's position. Uses OpenMP.
void fill_attention_mask(const DropoutPlace& place, double p,
                         std::span<const std::int32_t> rows_in_batch, std::int64_t heads,
                         std::int64_t length, std::span<float> mask);

}  // namespace finewatt
