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

std::int64_t batches_of_epoch(const FinetuneOptions& options, std::size_t features) {
    return (static_cast<std::int64_t>(features) + options.batch - 1) / options.batch;
}

/// Steps of an epoch: the last one may have fewer batches.
std::int64_t planned_steps(const FinetuneOptions& options, std::size_t features) {
    const std::int64_t batches = batches_of_epoch(options, features);
    const std::int64_t per_epoch = (batches + options.accumulation - 1) / options.accumulation;
    const std::int64_t all = options.epochs * per_epoch;
    return options.max_steps ? std::min(all, *options.max_steps) : all;
}

std::span<float> span_of(const at::Tensor& flat) {
    return {flat.mutable_data_ptr<float>(), static_cast<std::size_t>(flat.numel())};
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

TrainingLoop::TrainingLoop(TrainingJob& job, DeviceTrainer& trainer, const FinetuneOptions& options,
                           JobContext& context, StepLog& log, Checkpoints* checkpoints,
                           FinetuneResult& result)
    : job_(job),
      trainer_(trainer),
      options_(options),
      context_(context),
      log_(log),
      checkpoints_(checkpoints),
      result_(result),
      total_steps_(planned_steps(options, job.features.size())),
      warmup_steps_(warmup_steps(options.warmup, total_steps_)),
      reporter_(context, total_steps_) {
    result_.steps_planned = total_steps_;
}

Status TrainingLoop::go_on_from(const FoundCheckpoint& checkpoint) {
    const TrainingState& state = checkpoint.state;
    FINEWATT_TRY(load_weights(checkpoint.folder, job_.model));
    trainer_.write_values();
    result_.resumed_from = checkpoint.folder;
    result_.resumed_step = result_.steps_done = state.steps_done;
    steps_submitted_ = state.steps_done;
    batches_submitted_ = state.batches_done;
    loss_sum_ = state.loss_sum;
    result_.loss_last = state.loss_last;
    result_.loss_mean = loss_sum_ / static_cast<double>(state.steps_done);
    if (state.scored) {
        scored_step_ = state.scored->step;
        result_.scores = state.scored->scores;
        result_.eval_examples = state.scored->examples;
    }
    if (state.best) {
        best_ = Best{state.best->score, state.best->step, at::empty_like(job_.model.flat_values()),
                     state.best->scores};
    }
    evaluations_since_best_ = state.evaluations_since_best;
    OptimizerState optimizer = trainer_.read_optimizer();  // memory to read into
    FINEWATT_TRY(read_checkpoint_arrays(checkpoint.folder, arrays(optimizer)));
    optimizer.steps = state.steps_done;
    trainer_.write_optimizer(optimizer);
    return {};
}

CheckpointArrays TrainingLoop::arrays(const OptimizerState& optimizer) const {
    CheckpointArrays arrays{span_of(optimizer.first_moments), span_of(optimizer.second_moments),
                            std::nullopt};
    if (best_) {
        arrays.best_values = span_of(best_->values);
    }
    return arrays;
}

Status TrainingLoop::train() {
    const PhaseScope phase(context_.events, "train");
    const MonoTime begin = context_.clock.mono_now();
    const Status trained = run_epochs();
    result_.train_s = as_seconds(context_.clock.mono_now() - begin) - evaluate_s_;
    context_.events.work(result_.work, true);
    FINEWATT_TRY(trained);
    if (result_.end == FinetuneEnd::kInterrupted && checkpoints_ != nullptr &&
        result_.steps_done > result_.resumed_step && !is_due(options_.checkpoint_every)) {
        FINEWATT_TRY_CONTEXT(write_checkpoint(), "--checkpoint-every");
    }
    return {};
}

Status TrainingLoop::run_epochs() {
    if (result_.steps_done > 0) {
        FINEWATT_TRY(evaluate_if_due());  // the checkpoint was written before
    }
    while (!is_over()) {
        FINEWATT_TRY(run_epoch());
    }
    return take_records(DeviceTrainer::Wait::kForAll);
}

Status TrainingLoop::run_epoch() {
    const std::int64_t in_epoch = batches_of_epoch(options_, job_.features.size());
    const auto batches = epoch_batches(job_.features, options_.batch, options_.batching,
                                       options_.seed, batches_submitted_ / in_epoch);
    const auto group = static_cast<std::size_t>(options_.accumulation);
    auto first = static_cast<std::size_t>(batches_submitted_ % in_epoch);
    for (; first < batches.size() && !is_over(); first += group) {
        if (context_.stop_requested()) {
            result_.end = FinetuneEnd::kInterrupted;
            return {};
        }
        std::vector<Batch> of_step;
        for (std::size_t i = first; i < std::min(first + group, batches.size()); ++i) {
            of_step.push_back(make_batch(job_.features, batches[i], options_.batching,
                                         options_.max_length, job_.description.tokenizer.pad_id()));
        }
        FINEWATT_TRY(run_step(std::move(of_step)));
    }
    return {};
}

Status TrainingLoop::run_step(std::vector<Batch> batches) {
    trainer_.submit(batches,
                    linear_rate(options_.lr, steps_submitted_, warmup_steps_, total_steps_),
                    {options_.seed, batches_submitted_});
    steps_submitted_ += 1;
    batches_submitted_ += static_cast<std::int64_t>(batches.size());
    under_way_.push_back(std::move(batches));
    // Nothing waits for a device until somebody looks at the weights.
    const bool is_looked_at = is_checkpoint_due() || is_evaluation_due();
    FINEWATT_TRY(
        take_records(is_looked_at ? DeviceTrainer::Wait::kForAll : DeviceTrainer::Wait::kNo));
    return is_looked_at && result_.end == FinetuneEnd::kComplete ? after_step() : Status();
}

Status TrainingLoop::take_records(DeviceTrainer::Wait wait) {
    for (const StepRecord& record : trainer_.take_finished(wait)) {
        if (result_.end != FinetuneEnd::kDiverged) {
            FINEWATT_TRY(after_record(record));
        }
    }
    return {};
}

Status TrainingLoop::after_record(StepRecord record) {
    record.time = context_.clock.mono_now();
    const std::vector<Batch> batches = std::move(under_way_.front());
    under_way_.pop_front();
    for (const Batch& batch : batches) {
        result_.work.add(job_.model.config(), {job_.model.head_kind(), job_.model.labels()}, batch);
    }
    result_.steps_done = record.step;
    result_.work.steps = record.step - result_.resumed_step;
    result_.loss_last = record.loss;
    loss_sum_ += record.loss;
    result_.loss_mean = loss_sum_ / static_cast<double>(record.step);
    FINEWATT_TRY(log_.write(record));
    reporter_.after_step(record, result_.work);
    if (!is_finite(record)) {
        result_.end = FinetuneEnd::kDiverged;
        result_.diverged_examples = examples_of(batches, job_.features);
    }
    return {};
}

Status TrainingLoop::after_step() {
    if (is_checkpoint_due()) {
        FINEWATT_TRY_CONTEXT(write_checkpoint(), "--checkpoint-every");
    }
    return evaluate_if_due();
}

Status TrainingLoop::evaluate_if_due() {
    if (!is_evaluation_due()) {
        return {};
    }
    FINEWATT_TRY(evaluate());
    if (options_.early_stop && result_.end == FinetuneEnd::kComplete) {
        remember_best();
    }
    return {};
}

Status TrainingLoop::write_checkpoint() {
    const PhaseScope phase(context_.events, "save");
    trainer_.read_values();
    const OptimizerState optimizer = trainer_.read_optimizer();
    const auto fill = [&](const std::filesystem::path& folder) -> Status {
        FINEWATT_TRY(write_result_folder(folder, job_, options_));
        FINEWATT_TRY(write_checkpoint_arrays(folder, arrays(optimizer)));
        return seal_checkpoint(folder, state());
    };
    FINEWATT_TRY(checkpoints_->save(result_.steps_done, fill));
    result_.last_checkpoint = checkpoints_->last();
    return {};
}

TrainingState TrainingLoop::state() const {
    TrainingState state;
    state.settings = job_.settings;
    state.surroundings = trainer_.surroundings();
    state.steps_done = result_.steps_done;
    state.batches_done = batches_submitted_;  // no step is under way
    state.loss_sum = loss_sum_;
    state.loss_last = result_.loss_last;
    if (scored_step_) {
        state.scored = TrainingState::Scored{*scored_step_, result_.eval_examples, result_.scores};
    }
    if (best_) {
        state.best = TrainingState::Best{best_->score, best_->step, best_->scores};
    }
    state.evaluations_since_best = evaluations_since_best_;
    return state;
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
    const auto forward = [this](const PackedInput& input) { return trainer_.forward(input); };
    for (const EvaluationSet& set : job_.evaluation) {
        FINEWATT_ASSIGN(const Predictions found, predict(forward, job_.model, options_.task,
                                                         set.data, set.features, how, context_));
        if (!found.is_complete) {
            result_.end = FinetuneEnd::kInterrupted;
            return {};
        }
        FINEWATT_ASSIGN(const NamedScores of_set,
                        score_predictions(options_.task, set.data, found));
        for (const auto& [name, value] : of_set) {
            scores.emplace_back(name + set.suffix, value);
            context_.events.score(scores.back().first, value, result_.steps_done);
        }
        examples += static_cast<std::int64_t>(set.data.size());
    }
    result_.scores = std::move(scores);
    result_.eval_examples = examples;
    scored_step_ = result_.steps_done;
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
    trainer_.read_values();
    best_ = Best{score, result_.steps_done, job_.model.flat_values().clone(), result_.scores};
    evaluations_since_best_ = 0;
}

Status TrainingLoop::finish() {
    if (best_ && scored_step_ != result_.steps_done && result_.end == FinetuneEnd::kComplete) {
        FINEWATT_TRY(evaluate());  // the last steps may have been the best
        if (result_.end == FinetuneEnd::kComplete) {
            remember_best();
            result_.is_stopped_early = false;
        }
    }
    if (best_ && result_.end != FinetuneEnd::kDiverged) {
        at::Tensor values = job_.model.flat_values();
        values.copy_(best_->values);
        trainer_.write_values();
        result_.best_step = best_->step;
        result_.scores = best_->scores;
        for (const auto& [name, value] : result_.scores) {
            context_.events.score(name, value, best_->step);
        }
        return {};
    }
    trainer_.read_values();
    if (!job_.evaluation.empty() && result_.end == FinetuneEnd::kComplete &&
        scored_step_ != result_.steps_done) {
        return evaluate();
    }
    return {};
}

bool TrainingLoop::is_over() const {
    return steps_submitted_ >= total_steps_ || result_.end != FinetuneEnd::kComplete ||
           result_.is_stopped_early;
}

bool TrainingLoop::is_due(const std::optional<std::int64_t>& every) const {
    return every && steps_submitted_ % *every == 0;
}

bool TrainingLoop::is_checkpoint_due() const {
    return checkpoints_ != nullptr && is_due(options_.checkpoint_every);
}

bool TrainingLoop::is_evaluation_due() const {
    return !job_.evaluation.empty() && is_due(options_.eval_every) &&
           scored_step_ != steps_submitted_;
}

Status write_result_folder(const std::filesystem::path& folder, const TrainingJob& job,
                           const FinetuneOptions& options) {
    FINEWATT_TRY(write_model_folder(folder, job.model, job.training_data.label_names,
                                    job.description.tokenizer));
    return write_file_atomically(folder / "settings.toml", options.settings_toml);
}

}  // namespace finewatt
