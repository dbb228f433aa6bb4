#include "finewatt/engine/parameter_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace finewatt {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ModelConfig base_config(ModelFamily family) {
    ModelConfig config;
    config.family = family;
    config.vocab_size = 30522;
    config.hidden_size = 768;
    config.num_hidden_layers = family == ModelFamily::kBert ? 12 : 6;
    config.num_attention_heads = 12;
    config.intermediate_size = 3072;
    config.max_position_embeddings = 512;
    config.type_vocab_size = family == ModelFamily::kBert ? 2 : 0;
    return config;
}

/// Sizes that no alignment divides.
ModelConfig odd_config(ModelFamily family) {
    ModelConfig config = base_config(family);
    config.vocab_size = 11;
    config.hidden_size = 6;
    config.num_hidden_layers = 2;
    config.num_attention_heads = 3;
    config.intermediate_size = 5;
    config.max_position_embeddings = 7;
    return config;
}

/// The spec of a name; fails the test and returns an empty one when it is not there.
ParameterSpec spec_of(const ParameterLayout& layout, const std::string& name) {
    const auto specs = layout.specs();
    const auto found = std::find_if(specs.begin(), specs.end(),
                                    [&](const ParameterSpec& spec) { return spec.name == name; });
    EXPECT_TRUE(found != specs.end()) << name;
    return found == specs.end() ? ParameterSpec{} : *found;
}

struct Shape {
    ModelFamily family;
    HeadKind head;
    std::int64_t labels;
};

std::vector<Shape> all_shapes() {
    std::vector<Shape> shapes;
    for (const ModelFamily family : {ModelFamily::kBert, ModelFamily::kDistilBert}) {
        shapes.push_back({family, HeadKind::kClassification, 3});
        shapes.push_back({family, HeadKind::kTokenClassification, 9});
        shapes.push_back({family, HeadKind::kQuestionAnswering, 2});
    }
    return shapes;
}

TEST(ParameterLayout, CountsTheParametersOfThePublishedModels) {
    // BERT-base: 109,482,240 with the pooler (Devlin et al. 2019 say 110M), and a head of 2 x 768.
    EXPECT_EQ(ParameterLayout::make(base_config(ModelFamily::kBert), HeadKind::kClassification, 2)
                  .parameter_count(),
              109'482'240 + 2 * 768 + 2);
    // Without the pooler's 768 x 768 + 768.
    EXPECT_EQ(
        ParameterLayout::make(base_config(ModelFamily::kBert), HeadKind::kQuestionAnswering, 2)
            .parameter_count(),
        109'482'240 - 590'592 + 2 * 768 + 2);
    // DistilBERT: 66,362,880 (Sanh et al. 2019 say 66M).
    EXPECT_EQ(ParameterLayout::make(base_config(ModelFamily::kDistilBert),
                                    HeadKind::kTokenClassification, 9)
                  .parameter_count(),
              66'362'880 + 9 * 768 + 9);
}

TEST(ParameterLayout, ParametersLieInOrderOnWholeCacheLinesWithoutOverlap) {
    for (const Shape& shape : all_shapes()) {
        const ParameterLayout layout =
            ParameterLayout::make(odd_config(shape.family), shape.head, shape.labels);
        std::int64_t end = 0;
        for (const ParameterSpec& spec : layout.specs()) {
            EXPECT_EQ(spec.offset % ParameterLayout::kAlignment, 0) << spec.name;
            EXPECT_GE(spec.offset, end) << spec.name;
            EXPECT_LT(spec.offset, end + ParameterLayout::kAlignment) << spec.name;
            end = spec.offset + spec.element_count();
        }
        EXPECT_GE(layout.size(), end);
        EXPECT_EQ(layout.size() % ParameterLayout::kAlignment, 0);
    }
}

TEST(ParameterLayout, DecayedParametersAreTheMatricesAndLieFirst) {
    for (const Shape& shape : all_shapes()) {
        const ParameterLayout layout =
            ParameterLayout::make(odd_config(shape.family), shape.head, shape.labels);
        for (const ParameterSpec& spec : layout.specs()) {
            EXPECT_EQ(spec.is_decayed, spec.shape.size() == 2) << spec.name;
            EXPECT_EQ(spec.is_decayed, spec.offset < layout.decayed_size()) << spec.name;
        }
    }
}

TEST(ParameterLayout, HasTheNamesOfABertFile) {
    const ParameterLayout layout =
        ParameterLayout::make(odd_config(ModelFamily::kBert), HeadKind::kClassification, 3);
    EXPECT_EQ(layout.specs().size(), 5U + 2U * 12U + 4U);
    EXPECT_THAT(spec_of(layout, "bert.embeddings.token_type_embeddings.weight").shape,
                ElementsAre(2, 6));
    EXPECT_THAT(spec_of(layout, "bert.encoder.layer.1.attention.output.LayerNorm.weight").shape,
                ElementsAre(6));
    EXPECT_THAT(spec_of(layout, "bert.encoder.layer.0.output.dense.weight").shape,
                ElementsAre(6, 5));
    EXPECT_THAT(spec_of(layout, "bert.pooler.dense.weight").shape, ElementsAre(6, 6));
    EXPECT_THAT(spec_of(layout, "classifier.bias").shape, ElementsAre(3));
    const ParameterSpec joined =
        spec_of(layout, "bert.encoder.layer.1.attention.self.query_key_value.bias");
    EXPECT_THAT(joined.shape, ElementsAre(18));
    EXPECT_EQ(joined.layer, 1);
    EXPECT_THAT(joined.part_names, ElementsAre("bert.encoder.layer.1.attention.self.query.bias",
                                               "bert.encoder.layer.1.attention.self.key.bias",
                                               "bert.encoder.layer.1.attention.self.value.bias"));
}

TEST(ParameterLayout, HasTheNamesOfADistilBertFile) {
    const ParameterLayout layout =
        ParameterLayout::make(odd_config(ModelFamily::kDistilBert), HeadKind::kClassification, 3);
    EXPECT_EQ(layout.specs().size(), 4U + 2U * 12U + 4U);
    EXPECT_THAT(spec_of(layout, "distilbert.embeddings.position_embeddings.weight").shape,
                ElementsAre(7, 6));
    EXPECT_THAT(spec_of(layout, "distilbert.transformer.layer.1.sa_layer_norm.bias").shape,
                ElementsAre(6));
    EXPECT_THAT(spec_of(layout, "distilbert.transformer.layer.0.ffn.lin1.weight").shape,
                ElementsAre(5, 6));
    EXPECT_THAT(spec_of(layout, "pre_classifier.weight").shape, ElementsAre(6, 6));
    EXPECT_THAT(
        spec_of(layout, "distilbert.transformer.layer.0.attention.qkv_lin.weight").part_names,
        ElementsAre("distilbert.transformer.layer.0.attention.q_lin.weight",
                    "distilbert.transformer.layer.0.attention.k_lin.weight",
                    "distilbert.transformer.layer.0.attention.v_lin.weight"));
}

TEST(ParameterLayout, QuestionAnsweringHasTwoOutputsAndNoPooler) {
    const ParameterLayout layout =
        ParameterLayout::make(odd_config(ModelFamily::kBert), HeadKind::kQuestionAnswering, 2);
    std::vector<std::string> of_head;
    for (const ParameterSpec& spec : layout.specs()) {
        if (spec.is_of_head()) {
            of_head.push_back(spec.name);
        }
    }
    EXPECT_THAT(of_head, ElementsAre("qa_outputs.weight", "qa_outputs.bias"));
    EXPECT_THAT(spec_of(layout, "qa_outputs.weight").shape, ElementsAre(2, 6));
}

TEST(ParameterLayout, OnlyQueryKeyAndValueHaveParts) {
    const ParameterLayout layout = ParameterLayout::make(odd_config(ModelFamily::kDistilBert),
                                                         HeadKind::kTokenClassification, 4);
    for (const ParameterSpec& spec : layout.specs()) {
        if (spec.role != ParameterRole::kQueryKeyValue) {
            EXPECT_THAT(spec.part_names, IsEmpty()) << spec.name;
        }
    }
}

TEST(ParameterLayout, NewPositionsAreSinusoidalWhereTheConfigSaysSo) {
    ModelConfig config = odd_config(ModelFamily::kDistilBert);
    const std::string name = "distilbert.embeddings.position_embeddings.weight";
    EXPECT_EQ(spec_of(ParameterLayout::make(config, HeadKind::kClassification, 2), name).init,
              ParameterInit::kNormal);
    config.has_sinusoidal_positions = true;
    EXPECT_EQ(spec_of(ParameterLayout::make(config, HeadKind::kClassification, 2), name).init,
              ParameterInit::kSinusoidal);
}

}  // namespace
}  // namespace finewatt
