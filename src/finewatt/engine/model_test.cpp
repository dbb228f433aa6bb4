#include "finewatt/engine/model_cases_internal.h"
#include "finewatt/engine/model_internal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <utility>

namespace finewatt {
namespace {

using testing::small_config;

Model small_model(std::uint64_t seed, ModelFamily family = ModelFamily::kBert) {
    return Model(small_config(family, 0), HeadKind::kClassification, 3, seed);
}

TEST(Model, TensorsAreViewsOfTheFlatBuffer) {
    const Model model = small_model(1);
    model.flat_values().fill_(7);
    EXPECT_EQ(model.values().blocks[1].output.weight.min().item<float>(), 7);
    model.values().head.bias.fill_(3);
    // The head's bias lies last.
    const ParameterSpec& last = model.layout().specs().back();
    EXPECT_EQ(model.flat_values()[last.offset].item<float>(), 3);
    EXPECT_EQ(model.named_tensors().back().tensor.max().item<float>(), 3);
}

TEST(Model, GapsBetweenParametersAreZero) {
    const Model model = small_model(1);
    at::Tensor rest = model.flat_values().clone();
    for (const ParameterSpec& spec : model.layout().specs()) {
        parameter_view(rest, spec).zero_();
    }
    EXPECT_EQ(rest.abs().max().item<float>(), 0);
    EXPECT_LT(model.layout().parameter_count(), model.layout().size());
}

TEST(Model, NewWeightsFollowTheSeedAndTheRange) {
    const Model first = small_model(1);
    EXPECT_TRUE(first.flat_values().equal(small_model(1).flat_values()));
    EXPECT_FALSE(first.flat_values().equal(small_model(2).flat_values()));
    const at::Tensor& words = first.values().word_embeddings;
    EXPECT_EQ(words[0].abs().sum().item<float>(), 0);  // the padding row
    // 1,176 draws: five standard deviations of the estimate are 10 %.
    EXPECT_NEAR(words.narrow(0, 1, 49).std().item<double>(), 0.3, 0.03);
    EXPECT_EQ(first.values().embedding_norm.weight.min().item<float>(), 1);
    EXPECT_EQ(first.values().blocks[0].query_key_value.bias.abs().max().item<float>(), 0);
}

TEST(Model, SinusoidalPositionsAreSinesAndCosines) {
    ModelConfig config = small_config(ModelFamily::kDistilBert, 0);
    config.has_sinusoidal_positions = true;
    const Model model(config, HeadKind::kClassification, 2, 1);
    const at::Tensor& positions = model.values().position_embeddings;
    // Column 6 of 24 belongs to the angle p / 10000^(6/24) = p / 10; column 7 is its cosine.
    EXPECT_NEAR(positions[3][6].item<double>(), std::sin(0.3), 1e-7);
    EXPECT_NEAR(positions[3][7].item<double>(), std::cos(0.3), 1e-7);
    EXPECT_EQ(positions[0][0].item<float>(), 0);
    EXPECT_EQ(positions[0][1].item<float>(), 1);
}

TEST(Model, NamesAreThoseOfAHuggingFaceFileAndDiffer) {
    for (const testing::ModelKind& kind : testing::all_model_kinds()) {
        const Model model(small_config(kind.family, 0), kind.head, kind.labels, 1);
        std::set<std::string> names;
        std::int64_t elements = 0;
        for (const NamedTensor& named : model.named_tensors()) {
            names.insert(named.name);
            elements += named.tensor.numel();
            EXPECT_TRUE(named.tensor.is_contiguous()) << named.name;
            EXPECT_THAT(named.name, ::testing::Not(::testing::HasSubstr("qkv")));
            EXPECT_THAT(named.name, ::testing::Not(::testing::HasSubstr("query_key_value")));
        }
        EXPECT_EQ(names.size(), model.named_tensors().size()) << kind.name();
        EXPECT_EQ(elements, model.layout().parameter_count()) << kind.name();
    }
}

TEST(Model, QueryKeyAndValueAreTheRowsOfOneTensor) {
    const Model model = small_model(1, ModelFamily::kDistilBert);
    const at::Tensor joined = model.values().blocks[1].query_key_value.weight;
    for (const NamedTensor& named : model.named_tensors()) {
        if (named.name == "distilbert.transformer.layer.1.attention.k_lin.weight") {
            EXPECT_TRUE(named.tensor.equal(joined.narrow(0, 24, 24)));
            return;
        }
    }
    FAIL() << "no key weight";
}

TEST(Model, BackwardPassesAddToTheFlatGradients) {
    const Model model = small_model(1);
    for (int pass = 1; pass <= 2; ++pass) {
        model.autograd_leaves().head.weight.sum().backward();
        EXPECT_EQ(model.gradients().head.weight.min().item<float>(), static_cast<float>(pass));
        EXPECT_EQ(model.flat_gradients().sum().item<float>(), static_cast<float>(pass * 3 * 24));
    }
    model.clear_gradients();
    EXPECT_EQ(model.flat_gradients().abs().max().item<float>(), 0);
}

TEST(Model, MovingKeepsTheMemory) {
    Model model = small_model(1);
    const void* memory = model.flat_values().const_data_ptr();
    const Model moved = std::move(model);
    EXPECT_EQ(moved.flat_values().const_data_ptr(), memory);
    EXPECT_EQ(moved.values().word_embeddings.const_data_ptr(), memory);
}

TEST(Model, ConvertingKeepsTheValuesAndTheBinding) {
    Model model = small_model(1);
    const at::Tensor before = model.values().head.weight.clone();
    model.convert_to(at::kDouble);
    EXPECT_EQ(model.values().head.weight.scalar_type(), at::kDouble);
    EXPECT_TRUE(model.values().head.weight.to(at::kFloat).equal(before));
    model.autograd_leaves().head.weight.sum().backward();
    EXPECT_EQ(model.flat_gradients().sum().item<double>(), 3 * 24);
}

}  // namespace
}  // namespace finewatt
