#include "finewatt/engine/model_cases_internal.h"
#include "finewatt/engine/plain_model_internal.h"
#include "finewatt/engine/runtime.h"
#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>

namespace finewatt {
namespace {

using testing::input_of;
using testing::ModelKind;
using testing::small_config;
using testing::uneven_sequences;
using testing::values_of;

struct Outcome {
    double loss = 0;
    at::Tensor logits;
    at::Tensor flat_gradients;
};

Outcome run(const Model& model, const PackedInput& input, const std::optional<DropoutStep>& step) {
    model.clear_gradients();
    const ModelOutput output = plain_forward(model, input, step);
    const at::Tensor loss = plain_loss(model, output, input);
    loss.backward();
    return {loss.item<double>(), output.logits.detach().contiguous(),
            model.flat_gradients().clone()};
}

Model model_of(const ModelKind& kind, const ModelConfig& config, std::uint64_t seed = 1) {
    return Model(config, kind.head, kind.labels, seed);
}

Model model_of(const ModelKind& kind, double dropout) {
    return model_of(kind, small_config(kind.family, dropout));
}

/// The logits of the real tokens only, in the order of the batch: what padding must not change.
std::vector<float> real_logits(const ModelKind& kind, const at::Tensor& logits,
                               const PackedInput& input) {
    if (kind.head == HeadKind::kClassification) {
        const auto values = values_of(logits);
        return {values.begin(), values.end()};
    }
    const std::int64_t sequences = input.sequences.size(0);
    std::vector<at::Tensor> parts(static_cast<std::size_t>(sequences));
    for (std::int64_t s = 0; s < sequences; ++s) {
        const at::Tensor sequence = input.sequences[s];
        parts[static_cast<std::size_t>(sequence[3].item<std::int32_t>())] =
            logits.narrow(0, sequence[0].item<std::int32_t>(), sequence[2].item<std::int32_t>());
    }
    const at::Tensor all = at::cat(parts, 0).contiguous();
    const auto values = values_of(all);
    return {values.begin(), values.end()};
}

class EveryKind : public ::testing::TestWithParam<ModelKind> {
  protected:
    // One thread: the tiny products are not worth sharing, and waiting threads spin.
    static void SetUpTestSuite() { start_runtime(1); }
};

TEST_P(EveryKind, PaddingChangesNoLogitOfARealTokenWithDropoutOn) {
    const Model model = model_of(GetParam(), 0.1);
    const DropoutStep step{42, 3};
    const PackedInput unpadded = input_of(uneven_sequences(), BatchingMode::kUnpadded);
    const Outcome want = run(model, unpadded, step);
    for (const BatchingMode mode :
         {BatchingMode::kDynamic, BatchingMode::kFixed, BatchingMode::kGrouped}) {
        SCOPED_TRACE(batching_mode_name(mode));
        const PackedInput padded = input_of(uneven_sequences(), mode);
        const Outcome got = run(model, padded, step);
        // float32: the sums of products run in another order.
        testing::expect_near_all(real_logits(GetParam(), got.logits, padded),
                                 real_logits(GetParam(), want.logits, unpadded), 2e-5, 1e-5,
                                 "logits");
        if (GetParam().head == HeadKind::kQuestionAnswering) {
            continue;  // its loss depends on the padding, see model_loss
        }
        EXPECT_NEAR(got.loss, want.loss, 1e-5);
        testing::expect_near_all(values_of(got.flat_gradients), values_of(want.flat_gradients),
                                 2e-5, 1e-4, "gradients");
    }
}

TEST_P(EveryKind, GradientIsTheSlopeOfTheLossInFloat64) {
    Model model = model_of(GetParam(), 0.2);
    model.convert_to(at::kDouble);
    const PackedInput input = input_of(uneven_sequences(), BatchingMode::kUnpadded);
    const DropoutStep step{7, 0};
    run(model, input, step);
    const c10::NoGradGuard no_grad;
    const auto loss_now = [&] {
        return plain_loss(model, plain_forward(model, input, step), input).item<double>();
    };
    for (const ParameterSpec& spec : model.layout().specs()) {
        at::Tensor weights = parameter_view(model.flat_values(), spec);
        const at::Tensor gradient = parameter_view(model.flat_gradients(), spec);
        // A step along the sign of the gradient: the slope there is the sum of absolute values.
        const at::Tensor direction = gradient.sign();
        const double slope = gradient.abs().sum().item<double>();
        constexpr double kStep = 1e-6;
        weights.add_(direction, kStep);
        const double above = loss_now();
        weights.sub_(direction, 2 * kStep);
        const double below = loss_now();
        weights.add_(direction, kStep);
        // 1e-6 relative: the central difference's own error; 1e-8: rounding of the loss over kStep.
        EXPECT_NEAR((above - below) / (2 * kStep), slope, 1e-8 + 1e-6 * slope) << spec.name;
    }
}

TEST_P(EveryKind, DropoutChangesWithTheStepAndIsAbsentWithoutOne) {
    const Model model = model_of(GetParam(), 0.1);
    const PackedInput input = input_of(uneven_sequences(), BatchingMode::kUnpadded);
    const double first = run(model, input, DropoutStep{42, 0}).loss;
    const double none = run(model, input, std::nullopt).loss;
    EXPECT_NE(first, run(model, input, DropoutStep{42, 1}).loss);
    EXPECT_NE(first, none);
    EXPECT_EQ(first, run(model, input, DropoutStep{42, 0}).loss);
    EXPECT_EQ(none, run(model_of(GetParam(), 0.0), input, DropoutStep{42, 0}).loss);
}

INSTANTIATE_TEST_SUITE_P(Models, EveryKind, ::testing::ValuesIn(testing::all_model_kinds()),
                         [](const auto& tested) { return tested.param.name(); });

/// Whether training differs from evaluation when only `set` turns a dropout on.
template <class Set>
bool has_dropout_after(const ModelKind& kind, Set set) {
    ModelConfig config = small_config(kind.family, 0);
    set(config);
    const Model model = model_of(kind, config);
    const PackedInput input = input_of(uneven_sequences(), BatchingMode::kUnpadded);
    return run(model, input, DropoutStep{1, 0}).loss != run(model, input, std::nullopt).loss;
}

TEST(HeadDropout, IsThatOfTheReferenceForEachHead) {
    const auto bert = ModelFamily::kBert;
    const auto distil = ModelFamily::kDistilBert;
    const ModelKind bert_texts{bert, HeadKind::kClassification, 3};
    const ModelKind bert_tokens{bert, HeadKind::kTokenClassification, 5};
    const ModelKind bert_answers{bert, HeadKind::kQuestionAnswering, 2};
    const auto classifier = [](ModelConfig& config) { config.classifier_dropout = 0.5; };
    EXPECT_TRUE(has_dropout_after(bert_texts, classifier));
    EXPECT_TRUE(has_dropout_after(bert_tokens, classifier));
    EXPECT_FALSE(has_dropout_after(bert_answers, classifier));

    const ModelKind distil_texts{distil, HeadKind::kClassification, 3};
    const ModelKind distil_tokens{distil, HeadKind::kTokenClassification, 5};
    const ModelKind distil_answers{distil, HeadKind::kQuestionAnswering, 2};
    const auto texts = [](ModelConfig& config) { config.seq_classif_dropout = 0.5; };
    EXPECT_TRUE(has_dropout_after(distil_texts, texts));
    EXPECT_FALSE(has_dropout_after(distil_tokens, texts));
    EXPECT_FALSE(has_dropout_after(distil_answers, texts));
    const auto answers = [](ModelConfig& config) { config.qa_dropout = 0.5; };
    EXPECT_FALSE(has_dropout_after(distil_texts, answers));
    EXPECT_TRUE(has_dropout_after(distil_answers, answers));
}

TEST(HeadDropout, DistilBertHasNoneAfterTheAttentionOutput) {
    EXPECT_EQ(small_config(ModelFamily::kDistilBert, 0.3).attention_output_dropout(), 0);
    EXPECT_EQ(small_config(ModelFamily::kBert, 0.3).attention_output_dropout(), 0.3);
}

TEST(ModelLoss, PositionsBeyondTheSequenceAreLeftOut) {
    // Two sequences of 2 and 3 rows; all logits 0, so every softmax is even.
    auto sequences = testing::sequences_of({2, 3});
    sequences[0].answer_start = 9;  // beyond: not in this text
    sequences[0].answer_end = 1;
    sequences[1].answer_start = 0;
    sequences[1].answer_end = 2;
    const PackedInput input = input_of(sequences, BatchingMode::kUnpadded);
    const at::Tensor loss = model_loss(HeadKind::kQuestionAnswering, at::zeros({5, 2}), input);
    const double starts = std::log(3.0);
    const double ends = (std::log(2.0) + std::log(3.0)) / 2;
    EXPECT_NEAR(loss.item<double>(), (starts + ends) / 2, 1e-6);
}

TEST(ModelLoss, PaddingTakesPartInTheSoftmaxOfAnAnswer) {
    const auto sequences = testing::sequences_of({2, 3});
    const PackedInput input = input_of(sequences, BatchingMode::kDynamic);
    const at::Tensor loss = model_loss(HeadKind::kQuestionAnswering, at::zeros({6, 2}), input);
    EXPECT_NEAR(loss.item<double>(), std::log(3.0), 1e-6);  // 3 rows in both
}

TEST(ModelLoss, TokensWithTheIgnoredLabelAreLeftOutOfTheMean) {
    auto sequences = testing::sequences_of({3});
    sequences[0].token_labels = {kIgnoredLabel, 1, kIgnoredLabel};
    const PackedInput input = input_of(sequences, BatchingMode::kUnpadded);
    at::Tensor logits = at::zeros({3, 2});
    logits[0][0] = 50.0F;  // would cost 50 or nothing
    const at::Tensor loss = model_loss(HeadKind::kTokenClassification, logits, input);
    EXPECT_NEAR(loss.item<double>(), std::log(2.0), 1e-6);
}

}  // namespace
}  // namespace finewatt
