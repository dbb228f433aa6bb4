#include "finewatt/data/batch.h"

#include "finewatt/base/check.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <random>
#include <utility>

namespace finewatt {
namespace {

constexpr std::array<std::pair<std::string_view, BatchingMode>, 4> kModeNames = {{
    {"dynamic", BatchingMode::kDynamic},
    {"fixed", BatchingMode::kFixed},
    {"grouped", BatchingMode::kGrouped},
    {"unpadded", BatchingMode::kUnpadded},
}};

/// Return the rows a sequence occupies.
std::int32_t padded_length(std::int32_t real, std::int32_t longest, BatchingMode mode,
                           std::int32_t max_length) {
    switch (mode) {
        case BatchingMode::kUnpadded:
            return real;
        case BatchingMode::kFixed:
            return max_length;
        case BatchingMode::kDynamic:
        case BatchingMode::kGrouped:
            break;
    }
    return longest;
}

std::int32_t length_of(const FeatureSet& features, std::int64_t index) {
    return static_cast<std::int32_t>(features.length(static_cast<std::size_t>(index)));
}

/// Append the values of one sequence, then padding up to `rows` rows.
void append_padded(std::span<const std::int32_t> values, std::int32_t rows, std::int32_t padding,
                   std::vector<std::int32_t>& out) {
    out.insert(out.end(), values.begin(), values.end());
    out.insert(out.end(), static_cast<std::size_t>(rows) - values.size(), padding);
}

/// Append what a feature says about its right answer.
void append_labels(TaskKind kind, const FeatureView& feature, std::int32_t rows, Batch& batch) {
    switch (kind) {
        case TaskKind::kClassification:
            batch.labels.push_back(feature.label);
            return;
        case TaskKind::kTokenClassification:
            append_padded(feature.token_labels, rows, kIgnoredLabel, batch.token_labels);
            return;
        case TaskKind::kQuestionAnswering:
            batch.answer_starts.push_back(feature.answer_start);
            batch.answer_ends.push_back(feature.answer_end);
            return;
    }
}

/// Append one sequence of `rows` rows: the feature's tokens, then padding.
void append_sequence(TaskKind kind, const FeatureView& feature, std::int32_t rows,
                     std::int32_t pad_id, Batch& batch) {
    const auto real = static_cast<std::int32_t>(feature.ids.size());
    append_padded(feature.ids, rows, pad_id, batch.ids);
    append_padded(feature.type_ids, rows, 0, batch.type_ids);
    append_labels(kind, feature, rows, batch);
    for (std::int32_t position = 0; position < rows; ++position) {
        batch.positions.push_back(position);
    }
    batch.cu_seqlens.push_back(batch.cu_seqlens.back() + rows);
    batch.key_len.push_back(real);
    batch.max_len = std::max(batch.max_len, rows);
    batch.tokens_real += real;
}

/// Order a permutation as transformers' get_length_grouped_indices does: mega-batches of the
/// permutation, each sorted longest first, the longest example of all moved to the front.
/// Source: transformers 5.17, trainer_pt_utils.py.
void group_by_length(const FeatureSet& features, std::int64_t batch_size,
                     std::vector<std::int64_t>& order) {
    const auto n = static_cast<std::int64_t>(order.size());
    constexpr std::int64_t kMostBatchesInAMegaBatch = 50;
    const std::int64_t batches =
        std::clamp<std::int64_t>(n / (batch_size * 4), 1, kMostBatchesInAMegaBatch);
    const std::int64_t step = batches * batch_size;
    const auto longer = [&](std::int64_t a, std::int64_t b) {
        return length_of(features, a) > length_of(features, b);
    };
    std::int64_t longest_at = 0;
    for (std::int64_t begin = 0; begin < n; begin += step) {
        // Stable, as Python's sort: examples of one length stay in the permutation's order.
        std::stable_sort(order.begin() + begin, order.begin() + std::min(begin + step, n), longer);
        if (longer(order[static_cast<std::size_t>(begin)],
                   order[static_cast<std::size_t>(longest_at)])) {
            longest_at = begin;
        }
    }
    if (n > 0) {
        std::swap(order.front(), order[static_cast<std::size_t>(longest_at)]);
    }
}

}  // namespace

std::optional<BatchingMode> parse_batching_mode(std::string_view name) {
    for (const auto& entry : kModeNames) {
        if (entry.first == name) {
            return entry.second;
        }
    }
    return std::nullopt;
}

std::string_view batching_mode_name(BatchingMode mode) {
    for (const auto& entry : kModeNames) {
        if (entry.second == mode) {
            return entry.first;
        }
    }
    check_failed("mode", "every batching mode has a name", __FILE__, __LINE__);
}

Batch make_batch(const FeatureSet& features, std::span<const std::int64_t> indices,
                 BatchingMode mode, std::int32_t max_length, std::int32_t pad_id) {
    std::int32_t longest = 0;
    for (const std::int64_t index : indices) {
        FINEWATT_CHECK(index >= 0 && static_cast<std::size_t>(index) < features.size(),
                       "a batch is made of features that exist");
        longest = std::max(longest, length_of(features, index));
    }
    FINEWATT_CHECK(mode != BatchingMode::kFixed || longest <= max_length,
                   "features are cut to max_length before they are batched");
    const auto sequences = static_cast<std::int64_t>(indices.size());
    FINEWATT_CHECK(sequences * (mode == BatchingMode::kFixed ? max_length : longest) <=
                       std::numeric_limits<std::int32_t>::max(),
                   "rows of a batch are counted in int32");

    Batch batch;
    batch.mode = mode;
    batch.cu_seqlens.push_back(0);
    for (const std::int64_t index : indices) {
        const FeatureView feature = features[static_cast<std::size_t>(index)];
        append_sequence(features.kind(), feature,
                        padded_length(length_of(features, index), longest, mode, max_length),
                        pad_id, batch);
        batch.example_index.push_back(index);
    }
    batch.tokens_padded = batch.cu_seqlens.back();
    batch.tokens_padded_would_be = sequences * longest;
    return batch;
}

std::vector<std::int64_t> epoch_order(std::int64_t n, std::uint64_t seed, std::int64_t epoch) {
    // ATen's randperm on CPU (aten/src/ATen/native/TensorFactories.cpp, randperm_cpu): below this
    // size each step takes 32 random bits; from it on another algorithm is used.
    constexpr std::int64_t kLargest = (std::int64_t{1} << 32) / 20;
    FINEWATT_CHECK(n >= 0 && n < kLargest, "an epoch has fewer than 2^32 / 20 examples");
    std::vector<std::int64_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    // ATen's mt19937 is std::mt19937 seeded with the lower 32 bits of the seed.
    const std::uint64_t epoch_seed = seed + static_cast<std::uint64_t>(epoch);
    std::mt19937 random(static_cast<std::uint32_t>(epoch_seed));
    for (std::size_t i = 0; i + 1 < order.size(); ++i) {
        const std::size_t step = random() % (order.size() - i);
        std::swap(order[i], order[i + step]);
    }
    return order;
}

std::vector<std::vector<std::int64_t>> epoch_batches(const FeatureSet& features,
                                                     std::int32_t batch_size, BatchingMode mode,
                                                     std::uint64_t seed, std::int64_t epoch) {
    FINEWATT_CHECK(batch_size > 0, "a batch has at least one example");
    std::vector<std::int64_t> order =
        epoch_order(static_cast<std::int64_t>(features.size()), seed, epoch);
    if (mode == BatchingMode::kGrouped) {
        group_by_length(features, batch_size, order);
    }
    std::vector<std::vector<std::int64_t>> batches;
    const auto size = static_cast<std::size_t>(batch_size);
    for (std::size_t begin = 0; begin < order.size(); begin += size) {
        const std::size_t end = std::min(begin + size, order.size());
        batches.emplace_back(order.begin() + static_cast<std::ptrdiff_t>(begin),
                             order.begin() + static_cast<std::ptrdiff_t>(end));
    }
    return batches;
}

}  // namespace finewatt
