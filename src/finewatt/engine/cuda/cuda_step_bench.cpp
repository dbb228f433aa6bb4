// Speed of training steps on the GPU: BERT-base with random weights, batches of texts as long as
// RTE's. Prints one line for each setting: steps, real tokens and model FLOP per second.
//
//   cuda_step_bench [batch size] [steps]
#include "finewatt/data/features.h"
#include "finewatt/engine/device_trainer_internal.h"
#include "finewatt/engine/runtime.h"
#include "finewatt/engine/work.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace finewatt {
namespace {

/// Devlin et al. 2019.
ModelConfig bert_base() {
    ModelConfig config;
    config.vocab_size = 30522;
    config.hidden_size = 768;
    config.num_hidden_layers = 12;
    config.num_attention_heads = 12;
    config.intermediate_size = 3072;
    config.max_position_embeddings = 512;
    config.type_vocab_size = 2;
    return config;
}

/// Made-up texts: lengths as RTE's at most 128 tokens have them, mean 67, an eighth of them cut.
FeatureSet made_up_texts(std::int64_t count) {
    std::mt19937 random(42);
    std::lognormal_distribution<double> length(4.05, 0.55);
    std::uniform_int_distribution<std::int32_t> word(1000, 30000);
    FeatureSetBuilder builder(TaskKind::kClassification);
    for (std::int64_t i = 0; i < count; ++i) {
        const auto tokens = static_cast<std::size_t>(std::clamp(length(random), 12.0, 128.0));
        std::vector<std::int32_t> ids(tokens);
        std::generate(ids.begin(), ids.end(), [&] { return word(random); });
        const std::vector<std::int32_t> types(tokens, 0);
        builder.add({.ids = ids, .type_ids = types, .label = static_cast<std::int32_t>(i % 2)});
    }
    return std::move(builder).finish();
}

/// One setting to measure.
struct Setting {
    Precision precision = Precision::kBfloat16;
    BatchingMode mode = BatchingMode::kUnpadded;
    std::int32_t batch = 32;
    std::int64_t steps = 0;
};

void train(DeviceTrainer& trainer, const std::vector<Batch>& batches, std::int64_t steps) {
    for (std::int64_t step = 0; step < steps; ++step) {
        const std::size_t index = static_cast<std::size_t>(step) % batches.size();
        trainer.submit(std::span(batches).subspan(index, 1), 2e-5, {42, step});
        trainer.take_finished(DeviceTrainer::Wait::kNo);
    }
    trainer.take_finished(DeviceTrainer::Wait::kForAll);
}

bool measure(const Setting& setting) {
    const Model model(bert_base(), HeadKind::kClassification, 2, 42);
    const Result<std::unique_ptr<DeviceTrainer>> trainer =
        make_cuda_trainer(model, setting.precision, AdamWOptions{});
    if (!trainer) {
        std::fputs(fmt::format("error: {}\n", trainer.error().describe()).c_str(), stderr);
        return false;
    }
    const FeatureSet texts = made_up_texts(64 * std::int64_t{setting.batch});
    std::vector<Batch> batches;
    for (const auto& indices : epoch_batches(texts, setting.batch, setting.mode, 42, 0)) {
        batches.push_back(make_batch(texts, indices, setting.mode, 128, 0));
    }
    train(**trainer, batches, 3 * std::ssize(batches));  // capture what will be captured
    EngineWork work;
    for (std::int64_t step = 0; step < setting.steps; ++step) {
        work.add(model.config(), {model.head_kind(), model.labels()},
                 batches[static_cast<std::size_t>(step) % batches.size()]);
    }
    const auto begin = std::chrono::steady_clock::now();
    train(**trainer, batches, setting.steps);
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    std::fputs(fmt::format("{} {:<8} batch {:<4} {:8.1f} steps/s {:10.0f} real tokens/s {:7.1f} "
                           "TFLOP/s of the model\n",
                           precision_name(setting.precision), batching_mode_name(setting.mode),
                           setting.batch, static_cast<double>(setting.steps) / seconds,
                           static_cast<double>(work.tokens_real) / seconds,
                           work.flops_model / seconds / 1e12)
                   .c_str(),
               stdout);
    return true;
}

}  // namespace
}  // namespace finewatt

int main(int argc, char** argv) {
    using finewatt::BatchingMode;
    using finewatt::Precision;
    const auto batch = static_cast<std::int32_t>(argc > 1 ? std::atoi(argv[1]) : 32);
    const std::int64_t steps = argc > 2 ? std::atoll(argv[2]) : 300;
    if (batch < 1 || steps < 1) {
        std::fputs("usage: cuda_step_bench [batch size] [steps], both at least 1\n", stderr);
        return 2;
    }
    finewatt::start_runtime(0);
    const bool is_done =
        finewatt::measure({Precision::kBfloat16, BatchingMode::kUnpadded, batch, steps}) &&
        finewatt::measure({Precision::kBfloat16, BatchingMode::kUnpadded, 8 * batch, steps}) &&
        finewatt::measure({Precision::kBfloat16, BatchingMode::kDynamic, batch, steps}) &&
        finewatt::measure({Precision::kFloat32, BatchingMode::kUnpadded, batch, steps});
    return is_done ? 0 : 5;
}
