// Small models and uneven batches for the tests of the model's forms: every family and head.
#pragma once

#include "finewatt/data/features.h"
#include "finewatt/engine/model_internal.h"
#include "finewatt/engine/packed_input_internal.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace finewatt::testing {

/// A family with a head and its number of labels.
struct ModelKind {
    ModelFamily family = ModelFamily::kBert;
    HeadKind head = HeadKind::kClassification;
    std::int64_t labels = 3;

    std::string name() const { return std::string(architecture_name(family, head)); }
};

/// Both families with all three heads.
inline std::vector<ModelKind> all_model_kinds() {
    std::vector<ModelKind> kinds;
    for (const ModelFamily family : {ModelFamily::kBert, ModelFamily::kDistilBert}) {
        kinds.push_back({family, HeadKind::kClassification, 3});
        kinds.push_back({family, HeadKind::kTokenClassification, 5});
        kinds.push_back({family, HeadKind::kQuestionAnswering, 2});
    }
    return kinds;
}

/// Two layers of three heads of eight; weights so large that an error is not lost in rounding.
inline ModelConfig small_config(ModelFamily family, double dropout) {
    ModelConfig config;
    config.family = family;
    config.vocab_size = 50;
    config.hidden_size = 24;
    config.num_hidden_layers = 2;
    config.num_attention_heads = 3;
    config.intermediate_size = 40;
    config.max_position_embeddings = 32;
    config.type_vocab_size = family == ModelFamily::kBert ? 2 : 0;
    config.initializer_range = 0.3;
    config.set_dropout(dropout);
    return config;
}

/// A sequence with the targets of every head.
struct TestSequence {
    std::vector<std::int32_t> ids;
    std::vector<std::int32_t> type_ids;
    std::int32_t label = 0;
    std::vector<std::int32_t> token_labels;
    std::int32_t answer_start = 0;
    std::int32_t answer_end = 0;
};

/// Sequences of these lengths with made-up tokens below 50 and targets: text labels below 3, token
/// labels below 5 with some left out, answers within the sequence.
inline std::vector<TestSequence> sequences_of(const std::vector<std::int32_t>& lengths) {
    std::vector<TestSequence> sequences;
    std::int32_t next = 1;
    for (const std::int32_t length : lengths) {
        TestSequence sequence;
        for (std::int32_t i = 0; i < length; ++i, ++next) {
            sequence.ids.push_back(1 + (next * 7) % 49);
            sequence.type_ids.push_back(i > length / 2 ? 1 : 0);
            sequence.token_labels.push_back(i % 4 == 3 ? kIgnoredLabel : next % 5);
        }
        sequence.label = length % 3;
        sequence.answer_start = length / 3;
        sequence.answer_end = length - 1;
        sequences.push_back(sequence);
    }
    return sequences;
}

/// Uneven lengths, one of them a single token, two of them equal.
inline std::vector<TestSequence> uneven_sequences() {
    return sequences_of({5, 20, 1, 9, 2, 9, 13});
}

/// A batch of all sequences in their order, with the targets of every head. kFixed pads to 32.
inline Batch batch_of(const std::vector<TestSequence>& sequences, BatchingMode mode) {
    FeatureSetBuilder builder(TaskKind::kClassification);
    for (const TestSequence& sequence : sequences) {
        builder.add({.ids = sequence.ids, .type_ids = sequence.type_ids, .label = sequence.label});
    }
    const FeatureSet features = std::move(builder).finish();
    std::vector<std::int64_t> all(features.size());
    std::iota(all.begin(), all.end(), 0);
    Batch batch = make_batch(features, all, mode, 32, 0);
    batch.token_labels.assign(batch.ids.size(), kIgnoredLabel);
    for (std::size_t s = 0; s < sequences.size(); ++s) {
        std::copy(sequences[s].token_labels.begin(), sequences[s].token_labels.end(),
                  batch.token_labels.begin() + batch.cu_seqlens[s]);
        batch.answer_starts.push_back(sequences[s].answer_start);
        batch.answer_ends.push_back(sequences[s].answer_end);
    }
    return batch;
}

/// The same as the models read it.
inline PackedInput input_of(const std::vector<TestSequence>& sequences, BatchingMode mode) {
    return pack_input(batch_of(sequences, mode));
}

/// The elements of a contiguous float32 tensor.
inline std::span<const float> values_of(const at::Tensor& tensor) {
    return {tensor.const_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

}  // namespace finewatt::testing
