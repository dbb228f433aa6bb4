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

AdamWOptions optimizer_options(const FinetuneOptions& options) {
    AdamWOptions settings;
    settings.weight_decay = options.weight_decay;
    return settings;
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

Status TrainingLoop::go_on_from(const FoundCheckpoint& checkpoint) {
    const TrainingState& state = checkpoint.state;
    FINEWATT_TRY(load_weights(checkpoint.folder, job_.model));
    fast_.refresh_low_values();
    step_.set_steps(state.steps_done);
    result_.resumed_from = checkpoint.folder;
    result_.resumed_step = result_.steps_done = state.steps_done;
    batches_done_ = state.batches_done;
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
    return read_checkpoint_arrays(checkpoint.folder, arrays());
}

CheckpointArrays TrainingLoop::arrays() {
    CheckpointArrays arrays{step_.first_moments(), step_.second_moments(), std::nullopt};
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
    return {};
}

Status TrainingLoop::run_epoch() {
    const std::int64_t in_epoch = batches_of_epoch(options_, job_.features.size());
    const auto batches = epoch_batches(job_.features, options_.batch, options_.batching,
                                       options_.seed, batches_done_ / in_epoch);
    const auto group = static_cast<std::size_t>(options_.accumulation);
    auto first = static_cast<std::size_t>(batches_done_ % in_epoch);
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
        FINEWATT_TRY(run_step(of_step));
    }
    return {};
}

Status TrainingLoop::run_step(const std::vector<Batch>& batches) {
    const std::int64_t step = result_.steps_done;
    StepRecord record =
        step_.run(batches, linear_rate(options_.lr, step, warmup_steps_, total_steps_),
                  {options_.seed, batches_done_});
    record.step = step + 1;
    record.time = context_.clock.mono_now();
    for (const Batch& batch : batches) {
        result_.work.add(job_.model.config(), {job_.model.head_kind(), job_.model.labels()}, batch);
    }
    batches_done_ += static_cast<std::int64_t>(batches.size());
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
        return {};
    }
    return after_step();
}

Status TrainingLoop::after_step() {
    if (checkpoints_ != nullptr && is_due(options_.checkpoint_every)) {
        FINEWATT_TRY_CONTEXT(write_checkpoint(), "--checkpoint-every");
    }
    return evaluate_if_due();
}

Status TrainingLoop::evaluate_if_due() {
    if (job_.evaluation.empty() || !is_due(options_.eval_every) ||
        scored_step_ == result_.steps_done) {
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
    const auto fill = [&](const std::filesystem::path& folder) -> Status {
        FINEWATT_TRY(write_result_folder(folder, job_, options_));
        FINEWATT_TRY(write_checkpoint_arrays(folder, arrays()));
        return seal_checkpoint(folder, state());
    };
    FINEWATT_TRY(checkpoints_->save(result_.steps_done, fill));
    result_.last_checkpoint = checkpoints_->last();
    return {};
}

TrainingState TrainingLoop::state() const {
    TrainingState state;
    state.settings = job_.settings;
    state.surroundings = surroundings_of(fast_);
    state.steps_done = result_.steps_done;
    state.batches_done = batches_done_;
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
        fast_.refresh_low_values();
        result_.best_step = best_->step;
        result_.scores = best_->scores;
        for (const auto& [name, value] : result_.scores) {
            context_.events.score(name, value, best_->step);
        }
        return {};
    }
    if (!job_.evaluation.empty() && result_.end == FinetuneEnd::kComplete &&
        scored_step_ != result_.steps_done) {
        return evaluate();
    }
    return {};
}

bool TrainingLoop::is_over() const {
    return result_.steps_done >= total_steps_ || result_.end != FinetuneEnd::kComplete ||
           result_.is_stopped_early;
}

bool TrainingLoop::is_due(const std::optional<std::int64_t>& every) const {
    return every && result_.steps_done % *every == 0;
}

TrainingSettings surroundings_of(const FastModel& fast) {
    return {{"threads", fmt::format("{}", at::get_num_threads())},
            {"matrix products", fast.product_providers()},
            {"kernels", std::string(cpu_kernels().name)}};
}

Status write_result_folder(const std::filesystem::path& folder, const TrainingJob& job,
                           const FinetuneOptions& options) {
    FINEWATT_TRY(write_model_folder(folder, job.model, job.training_data.label_names,
                                    job.description.tokenizer));
    return write_file_atomically(folder / "settings.toml", options.settings_toml);
}

}  // namespace finewatt
