#include "finewatt/engine/work.h"

#include <cstddef>

namespace finewatt {
namespace {

// The backward pass makes two products of the size of each forward one: with respect to the input
// and to the weights.
constexpr double kTrainingPerForward = 3;

}  // namespace

double forward_flops(const ModelConfig& config, const HeadSize& head, std::int64_t sequences,
                     std::int64_t tokens, std::int64_t sum_len_sq) {
    const auto hidden = static_cast<double>(config.hidden_size);
    const auto feed_forward = static_cast<double>(config.intermediate_size);
    const auto layers = static_cast<double>(config.num_hidden_layers);
    // Query, key, value and output are H x H each; the feed-forward pair is H x F and F x H.
    const double block_weights = 4 * hidden * hidden + 2 * hidden * feed_forward;
    const bool is_of_texts = head.kind == HeadKind::kClassification;
    const double last_weights = hidden * static_cast<double>(head.labels);
    const double head_weights = is_of_texts ? hidden * hidden + last_weights : last_weights;
    const auto head_rows = static_cast<double>(is_of_texts ? sequences : tokens);
    return 2 * layers * block_weights * static_cast<double>(tokens) +
           4 * layers * hidden * static_cast<double>(sum_len_sq) + 2 * head_weights * head_rows;
}

void EngineWork::add(const ModelConfig& config, const HeadSize& head, const Batch& batch,
                     Passes passes) {
    const auto sequences = static_cast<std::int64_t>(batch.key_len.size());
    std::int64_t real_sq = 0;
    std::int64_t padded_sq = 0;
    for (std::size_t s = 0; s < batch.key_len.size(); ++s) {
        const auto real = static_cast<std::int64_t>(batch.key_len[s]);
        const auto padded =
            static_cast<std::int64_t>(batch.cu_seqlens[s + 1]) - batch.cu_seqlens[s];
        real_sq += real * real;
        padded_sq += padded * padded;
    }
    steps += 1;
    examples += sequences;
    tokens_real += batch.tokens_real;
    tokens_padded += batch.tokens_padded;
    tokens_padded_would_be += batch.tokens_padded_would_be;
    sum_len_sq += real_sq;
    const double factor = passes == Passes::kTraining ? kTrainingPerForward : 1;
    flops_model += factor * forward_flops(config, head, sequences, batch.tokens_real, real_sq);
    flops_done += factor * forward_flops(config, head, sequences, batch.tokens_padded, padded_sq);
}

}  // namespace finewatt
