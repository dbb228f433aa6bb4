#include "finewatt/engine/fast_model_internal.h"
#include "finewatt/engine/model_cases_internal.h"
#include "finewatt/engine/plain_model_internal.h"
#include "finewatt/engine/runtime.h"
#include "finewatt/testing/matchers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace finewatt {
namespace {

using testing::input_of;
using testing::ModelKind;
using testing::TestSequence;
using testing::values_of;

/// A random model and batch; head sizes that fill lanes and that do not, sequences of one token and
/// of more than one lane, batches of one.
struct RandomCase {
    ModelKind kind;
    ModelConfig config;
    std::vector<TestSequence> sequences;
    std::string name;
};

RandomCase random_case(std::uint32_t seed) {
    std::mt19937 random(seed);
    const auto between = [&](int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random);
    };
    const auto one_of = [&](const std::vector<int>& values) {
        return values[static_cast<std::size_t>(between(0, static_cast<int>(values.size()) - 1))];
    };
    RandomCase made;
    made.kind = testing::all_model_kinds()[seed % 6];
    const int heads = between(1, 4);
    const int head_size = one_of({3, 8, 16, 20, 32, 64});
    made.config = testing::small_config(made.kind.family, 0);
    made.config.hidden_size = heads * head_size;
    made.config.num_attention_heads = heads;
    made.config.num_hidden_layers = between(1, 3);
    made.config.intermediate_size = between(5, 140);
    made.config.hidden_act = std::vector<Activation>{Activation::kGelu, Activation::kGeluTanh,
                                                     Activation::kRelu}[seed / 6 % 3];
    made.config.initializer_range = 1.5 / std::sqrt(static_cast<double>(heads * head_size));
    const std::uint32_t variant = seed / 6 % 4;  // so that every kind meets every variant
    made.config.set_dropout(variant == 0 ? 0.0 : 0.1);
    made.config.attention_probs_dropout_prob = variant == 1 ? 0.0 : 0.2;
    std::vector<std::int32_t> lengths;
    for (int i = one_of({1, 2, 5, 9}); i > 0; --i) {
        lengths.push_back(one_of({1, 1, 2, 15, 16, 17, 32, between(1, 32)}));
    }
    made.sequences = testing::sequences_of(lengths);
    made.name = "seed " + std::to_string(seed) + ", " + made.kind.name() + ", heads " +
                std::to_string(heads) + " of " + std::to_string(head_size) + ", layers " +
                std::to_string(made.config.num_hidden_layers);
    return made;
}

struct Outcome {
    double loss = 0;
    at::Tensor logits;  ///< without dropout
    at::Tensor flat_gradients;
};

Model model_of(const RandomCase& made) {
    return Model(made.config, made.kind.head, made.kind.labels, 11);
}

Outcome run_plain(const RandomCase& made, BatchingMode mode, const DropoutStep& step) {
    const Model model = model_of(made);
    const PackedInput input = input_of(made.sequences, mode);
    const at::Tensor loss = plain_loss(model, plain_forward(model, input, step), input);
    loss.backward();
    return {loss.item<double>(),
            plain_forward(model, input, std::nullopt).logits.detach().contiguous(),
            model.flat_gradients()};
}

Outcome run_fast(const RandomCase& made, BatchingMode mode, const DropoutStep& step,
                 const FastOptions& options = {}) {
    const Model model = model_of(made);
    FastModel fast(model, options);
    const PackedInput input = input_of(made.sequences, mode);
    Outcome outcome;
    outcome.loss = fast.step(input, step, mean_loss(model, input));
    outcome.logits = fast.forward(input);
    outcome.flat_gradients = model.flat_gradients();
    return outcome;
}

double norm_of(const at::Tensor& tensor) {
    return std::sqrt(tensor.to(at::kDouble).square().sum().item<double>());
}

/// Return |got - want| / |want| over all gradients, and check each parameter's own.
void expect_near_gradients(const Model& layout_of, const Outcome& got, const Outcome& want,
                           double relative) {
    const double whole = norm_of(want.flat_gradients);
    for (const ParameterSpec& spec : layout_of.layout().specs()) {
        const at::Tensor a = parameter_view(got.flat_gradients, spec);
        const at::Tensor b = parameter_view(want.flat_gradients, spec);
        // Parameters with a tiny gradient are judged by the size of the whole.
        EXPECT_LE(norm_of(a - b), relative * (norm_of(b) + 1e-2 * whole)) << spec.name;
    }
}

class FastModelIn : public ::testing::TestWithParam<BatchingMode> {
  protected:
    // One thread: the tiny products are not worth sharing, and waiting threads spin.
    static void SetUpTestSuite() { start_runtime(1); }
};

TEST_P(FastModelIn, EqualsThePlainFormOnRandomModelsAndBatches) {
    for (std::uint32_t seed = 0; seed < 24; ++seed) {
        const RandomCase made = random_case(seed);
        SCOPED_TRACE(made.name);
        const DropoutStep step{seed, 5};
        const Outcome want = run_plain(made, GetParam(), step);
        const Outcome got = run_fast(made, GetParam(), step);
        // 1e-4: float32 sums of up to 1,000 terms of size 1 in another order, through the blocks.
        EXPECT_NEAR(got.loss, want.loss, 2e-5 * (1 + want.loss));
        testing::expect_near_all(values_of(got.logits), values_of(want.logits), 1e-4, 1e-4,
                                 "logits");
        testing::expect_near_all(values_of(got.flat_gradients), values_of(want.flat_gradients),
                                 2e-4, 1e-3, "gradients");
        expect_near_gradients(model_of(made), got, want, 1e-4);
    }
}

TEST_P(FastModelIn, SameSeedSameBits) {
    for (const std::uint32_t seed : {1U, 2U, 6U, 9U}) {
        const RandomCase made = random_case(seed);
        SCOPED_TRACE(made.name);
        const DropoutStep step{9, 1};
        const Outcome first = run_fast(made, GetParam(), step);
        const Outcome second = run_fast(made, GetParam(), step);
        EXPECT_EQ(first.loss, second.loss);
        EXPECT_TRUE(first.logits.equal(second.logits));
        EXPECT_TRUE(first.flat_gradients.equal(second.flat_gradients));
    }
}

TEST_P(FastModelIn, Bfloat16StaysNearThePlainForm) {
    if (const Status possible = check_precision(Precision::kBfloat16); !possible) {
        GTEST_SKIP() << possible.error().describe();
    }
    for (std::uint32_t seed = 0; seed < 12; ++seed) {
        RandomCase made = random_case(seed);
        SCOPED_TRACE(made.name);
        // As in real models: LayerNorm over a few values, or a steep softmax, would magnify the
        // rounding without a bound.
        made.config.hidden_size = made.config.num_attention_heads * (seed % 2 == 0 ? 64 : 40);
        made.config.initializer_range = 0.05;
        const DropoutStep step{seed, 5};
        const Outcome want = run_plain(made, GetParam(), step);
        const Outcome got = run_fast(made, GetParam(), step, {Precision::kBfloat16, {}});
        // Operands have 8 bits, an error of up to 0.4 % each, which sums level out.
        EXPECT_NEAR(got.loss, want.loss, 2e-3 * (1 + want.loss));
        EXPECT_LE(norm_of(got.logits - want.logits), 1e-2 * norm_of(want.logits));
        EXPECT_LE(norm_of(got.flat_gradients - want.flat_gradients),
                  1e-2 * norm_of(want.flat_gradients));
        expect_near_gradients(model_of(made), got, want, 0.05);
        EXPECT_FALSE(got.flat_gradients.equal(want.flat_gradients));
    }
}

INSTANTIATE_TEST_SUITE_P(AllBatchingModes, FastModelIn,
                         ::testing::Values(BatchingMode::kUnpadded, BatchingMode::kDynamic,
                                           BatchingMode::kFixed, BatchingMode::kGrouped),
                         [](const ::testing::TestParamInfo<BatchingMode>& test) {
                             return std::string(batching_mode_name(test.param));
                         });

/// The cases of each test below: one of every family and head.
class FastModelOf : public ::testing::TestWithParam<std::uint32_t> {
  protected:
    static void SetUpTestSuite() { start_runtime(1); }

    RandomCase made_ = random_case(GetParam());
    Model model_ = model_of(made_);
};

TEST_P(FastModelOf, PartsOfABatchAddUpToTheMeanOverTheWholeBatch) {
    RandomCase made = made_;
    made.config.set_dropout(0);  // masks follow the place in the batch, which changes here
    made.sequences = testing::uneven_sequences();
    const Model model = model_of(made);
    FastModel fast(model, {});
    const PackedInput whole = input_of(made.sequences, BatchingMode::kUnpadded);
    const LossScale mean = mean_loss(model, whole);
    const double want_loss = fast.step(whole, {}, mean);
    const at::Tensor want = model.flat_gradients().clone();
    double loss = 0;
    const auto half = made.sequences.begin() + 3;
    const std::vector<std::vector<TestSequence>> parts = {{made.sequences.begin(), half},
                                                          {half, made.sequences.end()}};
    for (std::size_t part = 0; part < parts.size(); ++part) {
        LossScale scale = mean;
        scale.is_added = part > 0;
        loss += fast.step(input_of(parts[part], BatchingMode::kUnpadded), {}, scale);
    }
    EXPECT_NEAR(loss, want_loss, 1e-5);
    testing::expect_near_all(values_of(model.flat_gradients()), values_of(want), 1e-4, 1e-3,
                             "gradients");
}

TEST_P(FastModelOf, EarlierStepsAndOtherBatchesLeaveNoTrace) {
    FastModel fast(model_, {});
    const PackedInput input = input_of(made_.sequences, BatchingMode::kDynamic);
    const PackedInput other = input_of(testing::uneven_sequences(), BatchingMode::kUnpadded);
    const LossScale scale = mean_loss(model_, input);
    const double want_loss = fast.step(input, {3, 1}, scale);
    const at::Tensor want = model_.flat_gradients().clone();
    const at::Tensor want_logits = fast.forward(input);
    fast.step(other, {3, 2}, mean_loss(model_, other));
    fast.forward(other);
    EXPECT_TRUE(fast.forward(input).equal(want_logits));
    EXPECT_EQ(fast.step(input, {3, 1}, scale), want_loss);
    EXPECT_TRUE(model_.flat_gradients().equal(want));
}

TEST_P(FastModelOf, PackedWeightsGiveTheSameLogits) {
    FastModel fast(model_, {});
    FastModel packed = FastModel::for_inference(model_, {}, 20);
    const PackedInput input = input_of(made_.sequences, BatchingMode::kUnpadded);
    testing::expect_near_all(values_of(packed.forward(input)), values_of(fast.forward(input)), 1e-4,
                             1e-4, "logits");
}

TEST_P(FastModelOf, PaddingRowOfTheWordEmbeddingsGetsNoGradient) {
    FastModel fast(model_, {});
    const PackedInput input = input_of(testing::uneven_sequences(), BatchingMode::kFixed);
    fast.step(input, {}, mean_loss(model_, input));
    const at::Tensor words = model_.gradients().word_embeddings;
    EXPECT_EQ(words[0].abs().sum().item<float>(), 0);
    EXPECT_GT(words.abs().sum().item<float>(), 0);
}

INSTANTIATE_TEST_SUITE_P(AllKinds, FastModelOf, ::testing::Values(0U, 1U, 2U, 3U, 4U, 5U));

TEST(FastModel, NamesWhoComputesItsProducts) {
    start_runtime(1);
    const RandomCase made = random_case(12);
    const Model model = model_of(made);
    const FastOptions pinned{Precision::kFloat32, GemmSetting::kOneDnn};
    EXPECT_EQ(FastModel(model, pinned).product_providers(),
              "onednn onednn onednn onednn onednn onednn");
    EXPECT_EQ(FastModel(model, {Precision::kBfloat16, GemmSetting::kOneDnn}).product_providers(),
              "aten aten aten aten aten aten");
    EXPECT_EQ(FastModel::for_inference(model, pinned, 20).describe_products(),
              "forward, blocks: onednn; forward, head: onednn");
    EXPECT_THAT(FastModel::for_inference(model, {}, 20).describe_products(),
                ::testing::StartsWith("forward, blocks: finewatt; "));
    EXPECT_EQ(FastModel::for_inference(model, {Precision::kBfloat16, GemmSetting::kAuto}, 20)
                  .describe_products(),
              "forward, blocks: onednn; forward, head: aten");
}

TEST(FastModel, TwoThreadsStayNearThePlainFormToo) {
    const RandomCase made = random_case(12);
    const DropoutStep step{9, 1};
    const Outcome want = run_plain(made, BatchingMode::kUnpadded, step);
    start_runtime(2);
    const Outcome got = run_fast(made, BatchingMode::kUnpadded, step);
    start_runtime(1);
    EXPECT_NEAR(got.loss, want.loss, 1e-5);
    expect_near_gradients(model_of(made), got, want, 1e-4);
}

TEST(FastModel, TokensWithoutAnyLabelGiveNoLossAsInTheReference) {
    start_runtime(1);
    const ModelConfig config = testing::small_config(ModelFamily::kBert, 0);
    const Model model(config, HeadKind::kTokenClassification, 5, 1);
    FastModel fast(model, {});
    std::vector<TestSequence> sequences = testing::sequences_of({4, 3});
    for (TestSequence& sequence : sequences) {
        sequence.token_labels.assign(sequence.ids.size(), kIgnoredLabel);
    }
    const PackedInput input = input_of(sequences, BatchingMode::kUnpadded);
    EXPECT_TRUE(std::isnan(fast.step(input, {}, mean_loss(model, input))));
}

TEST(FastModel, ShortTrainingInBfloat16StaysNearFloat32) {
    if (const Status possible = check_precision(Precision::kBfloat16); !possible) {
        GTEST_SKIP() << possible.error().describe();
    }
    start_runtime(1);
    ModelConfig config = testing::small_config(ModelFamily::kBert, 0.1);
    config.initializer_range = 0.1;
    const PackedInput input = input_of(testing::uneven_sequences(), BatchingMode::kUnpadded);
    const auto train = [&](Precision precision) {
        const Model model(config, HeadKind::kClassification, 3, 7);
        FastModel fast(model, {precision, {}});
        std::vector<double> losses;
        for (std::int64_t step = 0; step < 30; ++step) {
            losses.push_back(fast.step(input, {1, step}, mean_loss(model, input)));
            model.flat_values().sub_(model.flat_gradients(), 0.1);
            fast.refresh_low_values();
        }
        return losses;
    };
    const std::vector<double> wide = train(Precision::kFloat32);
    const std::vector<double> low = train(Precision::kBfloat16);
    EXPECT_LT(wide.back(), 0.5 * wide.front());
    for (std::size_t i = 0; i < wide.size(); ++i) {
        // 3 % of the first loss: rounding to 8 bits, which the steps carry on.
        EXPECT_NEAR(low[i], wide[i], 0.03 * wide.front()) << "step " << i;
    }
}

TEST(FastModel, TimesOfThePartsAreCounted) {
    const RandomCase made = random_case(0);
    const Model model = model_of(made);
    FastModel fast(model, {});
    const PackedInput input = input_of(made.sequences, BatchingMode::kUnpadded);
    fast.take_times();
    fast.step(input, {}, mean_loss(model, input));
    const FastTimes times = fast.take_times();
    for (const double part : {times.products.all_seconds(), times.attention_s, times.norm_s,
                              times.activation_s, times.embedding_s, times.head_s}) {
        EXPECT_GT(part, 0);
    }
    EXPECT_EQ(fast.take_times().attention_s, 0);
    EXPECT_GT(fast.activation_bytes(), 0U);
}

}  // namespace
}  // namespace finewatt
