#include "finewatt/data/token_stats.h"

#include "finewatt/base/check.h"

#include <algorithm>
#include <vector>

namespace finewatt {

double EpochStats::padding_share() const {
    return 1.0 - static_cast<double>(real_tokens) / static_cast<double>(padded_tokens);
}

LengthStats feature_lengths(const FeatureSet& features) {
    FINEWATT_CHECK(!features.empty(), "there are features to count");
    std::vector<std::int64_t> lengths(features.size());
    for (std::size_t i = 0; i < lengths.size(); ++i) {
        lengths[i] = features.length(i);
    }
    std::sort(lengths.begin(), lengths.end());
    LengthStats stats;
    const std::size_t middle = lengths.size() / 2;
    stats.median = lengths.size() % 2 == 1
                       ? static_cast<double>(lengths[middle])
                       : static_cast<double>(lengths[middle - 1] + lengths[middle]) / 2.0;
    stats.longest = lengths.back();
    stats.mean =
        static_cast<double>(features.total_tokens()) / static_cast<double>(features.size());
    return stats;
}

EpochStats count_tokens(const FeatureSet& features, BatchingMode mode,
                        const EpochOptions& options) {
    FINEWATT_CHECK(!features.empty(), "there are features to count");
    EpochStats stats;
    stats.mode = mode;
    double length_sum = 0;
    for (const auto& indices :
         epoch_batches(features, options.batch, mode, options.seed, options.epoch)) {
        constexpr std::int32_t kPadId = 0;  // which token pads does not change the counts
        const Batch batch = make_batch(features, indices, mode, options.max_length, kPadId);
        ++stats.batches;
        stats.real_tokens += batch.tokens_real;
        stats.padded_tokens += batch.tokens_padded;
        length_sum +=
            static_cast<double>(batch.tokens_padded) / static_cast<double>(indices.size());
    }
    stats.padded_batch_length_mean = length_sum / static_cast<double>(stats.batches);
    return stats;
}

}  // namespace finewatt
