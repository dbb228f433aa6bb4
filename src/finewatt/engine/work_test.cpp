#include "finewatt/engine/work.h"

#include <gtest/gtest.h>

namespace finewatt {
namespace {

ModelConfig bert_base() {
    ModelConfig config;
    config.hidden_size = 768;
    config.intermediate_size = 3072;
    config.num_hidden_layers = 12;
    config.num_attention_heads = 12;
    return config;
}

constexpr HeadSize kTwoClasses{HeadKind::kClassification, 2};

TEST(ForwardFlops, OfBertBaseAreTwoPerEncoderWeightAndToken) {
    // 12 layers x (4 x 768 x 768 + 2 x 768 x 3072) = 84,934,656 weights.
    EXPECT_DOUBLE_EQ(forward_flops(bert_base(), kTwoClasses, 0, 1, 0), 2.0 * 84'934'656);
}

TEST(ForwardFlops, OfAttentionGrowWithTheSquareOfTheLength) {
    EXPECT_DOUBLE_EQ(forward_flops(bert_base(), kTwoClasses, 0, 0, 128 * 128),
                     36'864.0 * 128 * 128);
}

TEST(ForwardFlops, OfAClassifierOfTextsGrowWithTheSequences) {
    // Pooler 768 x 768 and classifier 2 x 768, for each of 3 texts.
    EXPECT_DOUBLE_EQ(forward_flops(bert_base(), kTwoClasses, 3, 0, 0),
                     3 * 2.0 * (768 * 768 + 2 * 768));
}

TEST(ForwardFlops, OfOtherHeadsGrowWithTheTokens) {
    const double encoder = 2.0 * 84'934'656 * 10;
    EXPECT_DOUBLE_EQ(
        forward_flops(bert_base(), {HeadKind::kTokenClassification, 9}, 3, 10, 0) - encoder,
        2.0 * 9 * 768 * 10);
    EXPECT_DOUBLE_EQ(
        forward_flops(bert_base(), {HeadKind::kQuestionAnswering, 2}, 3, 10, 0) - encoder,
        2.0 * 2 * 768 * 10);
}

TEST(ForwardFlops, OfDistilBertAreThoseOfHalfTheLayers) {
    ModelConfig half = bert_base();
    half.family = ModelFamily::kDistilBert;
    half.num_hidden_layers = 6;
    EXPECT_DOUBLE_EQ(2 * forward_flops(half, kTwoClasses, 0, 7, 21),
                     forward_flops(bert_base(), kTwoClasses, 0, 7, 21));
}

TEST(EngineWork, CountsRealAndComputedTokensApart) {
    Batch batch;
    batch.cu_seqlens = {0, 4, 8};  // two sequences of 4 computed rows
    batch.key_len = {4, 2};
    batch.tokens_real = 6;
    batch.tokens_padded = 8;
    batch.tokens_padded_would_be = 8;
    EngineWork work;
    work.add(bert_base(), kTwoClasses, batch);
    EXPECT_EQ(work.examples, 2);
    EXPECT_EQ(work.tokens_real, 6);
    EXPECT_EQ(work.tokens_padded, 8);
    EXPECT_EQ(work.sum_len_sq, 16 + 4);
    EXPECT_DOUBLE_EQ(work.flops_model, 3 * forward_flops(bert_base(), kTwoClasses, 2, 6, 20));
    EXPECT_DOUBLE_EQ(work.flops_done, 3 * forward_flops(bert_base(), kTwoClasses, 2, 8, 32));
}

}  // namespace
}  // namespace finewatt
