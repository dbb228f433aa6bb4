#include "finewatt/engine/bert_internal.h"
#include "finewatt/engine/fused_ops_internal.h"
#include "finewatt/testing/matchers.h"

#include <ATen/ops/linspace.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace finewatt {
namespace {

std::span<const float> values(const at::Tensor& tensor) {
    return {tensor.const_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

/// A random model and batch; head sizes that fill lanes and that do not, sequences of one token and
/// of more than one lane.
struct RandomCase {
    ModelConfig config;
    FeatureSet features;
    std::string name;
};

RandomCase random_case(std::uint32_t seed) {
    std::mt19937 random(seed);
    const auto between = [&](int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random);
    };
    RandomCase made;
    const int heads = between(1, 4);
    const int head_size =
        std::vector<int>{3, 8, 16, 20, 32}[static_cast<std::size_t>(between(0, 4))];
    made.config.vocab_size = 60;
    made.config.hidden_size = heads * head_size;
    made.config.num_attention_heads = heads;
    made.config.num_hidden_layers = 2;
    made.config.intermediate_size = between(5, 70);
    made.config.max_position_embeddings = 80;
    made.config.type_vocab_size = 2;
    made.config.initializer_range = 0.3;
    made.config.hidden_dropout_prob = seed % 3 == 0 ? 0.0 : 0.1;
    made.config.attention_probs_dropout_prob = seed % 3 == 1 ? 0.0 : 0.2;
    FeatureSetBuilder builder(TaskKind::kClassification);
    for (int i = between(1, 9); i > 0; --i) {
        std::vector<std::int32_t> ids;
        std::vector<std::int32_t> type_ids;
        for (int t = between(1, 70); t > 0; --t) {
            ids.push_back(between(1, 59));
            type_ids.push_back(between(0, 1));
        }
        builder.add({.ids = ids, .type_ids = type_ids, .label = between(0, 2)});
    }
    made.features = std::move(builder).finish();
    made.name = "seed " + std::to_string(seed) + ", heads " + std::to_string(heads) + " of " +
                std::to_string(head_size);
    return made;
}

struct Outcome {
    at::Tensor logits;
    at::Tensor pooled;
    std::vector<at::Tensor> blocks;
    std::vector<NamedTensor> gradients;
};

Outcome run(const RandomCase& made, ModelForm form, BatchingMode mode,
            const std::optional<DropoutStep>& step) {
    BertClassifier model(made.config, 3, 11);
    model.set_form(form);
    std::vector<std::int64_t> all(made.features.size());
    std::iota(all.begin(), all.end(), 0);
    const PackedInput input = pack_input(make_batch(made.features, all, mode, 72, 0));
    const BertOutput output = model.forward(input, step);
    at::cross_entropy_loss(output.logits, input.labels).backward();
    return {output.logits.detach(), output.pooled.detach(), output.blocks, model.named_gradients()};
}

class FusedForm : public ::testing::TestWithParam<BatchingMode> {};

TEST_P(FusedForm, EqualsThePlainFormOnRandomModelsAndBatches) {
    for (std::uint32_t seed = 0; seed < 12; ++seed) {
        const RandomCase made = random_case(seed);
        SCOPED_TRACE(made.name);
        const DropoutStep step{seed, 5};
        const Outcome want = run(made, ModelForm::kPlain, GetParam(), step);
        const Outcome got = run(made, ModelForm::kFused, GetParam(), step);
        // 1e-4: float32 sums of up to 1,000 terms of size 1 in another order, through two blocks.
        testing::expect_near_all(values(got.logits), values(want.logits), 1e-4, 1e-4, "logits");
        testing::expect_near_all(values(got.blocks[0].detach()), values(want.blocks[0].detach()),
                                 1e-4, 1e-4, "first block");
        testing::expect_near_all(values(got.pooled), values(want.pooled), 1e-4, 1e-4, "pooled");
        for (std::size_t i = 0; i < want.gradients.size(); ++i) {
            testing::expect_near_all(values(got.gradients[i].tensor.contiguous()),
                                     values(want.gradients[i].tensor.contiguous()), 1e-4, 1e-3,
                                     want.gradients[i].name);
        }
    }
}

TEST_P(FusedForm, EqualsThePlainFormWithoutDropout) {
    const RandomCase made = random_case(100);
    const Outcome want = run(made, ModelForm::kPlain, GetParam(), std::nullopt);
    const Outcome got = run(made, ModelForm::kFused, GetParam(), std::nullopt);
    testing::expect_near_all(values(got.logits), values(want.logits), 1e-4, 1e-4, "logits");
}

INSTANTIATE_TEST_SUITE_P(AllBatchingModes, FusedForm,
                         ::testing::Values(BatchingMode::kUnpadded, BatchingMode::kDynamic,
                                           BatchingMode::kFixed, BatchingMode::kGrouped));

TEST(FusedGelu, EqualsTheExactGeluInFloat64OverItsRange) {
    // Odd size: the last lanes are partly filled.
    const at::Tensor x = at::linspace(-12, 12, 100'003).requires_grad_();
    const at::Tensor exact_x = x.detach().to(at::kDouble).requires_grad_();
    const at::Tensor gradient = at::randn({100'003});
    const at::Tensor y = fused_gelu(x);
    const at::Tensor exact_y = at::gelu(exact_x, "none");
    y.backward(gradient);
    exact_y.backward(gradient.to(at::kDouble));
    const at::Tensor want_y = exact_y.detach().to(at::kFloat);
    const at::Tensor want_gradient = exact_x.grad().to(at::kFloat);
    // 1e-6: the formula's 1.5e-7 times |x| below 4, where erf is not yet 1, and rounding; the
    // gradient is multiplied by a normal number of up to 5.
    testing::expect_near_all(values(y.detach()), values(want_y), 1e-6, 1e-6, "y");
    testing::expect_near_all(values(x.grad()), values(want_gradient), 5e-6, 1e-6, "gradient");
}

TEST(FusedOps, SameSeedSameBitsOnAnyRun) {
    const RandomCase made = random_case(3);
    const DropoutStep step{9, 1};
    const Outcome first = run(made, ModelForm::kFused, BatchingMode::kUnpadded, step);
    const Outcome second = run(made, ModelForm::kFused, BatchingMode::kUnpadded, step);
    EXPECT_TRUE(first.logits.equal(second.logits));
    for (std::size_t i = 0; i < first.gradients.size(); ++i) {
        EXPECT_TRUE(first.gradients[i].tensor.equal(second.gradients[i].tensor))
            << first.gradients[i].name;
    }
}

}  // namespace
}  // namespace finewatt
