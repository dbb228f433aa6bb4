// Fine-tuning: from a model, a vocabulary and a data set to a trained classifier. Main function:
// finetune. Free of LibTorch headers, so that programs can include it; not for command lines
// (apps/engine_options.h) and not for energy, which the parent process measures.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/result.h"
#include "finewatt/data/batch.h"
#include "finewatt/data/dataset.h"
#include "finewatt/engine/events.h"
#include "finewatt/engine/fast_options.h"
#include "finewatt/engine/work.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace finewatt {

/// Where a model comes from.
struct ModelSource {
    /// A Hugging Face folder; or, with `is_random`, a config.json whose shape gets random weights.
    std::filesystem::path path;
    bool is_random = false;
    /// vocab.txt (read as uncased) or a folder with a tokenizer; nothing = the model's folder.
    std::optional<std::filesystem::path> vocab;
};

/// What to train, on what, and how. Recipe defaults are those of run_glue.py.
struct FinetuneOptions {
    ModelSource model;
    std::filesystem::path data;
    std::optional<std::filesystem::path> eval_data;
    ColumnNames columns;
    std::int64_t epochs = 3;
    std::optional<std::int64_t> max_steps;
    std::int32_t batch = 32;
    std::int32_t max_length = 128;  ///< tokens
    double lr = 2e-5;
    double warmup = 0;  ///< steps; below 1 a share of all steps
    double weight_decay = 0;
    std::uint64_t seed = 42;
    BatchingMode batching = BatchingMode::kUnpadded;
    std::optional<double> dropout;             ///< probability; nothing = the model's
    FastOptions fast;                          ///< with gemm at kAuto, FINEWATT_GEMM decides
    std::optional<std::filesystem::path> out;  ///< folder for the result
    std::optional<std::filesystem::path> log;  ///< JSON line per step
    std::string settings_toml;                 ///< written to out/settings.toml as it is
};

/// How a training ended.
enum class FinetuneEnd {
    kComplete,
    kInterrupted,  ///< stop_requested said so; after one step or more the model was saved
    kDiverged,     ///< loss or gradient not finite; nothing was saved
};

/// What a training left behind.
struct FinetuneResult {
    FinetuneEnd end = FinetuneEnd::kComplete;
    std::int64_t steps_planned = 0;
    EngineWork work;
    double train_s = 0;    ///< wall time of the training steps
    double loss_mean = 0;  ///< over all steps
    double loss_last = 0;
    std::optional<double> accuracy;   ///< share of eval_data that was classified right
    std::optional<double> eval_loss;  ///< mean cross-entropy, nats
    std::int64_t eval_examples = 0;
    std::vector<std::string> label_names;
    bool is_saved = false;           ///< the result is in FinetuneOptions::out
    std::vector<std::string> notes;  ///< what a user should know, e.g. a new head
};

/// What a job needs from its program.
struct JobContext {
    EventWriter& events;
    const Clock& clock;
    std::function<bool()> stop_requested;  ///< asked after each step
};

/// Load, tokenize, train, evaluate and save; phases and totals go to the events. The order of the
/// data is that of Hugging Face's Trainer (epoch_order), AdamW and the schedule are its defaults.
/// --out and --log are tried before the work begins. Uses the threads that start_runtime set.
///
/// Errors: not found, permission, corrupt and invalid argument for the inputs, naming file and
/// expectation; io for output that could not be written; internal when LibTorch fails.
Result<FinetuneResult> finetune(const FinetuneOptions& options, JobContext& context);

}  // namespace finewatt
