#include "finewatt/engine/bert_internal.h"
#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

namespace finewatt {
namespace {

ModelConfig small_config(double dropout) {
    ModelConfig config;
    config.vocab_size = 50;
    config.hidden_size = 24;
    config.num_hidden_layers = 2;
    config.num_attention_heads = 3;
    config.intermediate_size = 40;
    config.max_position_embeddings = 32;
    config.type_vocab_size = 2;
    config.initializer_range = 0.3;  // large, so that an error is not lost in rounding
    config.hidden_dropout_prob = dropout;
    config.attention_probs_dropout_prob = dropout;
    return config;
}

/// Seven sequences of uneven length, one of them a single token, two of them equally long.
FeatureSet uneven_features() {
    FeatureSetBuilder builder(TaskKind::kClassification);
    std::int32_t next = 1;
    for (const std::int32_t length : {5, 20, 1, 9, 2, 9, 13}) {
        std::vector<std::int32_t> ids;
        std::vector<std::int32_t> type_ids;
        for (std::int32_t i = 0; i < length; ++i) {
            ids.push_back(1 + (next * 7) % 49);
            type_ids.push_back(i > length / 2 ? 1 : 0);
            ++next;
        }
        builder.add({.ids = ids, .type_ids = type_ids, .label = length % 3});
    }
    return std::move(builder).finish();
}

Batch batch_of(const FeatureSet& features, BatchingMode mode) {
    std::vector<std::int64_t> all(features.size());
    std::iota(all.begin(), all.end(), 0);
    return make_batch(features, all, mode, 32, 0);
}

struct LossAndGradients {
    float loss = 0;
    std::vector<NamedTensor> gradients;
    at::Tensor logits;
};

LossAndGradients run(BatchingMode mode, const std::optional<DropoutStep>& step) {
    BertClassifier model(small_config(0.1), 3, 1);
    const PackedInput input = pack_input(batch_of(uneven_features(), mode));
    const BertOutput output = model.forward(input, step);
    const at::Tensor loss = at::cross_entropy_loss(output.logits, input.labels);
    loss.backward();
    return {loss.item<float>(), model.named_gradients(), output.logits.detach()};
}

std::span<const float> values_of(const at::Tensor& tensor) {
    return {tensor.const_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

class BatchingModes : public ::testing::TestWithParam<BatchingMode> {};

TEST_P(BatchingModes, GiveTheLossAndGradientsOfTheUnpaddedBatchWithDropoutOn) {
    const DropoutStep step{42, 3};
    const LossAndGradients want = run(BatchingMode::kUnpadded, step);
    const LossAndGradients got = run(GetParam(), step);
    // float32: the sums of products run in another order.
    EXPECT_NEAR(got.loss, want.loss, 1e-5);
    testing::expect_near_all(values_of(got.logits), values_of(want.logits), 2e-5, 1e-5, "logits");
    for (std::size_t i = 0; i < want.gradients.size(); ++i) {
        testing::expect_near_all(values_of(got.gradients[i].tensor.contiguous()),
                                 values_of(want.gradients[i].tensor.contiguous()), 2e-5, 1e-4,
                                 want.gradients[i].name);
    }
}

INSTANTIATE_TEST_SUITE_P(Padded, BatchingModes,
                         ::testing::Values(BatchingMode::kDynamic, BatchingMode::kFixed,
                                           BatchingMode::kGrouped));

TEST(BertClassifier, DropoutChangesWithTheStepAndIsAbsentWithoutOne) {
    const float first = run(BatchingMode::kUnpadded, DropoutStep{42, 0}).loss;
    const float second = run(BatchingMode::kUnpadded, DropoutStep{42, 1}).loss;
    const float none = run(BatchingMode::kUnpadded, std::nullopt).loss;
    EXPECT_NE(first, second);
    EXPECT_NE(first, none);
    EXPECT_EQ(first, run(BatchingMode::kUnpadded, DropoutStep{42, 0}).loss);
}

TEST(BertClassifier, GradientIsTheSlopeOfTheLossInFloat64) {
    BertClassifier model(small_config(0.2), 3, 5);
    model.convert_to(at::kDouble);
    const PackedInput input = pack_input(batch_of(uneven_features(), BatchingMode::kUnpadded));
    const DropoutStep step{7, 0};
    const auto loss_now = [&] {
        return at::cross_entropy_loss(model.forward(input, step).logits, input.labels);
    };
    loss_now().backward();
    const c10::NoGradGuard no_grad;
    for (const TrainedTensor& trained : model.trained_tensors()) {
        at::Tensor weights = trained.tensor;
        // A step along the sign of the gradient: the slope there is the sum of absolute values.
        const at::Tensor direction = trained.tensor.grad().sign();
        const double slope = trained.tensor.grad().abs().sum().item<double>();
        constexpr double kStep = 1e-6;
        weights.add_(direction, kStep);
        const double above = loss_now().item<double>();
        weights.sub_(direction, 2 * kStep);
        const double below = loss_now().item<double>();
        weights.add_(direction, kStep);
        // 1e-6 relative: the central difference's own error; 1e-8: rounding of the loss over kStep.
        EXPECT_NEAR((above - below) / (2 * kStep), slope, 1e-8 + 1e-6 * slope)
            << "shape " << weights.sizes();
    }
}

TEST(BertClassifier, NewWeightsFollowTheSeedAndTheRange) {
    const auto config = small_config(0);
    const auto word_embeddings = [&](std::uint64_t seed) {
        return BertClassifier(config, 2, seed).named_tensors().front().tensor;
    };
    EXPECT_TRUE(word_embeddings(1).equal(word_embeddings(1)));
    EXPECT_FALSE(word_embeddings(1).equal(word_embeddings(2)));
    EXPECT_EQ(word_embeddings(1)[0].abs().sum().item<float>(), 0);  // the padding row
    // 1,176 draws: five standard deviations of the estimate are 10 %.
    EXPECT_NEAR(word_embeddings(1).std().item<double>(), 0.3, 0.03);
}

TEST(BertClassifier, HasTheNamesOfAHuggingFaceFile) {
    std::vector<std::string> names;
    for (const NamedTensor& named : BertClassifier(small_config(0), 2, 1).named_tensors()) {
        names.push_back(named.name);
    }
    EXPECT_THAT(names,
                ::testing::IsSupersetOf({"bert.embeddings.word_embeddings.weight",
                                         "bert.encoder.layer.1.attention.self.value.bias",
                                         "bert.encoder.layer.0.attention.output.LayerNorm.weight",
                                         "bert.pooler.dense.weight", "classifier.bias"}));
    EXPECT_EQ(names.size(), 5U + 2U * 16U + 4U);
}

TEST(PackInput, SortsByLengthAndGroupsEqualLengths) {
    const PackedInput input = pack_input(batch_of(uneven_features(), BatchingMode::kUnpadded));
    ASSERT_EQ(input.groups.size(), 6U);
    EXPECT_EQ(input.group_rows, (std::vector<std::int64_t>{1, 2, 5, 18, 13, 20}));
    EXPECT_EQ(input.groups[3].rows_in_batch, (std::vector<std::int32_t>{3, 5}));
    for (const LengthGroup& group : input.groups) {
        EXPECT_FALSE(group.is_padding_key.defined());
    }
    EXPECT_EQ(input.first_rows[2].item<std::int64_t>(), 0);  // the single token comes first
}

TEST(PackInput, MasksPaddingOnlyWhereThereIsSome) {
    const PackedInput input = pack_input(batch_of(uneven_features(), BatchingMode::kDynamic));
    ASSERT_EQ(input.groups.size(), 1U);
    const at::Tensor mask = input.groups[0].is_padding_key;
    ASSERT_TRUE(mask.defined());
    EXPECT_EQ(mask.sum().item<std::int64_t>(), 7 * 20 - (5 + 20 + 1 + 9 + 2 + 9 + 13));
}

}  // namespace
}  // namespace finewatt
