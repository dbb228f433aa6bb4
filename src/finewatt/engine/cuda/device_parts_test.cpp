// The parts of the device path that need neither a GPU nor LibTorch.
#include "finewatt/engine/cuda/device_input_internal.h"
#include "finewatt/engine/cuda/emulated_gpu_internal.h"
#include "finewatt/engine/cuda/launch_shape_internal.h"
#include "finewatt/engine/cuda/pending_steps_internal.h"
#include "finewatt/engine/dropout_internal.h"
#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <numeric>
#include <vector>

namespace finewatt {
namespace {

TEST(LaunchShape, CoversEveryColumnWithWholeWarpsWithinTheLimits) {
    for (const std::int64_t columns : {1, 3, 4, 48, 160, 768, 1024, 3072, 4096}) {
        for (const std::int64_t rows : {1, 7, 2131, 100000}) {
            for (const std::int64_t each : {1, 4}) {
                const LaunchShape shape = summing_column_blocks(rows, columns, each);
                EXPECT_GE(std::int64_t{shape.blocks_x} * shape.threads * each, columns);
                EXPECT_LE(shape.threads, 256U);
                EXPECT_EQ(shape.threads % 32, 0U);
                EXPECT_LE(std::int64_t{shape.blocks_y}, std::min<std::int64_t>(rows, 65535));
            }
            const LaunchShape shape = row_blocks(rows, columns);
            EXPECT_GE(4 * std::int64_t{shape.threads}, columns);
            EXPECT_LE(shape.threads, 1024U);
            EXPECT_LE(std::int64_t{shape.blocks_x}, rows);
        }
    }
    EXPECT_EQ(warp_blocks(9).blocks_x, 3U);
    EXPECT_EQ(row_blocks(0, 768).blocks_x, 0U);  // launches nothing
}

TEST(SlotRing, GivesSlotsOutInTurnAndFreesTheOldest) {
    SlotRing ring(3);
    EXPECT_TRUE(ring.is_empty());
    EXPECT_EQ(ring.push(), 0U);
    EXPECT_EQ(ring.push(), 1U);
    EXPECT_EQ(ring.push(), 2U);
    EXPECT_TRUE(ring.is_full());
    EXPECT_EQ(ring.oldest(), 0U);
    ring.pop();
    EXPECT_EQ(ring.push(), 0U);
    EXPECT_EQ(ring.oldest(), 1U);
}

TEST(RecentlyUsed, DropsWhatWasNotAskedForTheLongest) {
    RecentlyUsed<int, std::unique_ptr<int>> cache(2);
    int* const one = cache.add(1, std::make_unique<int>(10)).get();
    cache.add(2, std::make_unique<int>(20));
    ASSERT_NE(cache.find(1), nullptr);
    EXPECT_EQ(cache.find(1)->get(), one);
    cache.add(3, std::make_unique<int>(30));
    EXPECT_EQ(cache.find(2), nullptr);
    EXPECT_NE(cache.find(1), nullptr);
    EXPECT_NE(cache.find(3), nullptr);
    EXPECT_EQ(cache.size(), 2U);
}

TEST(Buckets, HoldTheBatchAndAreFew) {
    std::map<std::int64_t, int> rows_seen;
    for (std::int64_t rows = 1700; rows <= 2600; ++rows) {
        const InputShape exact{rows, 32, 128};
        const InputShape bucket = bucket_of(exact);
        EXPECT_GE(bucket.rows, exact.rows);
        EXPECT_LE(static_cast<double>(bucket.rows - exact.rows), 0.08 * static_cast<double>(rows));
        // What fills up fits its sequences.
        const std::int64_t filling = bucket.sequences - exact.sequences;
        EXPECT_LE(bucket.rows - exact.rows, filling * bucket.longest);
        EXPECT_EQ(bucket_of(bucket).rows, bucket.rows);
        rows_seen[bucket.rows] += 1;
    }
    EXPECT_LE(rows_seen.size(), 16U);
    EXPECT_EQ(bucket_of({5, 1, 5}), (InputShape{64, 9, 64}));
    EXPECT_EQ(bucket_of({3000, 12, 300}).longest, 384);
    EXPECT_EQ(bucket_of({3000, 3, 1000}).longest, 1024);
}

/// A packed batch of sequences of these lengths; sequence i is row i of the batch.
struct HostBatch {
    std::vector<std::int32_t> ids, positions, types, places, table;
    std::vector<std::int64_t> first_rows, labels;

    explicit HostBatch(const std::vector<std::int32_t>& lengths, std::int32_t padding = 0) {
        for (std::size_t s = 0; s < lengths.size(); ++s) {
            const auto first = static_cast<std::int32_t>(ids.size());
            const std::int32_t length = lengths[s] + padding;
            table.insert(table.end(), {first, length, lengths[s], static_cast<std::int32_t>(s)});
            first_rows.push_back(first);
            labels.push_back(static_cast<std::int64_t>(s) % 2);
            for (std::int32_t i = 0; i < length; ++i) {
                ids.push_back(100 * static_cast<std::int32_t>(s) + i);
                positions.push_back(i);
                types.push_back(1);
                places.insert(places.end(), {static_cast<std::int32_t>(s), i});
            }
        }
    }

    PassInput input() const {
        PassInput made;
        made.rows = static_cast<std::int64_t>(ids.size());
        made.sequences = static_cast<std::int64_t>(labels.size());
        made.ids = ids.data();
        made.positions = positions.data();
        made.type_ids = types.data();
        made.places = places.data();
        made.sequence_table = table.data();
        made.first_rows = first_rows.data();
        return made;
    }
};

TEST(FillInput, PutsEveryArrayInItsPlaceAndFillsTheBucketUp) {
    const HostBatch batch({3, 5});
    const InputLayout layout({16, 6, 4});
    std::vector<std::int32_t> block(static_cast<std::size_t>(layout.size), -7);
    StepValues values;
    values.seed = 99;
    HeadTargets targets;
    targets.labels = batch.labels.data();
    EXPECT_EQ(fill_input(layout, values, batch.input(), targets, block), 16);
    const auto array = [&](std::int64_t offset, std::int64_t count) {
        EXPECT_EQ(offset % 4, 0);
        return std::vector<std::int32_t>(block.begin() + offset, block.begin() + offset + count);
    };
    StepValues read;
    std::memcpy(static_cast<void*>(&read), block.data(), sizeof read);
    EXPECT_EQ(read.seed, 99U);
    EXPECT_EQ(array(layout.ids, 10),
              (std::vector<std::int32_t>{0, 1, 2, 100, 101, 102, 103, 104, 0, 0}));
    // Eight rows are filled up by two sequences of four; the other two places are empty.
    EXPECT_EQ(array(layout.begins, 7), (std::vector<std::int32_t>{0, 3, 8, 12, 16, 16, 16}));
    EXPECT_EQ(array(layout.key_begins, 7), array(layout.begins, 7));
    EXPECT_EQ(array(layout.lengths, 6), (std::vector<std::int32_t>{3, 5, 4, 4, 0, 0}));
    EXPECT_EQ(array(layout.first_rows, 6), (std::vector<std::int32_t>{0, 3, 8, 12, 0, 0}));
    EXPECT_EQ(array(layout.labels, 6), (std::vector<std::int32_t>{0, 1, -100, -100, -100, -100}));
    EXPECT_EQ(array(layout.token_labels, 16), std::vector<std::int32_t>(16, -100));
    EXPECT_EQ(array(layout.first_places, 4), (std::vector<std::int32_t>{0, 0, 1, 0}));
}

TEST(FillInput, KeysOfPaddingAreLeftOut) {
    const HostBatch batch({3, 1}, /*padding=*/2);
    const InputLayout layout(exact_shape(batch.input()));
    EXPECT_EQ(layout.shape, (InputShape{8, 2, 5}));
    std::vector<std::int32_t> block(static_cast<std::size_t>(layout.size));
    EXPECT_EQ(fill_input(layout, {}, batch.input(), {}, block), 4);
    const std::int32_t* keys = block.data() + layout.key_rows;
    EXPECT_EQ(std::vector<std::int32_t>(keys, keys + 4), (std::vector<std::int32_t>{0, 1, 2, 5}));
    const std::int32_t* begins = block.data() + layout.key_begins;
    EXPECT_EQ(std::vector<std::int32_t>(begins, begins + 3), (std::vector<std::int32_t>{0, 3, 4}));
}

TEST(FillInput, AnswersBeyondTheTextAreLeftOut) {
    const HostBatch batch({3, 5});
    const InputLayout layout({8, 2, 5});
    std::vector<std::int32_t> block(static_cast<std::size_t>(layout.size));
    const std::vector<std::int64_t> starts = {1, 9};
    const std::vector<std::int64_t> ends = {2, -3};
    HeadTargets targets;
    targets.starts = starts.data();
    targets.ends = ends.data();
    fill_input(layout, {}, batch.input(), targets, block);
    const auto at = [&](std::int64_t offset) { return block[static_cast<std::size_t>(offset)]; };
    EXPECT_EQ(at(layout.labels), 1);
    EXPECT_EQ(at(layout.labels + 1), 5);  // the length: counts as outside
    EXPECT_EQ(at(layout.ends), 2);
    EXPECT_EQ(at(layout.ends + 1), 0);
}

TEST(DeviceKernels, DropTheSameElementsAsTheCpu) {
    constexpr std::int64_t kColumns = 160;
    const std::vector<std::int32_t> rows_in_batch = {0, 0, 5, 31};
    const std::vector<std::int32_t> positions = {0, 1, 7, 400};
    std::vector<float> want(4 * kColumns);
    fill_activation_mask({{123456789012345ULL, 77}, 3, DropoutSite::kFeedForwardOutput}, 0.1,
                         rows_in_batch, positions, kColumns, want);
    StepValues values;
    values.seed = 123456789012345ULL;
    values.step = 77;
    std::vector<std::int32_t> places;
    for (std::size_t r = 0; r < 4; ++r) {
        places.insert(places.end(), {rows_in_batch[r], positions[r]});
    }
    const RowMask mask{&values, places.data(), 3,
                       static_cast<std::uint32_t>(DropoutSite::kFeedForwardOutput), mask_rule(0.1)};
    std::vector<float> got(want.size(), 1.0F);
    drop_rows(nullptr, 4, kColumns, mask, got.data(), got.data());
    EXPECT_EQ(got, want);
    EXPECT_NE(std::count(got.begin(), got.end(), 0.0F), 0);
}

TEST(DeviceKernels, LowValuesAreRoundedAsTheCpuRoundsThem) {
    // Through LayerNorm's shift alone: gain 0 makes y the shift.
    const std::vector<float> shift = {1.00390625F, 1.01171875F, -3.3e38F, 1e-30F};
    const std::vector<float> zeros(4, 0.0F);
    const std::vector<Bfloat16> x(4);
    std::vector<float> normalised(4);
    std::vector<float> inverse(1);
    std::vector<float> y(4);
    std::vector<Bfloat16> low(4);
    std::vector<Bfloat16> want(4);
    norm_forward(nullptr, {1, 4, zeros.data(), shift.data(), 1e-12F}, {}, zeros.data(), x.data(),
                 zeros.data(), {normalised.data(), inverse.data(), y.data(), low.data()});
    cpu_kernels().to_bfloat16(4, shift.data(), want.data());
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(low[i].bits, want[i].bits) << i;
        EXPECT_EQ(y[i], shift[i]);
    }
}

TEST(EmulatedGpu, BarriersHoldWhenThreadsEndEarly) {
    std::vector<float> sums(2, 0.0F);
    emulate({2, 1, 64}, [&] {
        if (threadIdx.x >= 40 && threadIdx.x < 48) {
            return;  // part of a warp
        }
        __syncthreads();
        atomicAdd(sums.data() + blockIdx.x, 1.0F);
    });
    EXPECT_EQ(sums, (std::vector<float>{56, 56}));
}

TEST(EmulatedGpu, ShufflesGiveTheOtherLanesValue) {
    std::vector<float> got(32);
    emulate({1, 1, 32}, [&] {
        got[threadIdx.x] = __shfl_xor_sync(0xFFFFFFFFU, static_cast<float>(threadIdx.x), 5);
    });
    for (unsigned i = 0; i < 32; ++i) {
        EXPECT_EQ(got[i], static_cast<float>(i ^ 5U));
    }
}

}  // namespace
}  // namespace finewatt
