// TrainingStep: one optimizer update over one batch or several. Main type: TrainingStep. Not for
// the order of batches nor the schedule (training_loop_internal.h).
#pragma once

#include "finewatt/engine/adamw.h"
#include "finewatt/engine/fast_model_internal.h"
#include "finewatt/engine/model_internal.h"
#include "finewatt/engine/step_log.h"

#include <cstdint>
#include <span>
#include <vector>

namespace finewatt {

/// Holds the optimizer and its moments; it works on the model's own memory. One thread at a time.
class TrainingStep {
  public:
    /// Model and fast path must outlive it.
    TrainingStep(const Model& model, FastModel& fast, const AdamWOptions& options);

    /// Run forward and backward over all batches and update once. The loss is the mean over the
    /// targets of all batches. Batch i draws the dropout masks of step `first.step + i`. Fills all
    /// of the record but step and time; loss and gradient norm are those before the update. When
    /// one of them is not finite, the weights stay as they are.
    StepRecord run(std::span<const Batch> batches, double rate, const DropoutStep& first);

    /// The moments of AdamW [layout().size()], for a checkpoint to read and to bring back.
    std::span<float> first_moments() { return first_moments_; }

    std::span<float> second_moments() { return second_moments_; }

    /// Go on after so many steps; the moments are those of that step.
    void set_steps(std::int64_t steps) { adamw_.set_steps(steps); }

  private:
    const Model& model_;
    FastModel& fast_;
    std::vector<float> first_moments_;
    std::vector<float> second_moments_;
    FlatAdamW adamw_;
};

/// Return whether a step's loss and gradient are numbers.
bool is_finite(const StepRecord& record);

}  // namespace finewatt
