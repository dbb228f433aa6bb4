#include "finewatt/data/batch.h"

#include "finewatt/base/file.h"
#include "finewatt/data/order_golden_internal.h"
#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace finewatt {
namespace {

using ::testing::ElementsAre;
using Indices = std::vector<std::int64_t>;

constexpr std::int32_t kPad = 9;

/// Three examples of 2, 4 and 3 tokens.
std::vector<Feature> three_features() {
    return {{{1, 2}, {0, 1}, 5}, {{3, 4, 5, 6}, {0, 0, 1, 1}, 6}, {{7, 8, 1}, {0, 0, 0}, 7}};
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

TEST(MakeBatchDeathTest, FeatureLongerThanTheFixedLengthIsABug) {
    const std::vector<Feature> features = three_features();
    const Indices indices = {1};
    EXPECT_DEATH(make_batch(features, indices, BatchingMode::kFixed, 3, kPad), "cut to max_length");
}

TEST(EpochOrder, EqualsTorchAndTransformers) {
    ASSERT_OK_AND_ASSIGN(
        const std::string golden,
        read_file(std::string(FINEWATT_SOURCE_DIR) + "/src/finewatt/data/golden/order.json"));
    expect_orders_equal(golden);
}

TEST(EpochOrder, EpochShiftsTheSeed) {
    EXPECT_EQ(epoch_order(100, 42, 3), epoch_order(100, 45, 0));
    EXPECT_NE(epoch_order(100, 42, 3), epoch_order(100, 42, 4));
}

TEST(EpochBatches, EachExampleComesOnceInEveryMode) {
    std::vector<Feature> features;
    for (std::size_t i = 0; i < 103; ++i) {
        const std::size_t length = 1 + (i * 37) % 50;
        features.push_back({std::vector<std::int32_t>(length), std::vector<std::int32_t>(length)});
    }
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
    EXPECT_TRUE(epoch_batches({}, 4, BatchingMode::kGrouped, 0, 0).empty());
    EXPECT_TRUE(epoch_batches({}, 4, BatchingMode::kDynamic, 0, 0).empty());
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
