#include "finewatt/data/token_stats.h"

#include "finewatt/data/task_data.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/shared_data.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace finewatt {
namespace {

FeatureSet features_of(const std::vector<std::size_t>& lengths) {
    FeatureSetBuilder builder(TaskKind::kClassification);
    for (const std::size_t length : lengths) {
        const std::vector<std::int32_t> zeros(length);
        builder.add({.ids = zeros, .type_ids = zeros});
    }
    return std::move(builder).finish();
}

TEST(FeatureLengths, MedianOfAnEvenNumberLiesBetweenTheMiddleTwo) {
    const LengthStats even = feature_lengths(features_of({9, 2, 4, 5}));
    EXPECT_DOUBLE_EQ(even.median, 4.5);
    EXPECT_DOUBLE_EQ(even.mean, 5.0);
    EXPECT_EQ(even.longest, 9);
    EXPECT_DOUBLE_EQ(feature_lengths(features_of({9, 2, 4})).median, 4.0);
}

TEST(CountTokens, CountsWhatTrainingComputes) {
    // One batch of all: 20 real tokens, the longest of 9.
    const FeatureSet features = features_of({9, 2, 4, 5});
    const EpochOptions options{.batch = 8, .max_length = 16};
    const EpochStats dynamic = count_tokens(features, BatchingMode::kDynamic, options);
    EXPECT_EQ(dynamic.batches, 1);
    EXPECT_EQ(dynamic.real_tokens, 20);
    EXPECT_EQ(dynamic.padded_tokens, 36);
    EXPECT_DOUBLE_EQ(dynamic.padded_batch_length_mean, 9.0);
    EXPECT_DOUBLE_EQ(dynamic.padding_share(), 1.0 - 20.0 / 36.0);
    EXPECT_EQ(count_tokens(features, BatchingMode::kFixed, options).padded_tokens, 64);
    const EpochStats unpadded = count_tokens(features, BatchingMode::kUnpadded, options);
    EXPECT_EQ(unpadded.padded_tokens, 20);
    EXPECT_DOUBLE_EQ(unpadded.padded_batch_length_mean, 5.0);
    EXPECT_DOUBLE_EQ(unpadded.padding_share(), 0.0);
}

TEST(CountTokens, MeanIsOverTheBatchesOfTraining) {
    const std::vector<std::size_t> lengths = {9, 2, 4, 5, 7, 3, 8};
    const FeatureSet features = features_of(lengths);
    const EpochOptions options{.batch = 3, .max_length = 16, .seed = 5, .epoch = 2};
    for (const BatchingMode mode : {BatchingMode::kDynamic, BatchingMode::kGrouped}) {
        std::vector<std::size_t> longest;  // of each batch, by the order of training
        for (const auto& batch : epoch_batches(features, 3, mode, 5, 2)) {
            longest.push_back(0);
            for (const std::int64_t i : batch) {
                longest.back() = std::max(longest.back(), lengths[static_cast<std::size_t>(i)]);
            }
        }
        ASSERT_EQ(longest.size(), 3U);
        const EpochStats stats = count_tokens(features, mode, options);
        EXPECT_EQ(stats.batches, 3);
        // Each batch counts once, the short last one (of a single example) too.
        EXPECT_DOUBLE_EQ(stats.padded_batch_length_mean,
                         static_cast<double>(longest[0] + longest[1] + longest[2]) / 3.0);
        EXPECT_EQ(stats.padded_tokens,
                  static_cast<std::int64_t>(3 * longest[0] + 3 * longest[1] + longest[2]));
    }
}

/// Features of a real training split with the uncased vocabulary, as Table 1 of the paper has it.
Result<FeatureSet> real_features(const std::string& task, const std::filesystem::path& file,
                                 const std::filesystem::path& vocabulary) {
    FINEWATT_ASSIGN(const TaskData data, read_task_data(*find_task(task), file));
    FINEWATT_ASSIGN(const WordPieceTokenizer tokenizer,
                    WordPieceTokenizer::from_vocab_file(vocabulary, {}));
    return make_features(data, tokenizer, {.max_length = 128});
}

TEST(CountTokensShared, RteHasTheBatchLengthOfThePaper) {
    FINEWATT_SHARED_OR_SKIP(file, "data/rte/train.tsv.gz");
    FINEWATT_SHARED_OR_SKIP(vocabulary, "data/vocab/bert-base-uncased-vocab.txt");
    ASSERT_OK_AND_ASSIGN(const FeatureSet features, real_features("rte", file, vocabulary));
    EXPECT_EQ(features.size(), 2490U);
    EXPECT_EQ(features.total_tokens(), 165740);
    EXPECT_DOUBLE_EQ(feature_lengths(features).median, 56.0);
    const EpochStats stats = count_tokens(features, BatchingMode::kDynamic, {});
    // 0.1: the rounding of the expected figure; over shuffles it moves less at batch 32.
    EXPECT_NEAR(stats.padded_batch_length_mean, 127.9, 0.1);
    EXPECT_NEAR(stats.padding_share(), 0.479, 0.002);
    EXPECT_EQ(stats.batches, 78);
    EXPECT_LT(count_tokens(features, BatchingMode::kGrouped, {}).padding_share(), 0.06);
}

TEST(CountTokensShared, Sst2HasTheBatchLengthOfThePaper) {
    FINEWATT_SHARED_OR_SKIP(file, "data/sst2/train.tsv.gz");
    FINEWATT_SHARED_OR_SKIP(vocabulary, "data/vocab/bert-base-uncased-vocab.txt");
    ASSERT_OK_AND_ASSIGN(const FeatureSet features, real_features("sst2", file, vocabulary));
    EXPECT_EQ(features.size(), 67349U);
    const EpochStats stats = count_tokens(features, BatchingMode::kDynamic, {});
    // 0.2: the spread over shuffles.
    EXPECT_NEAR(stats.padded_batch_length_mean, 40.1, 0.2);
}

}  // namespace
}  // namespace finewatt
