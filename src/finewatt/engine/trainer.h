// Fine-tuning: from a model, a vocabulary and a data set to a trained model, for every task. Main
// function: finetune. Free of LibTorch headers, so that programs can include it; not for command
// lines (apps/engine_options.h) and not for energy, which the parent process measures.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/result.h"
#include "finewatt/data/batch.h"
#include "finewatt/data/feature_cache.h"
#include "finewatt/data/squad_score.h"
#include "finewatt/data/task.h"
#include "finewatt/engine/compute_device.h"
#include "finewatt/engine/events.h"
#include "finewatt/engine/fast_options.h"
#include "finewatt/engine/preparation.h"
#include "finewatt/engine/work.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
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

/// What to train, on what, and how. The recipe of the task is not looked at: whoever makes the
/// options takes its settings from there.
struct FinetuneOptions {
    ModelSource model;
    Task task;  ///< with the columns that the user chose
    std::filesystem::path data;
    /// Evaluated one after the other. Scores of the second bear the suffix _mm for mnli, else _2;
    /// then _3 and so on. The first one decides what is best.
    std::vector<std::filesystem::path> eval_data;
    std::int64_t epochs = 3;
    std::optional<std::int64_t> max_steps;
    std::int32_t batch = 32;
    std::int64_t accumulation = 1;  ///< batches per step; the loss is the mean over all of them
    std::int32_t max_length = 128;  ///< tokens
    std::int32_t doc_stride = 0;    ///< tokens that two windows share; question answering
    double lr = 2e-5;
    double warmup = 0;  ///< steps; below 1 a share of all steps
    double weight_decay = 0;
    std::uint64_t seed = 42;
    BatchingMode batching = BatchingMode::kUnpadded;
    FeatureCache cache;             ///< of tokenized data; as it is made: none
    std::optional<double> dropout;  ///< probability; nothing = the model's
    ComputeDevice device;
    FastOptions fast;                              ///< with gemm at kAuto, FINEWATT_GEMM decides
    std::optional<std::int64_t> eval_every;        ///< steps; nothing = only at the end
    std::optional<std::int64_t> early_stop;        ///< evaluations without a better score
    std::optional<std::int64_t> checkpoint_every;  ///< steps; needs `out`
    /// Go on from the newest whole checkpoint in `out`, which is needed.
    bool is_resumed = false;
    std::optional<std::filesystem::path> out;  ///< folder for the result
    std::optional<std::filesystem::path> log;  ///< JSON line per step
    std::string settings_toml;                 ///< written to out/settings.toml as it is
};

/// How a training ended.
enum class FinetuneEnd {
    kComplete,
    kInterrupted,  ///< stop_requested said so; after one step or more the model was saved
    kDiverged,     ///< loss or gradient not finite; only checkpoints are left
};

/// What a training left behind.
struct FinetuneResult {
    FinetuneEnd end = FinetuneEnd::kComplete;
    Preparation preparation;
    std::int64_t steps_planned = 0;
    std::int64_t steps_done = 0;  ///< those before the checkpoint it went on from included
    /// The checkpoint it went on from, and its step.
    std::optional<std::filesystem::path> resumed_from;
    std::int64_t resumed_step = 0;
    EngineWork work;       ///< of this process: what its energy was spent on
    double train_s = 0;    ///< wall time of these steps, without evaluations
    double loss_mean = 0;  ///< over all steps done
    double loss_last = 0;
    /// Of the model that was kept, for all evaluation data. Classification: accuracy (share) and
    /// eval_loss (mean cross-entropy, nats); tokens: precision, recall, f1, accuracy (shares),
    /// eval_loss; question answering: the official figures in percent.
    NamedScores scores;
    std::int64_t eval_examples = 0;  ///< in all evaluation data
    /// With early_stop: the step after which the kept model was the best so far.
    std::optional<std::int64_t> best_step;
    bool is_stopped_early = false;
    /// kDiverged: the examples (numbers from 0) of the step that was not finite.
    std::vector<std::int64_t> diverged_examples;
    std::vector<std::string> label_names;
    bool is_saved = false;                                 ///< the result is in out
    std::optional<std::filesystem::path> last_checkpoint;  ///< newest one that was written whole
    std::vector<std::string> notes;  ///< what a user should know, e.g. a new head

    /// Return a score by its name, or nothing.
    std::optional<double> score(std::string_view name) const;
};

/// What a job needs from its program.
struct JobContext {
    EventWriter& events;
    const Clock& clock;
    std::function<bool()> stop_requested;  ///< asked after each step
};

/// Load, tokenize, train, evaluate and save; phases and totals go to the events. The order of the
/// data is that of Hugging Face's Trainer (epoch_order), AdamW and the schedule are its defaults.
/// A trained head keeps its labels and their order. --out and --log are tried before the work
/// begins. Uses the threads that start_runtime set.
///
/// A resumed training does what the unbroken one would have done, on the same CPU with the same
/// threads bit for bit, on a GPU but for the last digits; the result says where it went on.
/// Interrupted with checkpoint_every, it writes a checkpoint of its last step.
///
/// Differs from the Trainer: with accumulation the loss is the true mean over the targets of all
/// batches of the step; transformers 5.17 adds the means of BERT's batches up.
///
/// Errors: not found, permission, corrupt and invalid argument for the inputs, naming file and
/// expectation; not found without a whole checkpoint, invalid argument when it was made with other
/// settings (the first difference is named); io for output that could not be written; internal when
/// LibTorch fails.
Result<FinetuneResult> finetune(const FinetuneOptions& options, JobContext& context);

}  // namespace finewatt
