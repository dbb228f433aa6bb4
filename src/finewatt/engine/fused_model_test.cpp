#include "finewatt/engine/fused_model_internal.h"
#include "finewatt/engine/fused_ops_internal.h"
#include "finewatt/engine/model_cases_internal.h"
#include "finewatt/testing/matchers.h"

#include <ATen/ops/linspace.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

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
/// of more than one lane.
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
    RandomCase made;
    made.kind = testing::all_model_kinds()[seed % 6];
    const int heads = between(1, 4);
    const int head_size =
        std::vector<int>{3, 8, 16, 20, 32}[static_cast<std::size_t>(between(0, 4))];
    made.config = testing::small_config(made.kind.family, 0);
    made.config.hidden_size = heads * head_size;
    made.config.num_attention_heads = heads;
    made.config.intermediate_size = between(5, 70);
    const std::uint32_t variant = seed / 6 % 3;  // so that every kind meets every variant
    made.config.set_dropout(variant == 0 ? 0.0 : 0.1);
    made.config.attention_probs_dropout_prob = variant == 1 ? 0.0 : 0.2;
    std::vector<std::int32_t> lengths;
    for (int i = between(1, 9); i > 0; --i) {
        lengths.push_back(between(1, 32));
    }
    made.sequences = testing::sequences_of(lengths);
    made.name = "seed " + std::to_string(seed) + ", " + made.kind.name() + ", heads " +
                std::to_string(heads) + " of " + std::to_string(head_size);
    return made;
}

struct Outcome {
    at::Tensor logits;
    at::Tensor first_block;
    at::Tensor flat_gradients;
};

using Forward = ModelOutput (*)(const Model&, const PackedInput&,
                                const std::optional<DropoutStep>&);

Outcome run(const RandomCase& made, Forward forward, BatchingMode mode,
            const std::optional<DropoutStep>& step) {
    const Model model(made.config, made.kind.head, made.kind.labels, 11);
    const PackedInput input = input_of(made.sequences, mode);
    const ModelOutput output = forward(model, input, step);
    plain_loss(model, output, input).backward();
    return {output.logits.detach().contiguous(), output.blocks[0].detach(), model.flat_gradients()};
}

class FusedForm : public ::testing::TestWithParam<BatchingMode> {};

TEST_P(FusedForm, EqualsThePlainFormOnRandomModelsAndBatches) {
    for (std::uint32_t seed = 0; seed < 18; ++seed) {
        const RandomCase made = random_case(seed);
        SCOPED_TRACE(made.name);
        const DropoutStep step{seed, 5};
        const Outcome want = run(made, plain_forward, GetParam(), step);
        const Outcome got = run(made, fused_forward, GetParam(), step);
        // 1e-4: float32 sums of up to 1,000 terms of size 1 in another order, through two blocks.
        testing::expect_near_all(values_of(got.logits), values_of(want.logits), 1e-4, 1e-4,
                                 "logits");
        testing::expect_near_all(values_of(got.first_block), values_of(want.first_block), 1e-4,
                                 1e-4, "first block");
        testing::expect_near_all(values_of(got.flat_gradients), values_of(want.flat_gradients),
                                 1e-4, 1e-3, "gradients");
    }
}

TEST_P(FusedForm, EqualsThePlainFormWithoutDropout) {
    const RandomCase made = random_case(102);
    const Outcome want = run(made, plain_forward, GetParam(), std::nullopt);
    const Outcome got = run(made, fused_forward, GetParam(), std::nullopt);
    testing::expect_near_all(values_of(got.logits), values_of(want.logits), 1e-4, 1e-4, "logits");
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
    testing::expect_near_all(values_of(y.detach()), values_of(want_y), 1e-6, 1e-6, "y");
    testing::expect_near_all(values_of(x.grad()), values_of(want_gradient), 5e-6, 1e-6, "gradient");
}

TEST(FusedOps, SameSeedSameBitsOnAnyRun) {
    const RandomCase made = random_case(6);
    const DropoutStep step{9, 1};
    const Outcome first = run(made, fused_forward, BatchingMode::kUnpadded, step);
    const Outcome second = run(made, fused_forward, BatchingMode::kUnpadded, step);
    EXPECT_TRUE(first.logits.equal(second.logits));
    EXPECT_TRUE(first.flat_gradients.equal(second.flat_gradients));
}

}  // namespace
}  // namespace finewatt
