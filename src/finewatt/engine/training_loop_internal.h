// TrainingLoop: the steps of a training with its evaluations, its checkpoints and its ends. Main
// types: TrainingJob, TrainingLoop. Not for reading inputs nor for the result's folder
// (trainer.cpp), nor for what a step computes (device_trainer_internal.h).
#pragma once

#include "finewatt/data/task_data.h"
#include "finewatt/engine/checkpoint_arrays_internal.h"
#include "finewatt/engine/checkpoints_internal.h"
#include "finewatt/engine/device_trainer_internal.h"
#include "finewatt/engine/job_setup_internal.h"
#include "finewatt/engine/reporter_internal.h"
#include "finewatt/engine/trainer.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace finewatt {

/// Data to evaluate on.
struct EvaluationSet {
    std::string suffix;  ///< of the names of its scores
    TaskData data;
    FeatureSet features{};
};

/// Everything that is read before the first step.
struct TrainingJob {
    ModelDescription description;
    TaskData training_data;
    std::vector<EvaluationSet> evaluation;
    Model model;
    FeatureSet features{};
    /// Set where checkpoints are written or read: what they can be compared by.
    TrainingSettings settings{};
};

/// Runs once. All that it is given must outlive it; results go to `result`.
class TrainingLoop {
  public:
    /// `checkpoints` may be null.
    TrainingLoop(TrainingJob& job, DeviceTrainer& trainer, const FinetuneOptions& options,
                 JobContext& context, StepLog& log, Checkpoints* checkpoints,
                 FinetuneResult& result);

    /// Go on from a checkpoint: read its weights, moments and best weights, and count on from its
    /// step. Before train(). Errors: as TensorFile::open and load_weights.
    Status go_on_from(const FoundCheckpoint& checkpoint);

    /// Run all steps, in phase train, and the evaluations between them.
    Status train();

    /// Leave the trained weights in the job's model: the best, where early stopping kept some, else
    /// the last. Fill the result's scores: with those of the last evaluation if it was of this
    /// model, else with a new one.
    Status finish();

  private:
    /// A copy of the model at its best.
    struct Best {
        double score = 0;
        std::int64_t step = 0;
        at::Tensor values;  ///< [layout().size()]
        NamedScores scores;
    };

    Status run_epochs();
    /// Run what is left of the epoch that batch number `batches_submitted_` belongs to.
    Status run_epoch();
    Status run_step(std::vector<Batch> batches);
    /// Account for the steps that the device has ended; those behind one that is not finite do not
    /// count.
    Status take_records(DeviceTrainer::Wait wait);
    Status after_record(StepRecord record);
    /// Do what is due when no step is under way.
    Status after_step();
    /// Evaluate where that is due after the last step and not yet done.
    Status evaluate_if_due();
    Status write_checkpoint();
    TrainingState state() const;
    /// The arrays that a checkpoint has beside the weights, where they are.
    CheckpointArrays arrays(const OptimizerState& optimizer) const;
    /// Evaluate on all data; sets end to kInterrupted when a stop was requested meanwhile.
    Status evaluate();
    void remember_best();
    bool is_over() const;
    /// Return whether something is due every so many steps after the last one that was submitted.
    bool is_due(const std::optional<std::int64_t>& every) const;
    bool is_checkpoint_due() const;
    bool is_evaluation_due() const;

    TrainingJob& job_;
    DeviceTrainer& trainer_;
    const FinetuneOptions& options_;
    JobContext& context_;
    StepLog& log_;
    Checkpoints* checkpoints_;
    FinetuneResult& result_;
    std::int64_t total_steps_;
    std::int64_t warmup_steps_;
    Reporter reporter_;
    std::int64_t steps_submitted_ = 0;
    std::int64_t batches_submitted_ = 0;
    std::deque<std::vector<Batch>> under_way_{};  ///< of the steps whose record is to come
    double loss_sum_ = 0;
    double evaluate_s_ = 0;
    std::optional<std::int64_t> scored_step_{};  ///< when result_.scores were made
    std::optional<Best> best_{};
    std::int64_t evaluations_since_best_ = 0;
};

/// Write a model folder with its settings, for a checkpoint or the result.
Status write_result_folder(const std::filesystem::path& folder, const TrainingJob& job,
                           const FinetuneOptions& options);

}  // namespace finewatt
