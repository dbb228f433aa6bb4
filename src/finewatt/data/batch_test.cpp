#include "finewatt/data/batch.h"

#include "finewatt/base/file.h"
#include "finewatt/data/order_golden_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/places.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace finewatt {
namespace {

using ::testing::ElementsAre;
using Indices = std::vector<std::int64_t>;

constexpr std::int32_t kPad = 9;

using Values = std::vector<std::int32_t>;

/// Three examples of 2, 4 and 3 tokens.
FeatureSet three_features() {
    FeatureSetBuilder builder(TaskKind::kClassification);
    builder.add({.ids = Values{1, 2}, .type_ids = Values{0, 1}, .label = 5});
    builder.add({.ids = Values{3, 4, 5, 6}, .type_ids = Values{0, 0, 1, 1}, .label = 6});
    builder.add({.ids = Values{7, 8, 1}, .type_ids = Values{0, 0, 0}, .label = 7});
    return std::move(builder).finish();
}

Batch batch_of(const Indices& indices, BatchingMode mode) {
    return make_batch(three_features(), indices, mode, 6, kPad);
}

TEST(MakeBatch, UnpaddedHoldsOnlyRealTokens) {
    const Batch batch = batch_of({2, 0}, BatchingMode::kUnpadded);
    EXPECT_THAT(batch.ids, ElementsAre(7, 8, 1, 1, 2));
    EXPECT_THAT(batch.type_ids, ElementsAre(0, 0, 0, 0, 1));
    EXPECT_THAT(batch.positions, ElementsAre(0, 1, 2, 0, 1));
    EXPECT_THAT(batch.cu_seqlens, ElementsAre(0, 3, 5));
    EXPECT_THAT(batch.key_len, ElementsAre(3, 2));
    EXPECT_THAT(batch.labels, ElementsAre(7, 5));
    EXPECT_THAT(batch.example_index, ElementsAre(2, 0));
    EXPECT_EQ(batch.max_len, 3);
    EXPECT_EQ(batch.tokens_real, 5);
    EXPECT_EQ(batch.tokens_padded, 5);
    EXPECT_EQ(batch.tokens_padded_would_be, 6);
}

TEST(MakeBatch, DynamicPadsToTheLongestOfTheBatch) {
    const Batch batch = batch_of({0, 2}, BatchingMode::kDynamic);
    EXPECT_THAT(batch.ids, ElementsAre(1, 2, kPad, 7, 8, 1));
    EXPECT_THAT(batch.type_ids, ElementsAre(0, 1, 0, 0, 0, 0));
    EXPECT_THAT(batch.positions, ElementsAre(0, 1, 2, 0, 1, 2));
    EXPECT_THAT(batch.cu_seqlens, ElementsAre(0, 3, 6));
    EXPECT_THAT(batch.key_len, ElementsAre(2, 3));
    EXPECT_EQ(batch.max_len, 3);
    EXPECT_EQ(batch.tokens_real, 5);
    EXPECT_EQ(batch.tokens_padded, 6);
    EXPECT_EQ(batch.tokens_padded_would_be, 6);
}

TEST(MakeBatch, GroupedPadsLikeDynamic) {
    const Batch grouped = batch_of({1, 0}, BatchingMode::kGrouped);
    const Batch dynamic = batch_of({1, 0}, BatchingMode::kDynamic);
    EXPECT_EQ(grouped.ids, dynamic.ids);
    EXPECT_EQ(grouped.cu_seqlens, dynamic.cu_seqlens);
    EXPECT_EQ(grouped.tokens_padded, 8);
}

TEST(MakeBatch, FixedPadsToTheGivenLength) {
    const Batch batch = batch_of({0, 1}, BatchingMode::kFixed);
    EXPECT_THAT(batch.ids, ElementsAre(1, 2, kPad, kPad, kPad, kPad, 3, 4, 5, 6, kPad, kPad));
    EXPECT_THAT(batch.cu_seqlens, ElementsAre(0, 6, 12));
    EXPECT_THAT(batch.key_len, ElementsAre(2, 4));
    EXPECT_EQ(batch.max_len, 6);
    EXPECT_EQ(batch.tokens_padded, 12);
    EXPECT_EQ(batch.tokens_padded_would_be, 8);
}

TEST(MakeBatch, BatchOfNoneIsEmpty) {
    const Batch batch = batch_of({}, BatchingMode::kFixed);
    EXPECT_TRUE(batch.ids.empty());
    EXPECT_THAT(batch.cu_seqlens, ElementsAre(0));
    EXPECT_EQ(batch.tokens_padded, 0);
}

TEST(MakeBatch, TokenLabelsArePaddedAsIgnored) {
    FeatureSetBuilder builder(TaskKind::kTokenClassification);
    builder.add({.ids = Values{1, 2, 3},
                 .type_ids = Values{0, 0, 0},
                 .token_labels = Values{kIgnoredLabel, 4, kIgnoredLabel},
                 .word_ids = Values{-1, 0, -1}});
    builder.add({.ids = Values{5},
                 .type_ids = Values{0},
                 .token_labels = Values{6},
                 .word_ids = Values{0}});
    const FeatureSet features = std::move(builder).finish();
    const Indices indices = {1, 0};
    const Batch dynamic = make_batch(features, indices, BatchingMode::kDynamic, 0, kPad);
    EXPECT_THAT(dynamic.token_labels,
                ElementsAre(6, kIgnoredLabel, kIgnoredLabel, kIgnoredLabel, 4, kIgnoredLabel));
    const Batch unpadded = make_batch(features, indices, BatchingMode::kUnpadded, 0, kPad);
    EXPECT_THAT(unpadded.token_labels, ElementsAre(6, kIgnoredLabel, 4, kIgnoredLabel));
    EXPECT_TRUE(dynamic.labels.empty());
    EXPECT_TRUE(dynamic.answer_starts.empty());
}

TEST(MakeBatch, AnswersAreThoseOfTheSequences) {
    const Values tokens = {1, 2, 3};
    FeatureSetBuilder builder(TaskKind::kQuestionAnswering);
    builder.add({.ids = tokens,
                 .type_ids = tokens,
                 .answer_start = 1,
                 .answer_end = 2,
                 .offset_begins = tokens,
                 .offset_ends = tokens});
    builder.add(
        {.ids = tokens, .type_ids = tokens, .offset_begins = tokens, .offset_ends = tokens});
    const FeatureSet features = std::move(builder).finish();
    const Indices indices = {1, 0};
    const Batch batch = make_batch(features, indices, BatchingMode::kFixed, 5, kPad);
    EXPECT_THAT(batch.answer_starts, ElementsAre(0, 1));
    EXPECT_THAT(batch.answer_ends, ElementsAre(0, 2));
    EXPECT_TRUE(batch.labels.empty());
    EXPECT_TRUE(batch.token_labels.empty());
}

TEST(MakeBatchDeathTest, FeatureLongerThanTheFixedLengthIsABug) {
    const FeatureSet features = three_features();
    const Indices indices = {1};
    EXPECT_DEATH(make_batch(features, indices, BatchingMode::kFixed, 3, kPad), "cut to max_length");
}

TEST(EpochOrder, EqualsTorchAndTransformers) {
    ASSERT_OK_AND_ASSIGN(const std::string golden,
                         read_file(testing::source_dir() + "/src/finewatt/data/golden/order.json"));
    expect_orders_equal(golden);
}

TEST(EpochOrder, EpochShiftsTheSeed) {
    EXPECT_EQ(epoch_order(100, 42, 3), epoch_order(100, 45, 0));
    EXPECT_NE(epoch_order(100, 42, 3), epoch_order(100, 42, 4));
}

TEST(EpochBatches, EachExampleComesOnceInEveryMode) {
    FeatureSetBuilder builder(TaskKind::kClassification);
    for (std::size_t i = 0; i < 103; ++i) {
        const Values zeros(1 + (i * 37) % 50);
        builder.add({.ids = zeros, .type_ids = zeros});
    }
    const FeatureSet features = std::move(builder).finish();
    for (const BatchingMode mode : {BatchingMode::kDynamic, BatchingMode::kFixed,
                                    BatchingMode::kGrouped, BatchingMode::kUnpadded}) {
        SCOPED_TRACE(batching_mode_name(mode));
        const auto batches = epoch_batches(features, 8, mode, 1, 2);
        ASSERT_EQ(batches.size(), 13U);
        EXPECT_EQ(batches.back().size(), 7U);
        Indices seen;
        for (const Indices& batch : batches) {
            seen.insert(seen.end(), batch.begin(), batch.end());
        }
        std::sort(seen.begin(), seen.end());
        for (std::size_t i = 0; i < seen.size(); ++i) {
            ASSERT_EQ(seen[i], static_cast<std::int64_t>(i));
        }
        ASSERT_EQ(seen.size(), features.size());
    }
}

TEST(EpochBatches, NoFeaturesGiveNoBatches) {
    EXPECT_TRUE(epoch_batches(FeatureSet(), 4, BatchingMode::kGrouped, 0, 0).empty());
    EXPECT_TRUE(epoch_batches(FeatureSet(), 4, BatchingMode::kDynamic, 0, 0).empty());
}

TEST(BatchingModeNames, AreReadBack) {
    for (const BatchingMode mode : {BatchingMode::kDynamic, BatchingMode::kFixed,
                                    BatchingMode::kGrouped, BatchingMode::kUnpadded}) {
        EXPECT_EQ(parse_batching_mode(batching_mode_name(mode)), mode);
    }
    EXPECT_EQ(parse_batching_mode("Dynamic"), std::nullopt);
}

}  // namespace
}  // namespace finewatt
