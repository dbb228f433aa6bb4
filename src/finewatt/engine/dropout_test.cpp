#include "finewatt/engine/dropout_internal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace finewatt {
namespace {

constexpr double kDrop = 0.1;

/// The mask of one sequence of `length` positions, row `row` of the batch.
std::vector<float> activation_mask(const DropoutPlace& place, std::int32_t row, std::int32_t length,
                                   std::int64_t columns) {
    const std::vector<std::int32_t> rows(static_cast<std::size_t>(length), row);
    std::vector<std::int32_t> positions(static_cast<std::size_t>(length));
    std::iota(positions.begin(), positions.end(), 0);
    std::vector<float> mask(static_cast<std::size_t>(length * columns));
    fill_activation_mask(place, kDrop, rows, positions, columns, mask);
    return mask;
}

double dropped_share(const std::vector<float>& mask) {
    return static_cast<double>(std::count(mask.begin(), mask.end(), 0.0F)) /
           static_cast<double>(mask.size());
}

/// Share of places where both masks drop; p squared when they are independent.
double both_dropped(const std::vector<float>& a, const std::vector<float>& b) {
    std::ptrdiff_t both = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        both += a[i] == 0.0F && b[i] == 0.0F ? 1 : 0;
    }
    return static_cast<double>(both) / static_cast<double>(a.size());
}

TEST(ActivationMask, DropsTheGivenShareAndKeepsTheMean) {
    const auto mask = activation_mask({{42, 7}, 3, DropoutSite::kAttentionOutput}, 5, 500, 768);
    // 384,000 draws: the standard deviation of the share is 0.0005; five of them are allowed.
    EXPECT_NEAR(dropped_share(mask), kDrop, 0.0025);
    for (const float value : mask) {
        ASSERT_TRUE(value == 0.0F || value == static_cast<float>(1 / 0.9)) << value;
    }
}

TEST(ActivationMask, DoesNotDependOnTheLengthOrTheNeighbours) {
    const DropoutPlace place{{42, 7}, 3, DropoutSite::kFeedForwardOutput};
    const auto shorter = activation_mask(place, 2, 5, 64);
    const auto longer = activation_mask(place, 2, 9, 64);
    EXPECT_TRUE(std::equal(shorter.begin(), shorter.end(), longer.begin()));
}

TEST(ActivationMask, DiffersIndependentlyBySeedStepLayerSiteRowAndPosition) {
    const DropoutPlace place{{42, 7}, 3, DropoutSite::kFeedForwardOutput};
    const auto base = activation_mask(place, 2, 300, 384);
    auto other_seed = place;
    other_seed.step.seed = 43;
    auto other_step = place;
    other_step.step.step = 8;
    auto other_layer = place;
    other_layer.layer = 4;
    auto other_site = place;
    other_site.site = DropoutSite::kAttentionOutput;
    const auto shifted = [&] {  // the same row, one position on
        auto mask = activation_mask(place, 2, 301, 384);
        mask.erase(mask.begin(), mask.begin() + 384);
        return mask;
    }();
    const std::vector<std::vector<float>> others = {
        activation_mask(other_seed, 2, 300, 384),  activation_mask(other_step, 2, 300, 384),
        activation_mask(other_layer, 2, 300, 384), activation_mask(other_site, 2, 300, 384),
        activation_mask(place, 3, 300, 384),       shifted};
    for (std::size_t i = 0; i < others.size(); ++i) {
        // 115,200 pairs: the standard deviation is 0.0003; five of them are allowed.
        EXPECT_NEAR(both_dropped(base, others[i]), kDrop * kDrop, 0.0015) << "variant " << i;
    }
}

TEST(ActivationMask, NeighbouringColumnsAreIndependent) {
    const auto mask = activation_mask({{1, 0}, 0, DropoutSite::kEmbeddings}, 0, 400, 512);
    std::ptrdiff_t both = 0;
    for (std::size_t i = 0; i + 1 < mask.size(); ++i) {
        both += mask[i] == 0.0F && mask[i + 1] == 0.0F ? 1 : 0;
    }
    // 204,800 pairs: the standard deviation is 0.0002; five of them are allowed.
    EXPECT_NEAR(static_cast<double>(both) / static_cast<double>(mask.size()), kDrop * kDrop, 0.001);
}

TEST(AttentionMask, OfAPaddedSequenceBeginsLikeTheUnpaddedOne) {
    const DropoutPlace place{{9, 1}, 2, DropoutSite::kAttentionProbabilities};
    const std::vector<std::int32_t> rows = {4};
    std::vector<float> exact(2 * 3 * 3);
    std::vector<float> padded(2 * 5 * 5);
    fill_attention_mask(place, kDrop, rows, 2, 3, exact);
    fill_attention_mask(place, kDrop, rows, 2, 5, padded);
    for (std::size_t head = 0; head < 2; ++head) {
        for (std::size_t query = 0; query < 3; ++query) {
            for (std::size_t key = 0; key < 3; ++key) {
                EXPECT_EQ(exact[(head * 3 + query) * 3 + key],
                          padded[(head * 5 + query) * 5 + key]);
            }
        }
    }
}

TEST(AttentionMask, DropsTheGivenShareInEveryHead) {
    const DropoutPlace place{{9, 1}, 2, DropoutSite::kAttentionProbabilities};
    const std::vector<std::int32_t> rows = {0};
    std::vector<float> mask(4 * 128 * 128);
    fill_attention_mask(place, kDrop, rows, 4, 128, mask);
    for (std::ptrdiff_t head = 0; head < 4; ++head) {
        const auto begin = mask.begin() + head * 128 * 128;
        // 16,384 draws: the standard deviation is 0.0023; five of them are allowed.
        EXPECT_NEAR(dropped_share({begin, begin + 128 * 128}), kDrop, 0.012) << "head " << head;
    }
}

}  // namespace
}  // namespace finewatt
