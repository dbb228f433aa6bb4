#include "finewatt/base/file.h"
#include "finewatt/engine/model_files_internal.h"
#include "finewatt/engine/predictions_internal.h"
#include "finewatt/engine/schedule.h"
#include "finewatt/engine/training_loop_internal.h"

#include <algorithm>
#include <set>
#include <utility>

namespace finewatt {
namespace {

/// Steps of an epoch: the last one may have fewer batches.
std::int64_t planned_steps(const FinetuneOptions& options, std::size_t features) {
    const auto count = static_cast<std::int64_t>(features);
    const std::int64_t batches = (count + options.batch - 1) / options.batch;
    const std::int64_t per_epoch = (batches + options.accumulation - 1) / options.accumulation;
    const std::int64_t all = options.epochs * per_epoch;
    return options.max_steps ? std::min(all, *options.max_steps) : all;
}

AdamWOptions optimizer_options(const FinetuneOptions& options) {
    AdamWOptions settings;
    settings.weight_decay = options.weight_decay;
    return settings;
}

/// The examples that the features of these batches were made of.
std::vector<std::int64_t> examples_of(const std::vector<Batch>& batches,
                                      const FeatureSet& features) {
    std::set<std::int64_t> examples;
    for (const Batch& batch : batches) {
        for (const std::int64_t index : batch.example_index) {
            examples.insert(features[static_cast<std::size_t>(index)].example);
        }
    }
    return {examples.begin(), examples.end()};
}

}  // namespace

TrainingLoop::TrainingLoop(TrainingJob& job, FastModel& fast, const FinetuneOptions& options,
                           JobContext& context, StepLog& log, Checkpoints* checkpoints,
                           FinetuneResult& result)
    : job_(job),
      fast_(fast),
      options_(options),
      context_(context),
      log_(log),
      checkpoints_(checkpoints),
      result_(result),
      step_(job.model, fast, optimizer_options(options)),
      total_steps_(planned_steps(options, job.features.size())),
      warmup_steps_(warmup_steps(options.warmup, total_steps_)),
      reporter_(context, total_steps_) {
    result_.steps_planned = total_steps_;
}

Status TrainingLoop::train() {
    const PhaseScope phase(context_.events, "train");
    const MonoTime begin = context_.clock.mono_now();
    const Status trained = run_epochs();
    result_.train_s = as_seconds(context_.clock.mono_now() - begin) - evaluate_s_;
    context_.events.work(result_.work, true);
    return trained;
}

Status TrainingLoop::run_epochs() {
    const auto group = static_cast<std::size_t>(options_.accumulation);
    std::int64_t batches_done = 0;
    for (std::int64_t epoch = 0; !is_over(); ++epoch) {
        const auto batches =
            epoch_batches(job_.features, options_.batch, options_.batching, options_.seed, epoch);
        for (std::size_t first = 0; first < batches.size() && !is_over(); first += group) {
            if (context_.stop_requested()) {
                result_.end = FinetuneEnd::kInterrupted;
                return {};
            }
            std::vector<Batch> of_step;
            for (std::size_t i = first; i < std::min(first + group, batches.size()); ++i) {
                of_step.push_back(make_batch(job_.features, batches[i], options_.batching,
                                             options_.max_length,
                                             job_.description.tokenizer.pad_id()));
            }
            FINEWATT_TRY(run_step(of_step, batches_done));
            batches_done += static_cast<std::int64_t>(of_step.size());
        }
    }
    return {};
}

Status TrainingLoop::run_step(const std::vector<Batch>& batches, std::int64_t first_batch) {
    const std::int64_t step = result_.work.steps;
    StepRecord record =
        step_.run(batches, linear_rate(options_.lr, step, warmup_steps_, total_steps_),
                  {options_.seed, first_batch});
    record.step = step + 1;
    record.time = context_.clock.mono_now();
    for (const Batch& batch : batches) {
        result_.work.add(job_.model.config(), {job_.model.head_kind(), job_.model.labels()}, batch);
    }
    result_.work.steps = record.step;
    result_.loss_last = record.loss;
    loss_sum_ += record.loss;
    result_.loss_mean = loss_sum_ / static_cast<double>(record.step);
    FINEWATT_TRY(log_.write(record));
    reporter_.after_step(record, result_.work);
    if (!is_finite(record)) {
        result_.end = FinetuneEnd::kDiverged;
        result_.diverged_examples = examples_of(batches, job_.features);
        return {};
    }
    return after_step();
}

Status TrainingLoop::after_step() {
    if (checkpoints_ != nullptr && is_due(options_.checkpoint_every)) {
        FINEWATT_TRY_CONTEXT(write_checkpoint(), "--checkpoint-every");
    }
    if (!job_.evaluation.empty() && is_due(options_.eval_every)) {
        FINEWATT_TRY(evaluate());
        if (options_.early_stop && result_.end == FinetuneEnd::kComplete) {
            remember_best();
        }
    }
    return {};
}

Status TrainingLoop::write_checkpoint() {
    const PhaseScope phase(context_.events, "save");
    FINEWATT_TRY(checkpoints_->save(result_.work.steps, [&](const std::filesystem::path& folder) {
        return write_result_folder(folder, job_, options_);
    }));
    result_.last_checkpoint = checkpoints_->last();
    return {};
}

Status TrainingLoop::evaluate() {
    const PhaseScope phase(context_.events, "evaluate");
    const MonoTime begin = context_.clock.mono_now();
    NamedScores scores;
    std::int64_t examples = 0;
    const PredictOptions how{.batch = options_.batch,
                             .mode = options_.batching,
                             .max_length = options_.max_length,
                             .pad_id = job_.description.tokenizer.pad_id()};
    for (const EvaluationSet& set : job_.evaluation) {
        FINEWATT_ASSIGN(const Predictions found, predict(fast_, job_.model, options_.task, set.data,
                                                         set.features, how, context_));
        if (!found.is_complete) {
            result_.end = FinetuneEnd::kInterrupted;
            return {};
        }
        FINEWATT_ASSIGN(const NamedScores of_set,
                        score_predictions(options_.task, set.data, found));
        for (const auto& [name, value] : of_set) {
            scores.emplace_back(name + set.suffix, value);
            context_.events.score(scores.back().first, value, result_.work.steps);
        }
        examples += static_cast<std::int64_t>(set.data.size());
    }
    result_.scores = std::move(scores);
    result_.eval_examples = examples;
    scored_step_ = result_.work.steps;
    evaluate_s_ += as_seconds(context_.clock.mono_now() - begin);
    return {};
}

void TrainingLoop::remember_best() {
    const double score = result_.score(main_score(options_.task.kind)).value_or(0);
    if (best_ && !(score > best_->score)) {
        evaluations_since_best_ += 1;
        result_.is_stopped_early = evaluations_since_best_ >= *options_.early_stop;
        return;
    }
    best_ = Best{score, result_.work.steps, job_.model.flat_values().clone(), result_.scores};
    evaluations_since_best_ = 0;
}

Status TrainingLoop::finish() {
    if (best_ && scored_step_ != result_.work.steps && result_.end == FinetuneEnd::kComplete) {
        FINEWATT_TRY(evaluate());  // the last steps may have been the best
        if (result_.end == FinetuneEnd::kComplete) {
            remember_best();
            result_.is_stopped_early = false;
        }
    }
    if (best_ && result_.end != FinetuneEnd::kDiverged) {
        at::Tensor values = job_.model.flat_values();
        values.copy_(best_->values);
        fast_.refresh_low_values();
        result_.best_step = best_->step;
        result_.scores = best_->scores;
        for (const auto& [name, value] : result_.scores) {
            context_.events.score(name, value, best_->step);
        }
        return {};
    }
    if (!job_.evaluation.empty() && result_.end == FinetuneEnd::kComplete &&
        scored_step_ != result_.work.steps) {
        return evaluate();
    }
    return {};
}

bool TrainingLoop::is_over() const {
    return result_.work.steps >= total_steps_ || result_.end != FinetuneEnd::kComplete ||
           result_.is_stopped_early;
}

bool TrainingLoop::is_due(const std::optional<std::int64_t>& every) const {
    return every && result_.work.steps % *every == 0;
}

Status write_result_folder(const std::filesystem::path& folder, const TrainingJob& job,
                           const FinetuneOptions& options) {
    FINEWATT_TRY(write_model_folder(folder, job.model, job.training_data.label_names,
                                    job.description.tokenizer));
    return write_file_atomically(folder / "settings.toml", options.settings_toml);
}

}  // namespace finewatt
