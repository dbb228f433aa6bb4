#include "finewatt/engine/trainer.h"

#include "finewatt/base/file.h"
#include "finewatt/base/log.h"
#include "finewatt/data/encode.h"
#include "finewatt/data/score.h"
#include "finewatt/engine/adamw.h"
#include "finewatt/engine/classify.h"
#include "finewatt/engine/job_setup_internal.h"
#include "finewatt/engine/model_files_internal.h"
#include "finewatt/engine/schedule.h"
#include "finewatt/engine/step_log.h"
#include "finewatt/engine/torch_errors_internal.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace finewatt {
namespace {

// Totals and progress are reported this often at most.
constexpr std::chrono::nanoseconds kReportInterval = std::chrono::seconds(1);

/// Everything that is read before the first step.
struct Job {
    ModelDescription description;
    Dataset training_data;
    std::optional<Dataset> eval_data;
    BertClassifier model;
};

struct TrainingFeatures {
    FeatureSet training;
    FeatureSet evaluation;
};

/// The label names of a model's own head win when they are the same names in another order, so that
/// a trained head keeps its meaning.
Result<Dataset> read_training_data(const FinetuneOptions& options,
                                   const ModelDescription& description) {
    FINEWATT_ASSIGN(Dataset data, read_classification_data(options.data, options.columns));
    const std::vector<std::string>& of_model = description.config.label_names;
    const bool is_same_set =
        of_model.size() == data.label_names.size() &&
        std::is_permutation(of_model.begin(), of_model.end(), data.label_names.begin());
    if (!description.head_classes || !is_same_set || of_model == data.label_names) {
        return data;
    }
    return read_classification_data(options.data, options.columns, of_model);
}

Result<Job> load_job(const FinetuneOptions& options, std::vector<std::string>& notes) {
    FINEWATT_ASSIGN(ModelDescription description, describe_model(options.model, options.max_length,
                                                                 options.columns.pair.has_value()));
    if (options.dropout) {
        description.config.hidden_dropout_prob = *options.dropout;
        description.config.attention_probs_dropout_prob = *options.dropout;
        description.config.classifier_dropout = *options.dropout;
    }
    FINEWATT_ASSIGN(Dataset training_data, read_training_data(options, description));
    std::optional<Dataset> eval_data;
    if (options.eval_data) {
        FINEWATT_ASSIGN(eval_data, read_classification_data(*options.eval_data, options.columns,
                                                            training_data.label_names));
    }
    const auto classes = static_cast<std::int64_t>(training_data.label_names.size());
    FINEWATT_ASSIGN(BertClassifier model, make_model(description, classes, options.seed, notes));
    return Job{std::move(description), std::move(training_data), std::move(eval_data),
               std::move(model)};
}

Result<TrainingFeatures> tokenize(const Job& job, const FinetuneOptions& options) {
    const WordPieceTokenizer& tokenizer = job.description.tokenizer;
    TrainingFeatures features;
    FINEWATT_ASSIGN(features.training,
                    encode_dataset(job.training_data, tokenizer, options.max_length));
    if (job.eval_data) {
        FINEWATT_ASSIGN(features.evaluation,
                        encode_dataset(*job.eval_data, tokenizer, options.max_length));
    }
    return features;
}

/// The optimizer works on the model's own memory.
AdamW make_optimizer(const BertClassifier& model, const FinetuneOptions& options) {
    std::vector<AdamWParameter> parameters;
    for (const TrainedTensor& trained : model.trained_tensors()) {
        parameters.push_back({{trained.tensor.mutable_data_ptr<float>(),
                               static_cast<std::size_t>(trained.tensor.numel())},
                              trained.is_decayed});
    }
    AdamWOptions settings;
    settings.weight_decay = options.weight_decay;
    return AdamW(std::move(parameters), settings);
}

std::vector<std::span<const float>> gradients_of(const BertClassifier& model) {
    std::vector<std::span<const float>> gradients;
    for (const TrainedTensor& trained : model.trained_tensors()) {
        const at::Tensor gradient = trained.tensor.grad();
        gradients.emplace_back(gradient.const_data_ptr<float>(),
                               static_cast<std::size_t>(gradient.numel()));
    }
    return gradients;
}

/// One optimizer update on one batch, from step 0. Loss and gradient norm are those before it; when
/// one of them is not finite, the weights stay as they are.
StepRecord train_step(BertClassifier& model, AdamW& optimizer, const Batch& batch, double rate,
                      const DropoutStep& dropout) {
    model.clear_gradients();
    const PackedInput input = pack_input(batch);
    const at::Tensor logits = model.forward(input, dropout).logits;
    const at::Tensor loss = at::cross_entropy_loss(logits, input.labels);
    loss.backward();
    const auto gradients = gradients_of(model);
    StepRecord record;
    record.step = dropout.step + 1;
    record.loss = static_cast<double>(loss.item<float>());
    record.lr = rate;
    record.grad_norm = AdamW::gradient_norm(gradients);
    record.tokens_real = batch.tokens_real;
    record.tokens_padded = batch.tokens_padded;
    if (std::isfinite(record.loss) && std::isfinite(record.grad_norm)) {
        optimizer.step(gradients, record.grad_norm, rate);
    }
    return record;
}

/// Sends totals and progress, at most once per interval.
class Reporter {
  public:
    Reporter(JobContext& context, std::int64_t steps_planned)
        : context_(context),
          steps_planned_(steps_planned) {}

    void after_step(const StepRecord& record, const EngineWork& work) {
        if (work.steps > 1 && record.time - last_ < kReportInterval) {
            return;
        }
        last_ = record.time;
        context_.events.work(work, false);
        context_.events.progress(work.steps, steps_planned_, record.loss, record.lr);
    }

  private:
    JobContext& context_;
    std::int64_t steps_planned_;
    MonoTime last_{};
};

std::int64_t planned_steps(const FinetuneOptions& options, std::size_t examples) {
    const auto count = static_cast<std::int64_t>(examples);
    const std::int64_t per_epoch = (count + options.batch - 1) / options.batch;
    const std::int64_t all = options.epochs * per_epoch;
    return options.max_steps ? std::min(all, *options.max_steps) : all;
}

/// Run all steps; fills the result's work, losses and end.
Status train(Job& job, const FeatureSet& features, const FinetuneOptions& options,
             JobContext& context, StepLog& log, FinetuneResult& result) {
    AdamW optimizer = make_optimizer(job.model, options);
    const std::int64_t total = planned_steps(options, features.size());
    const std::int64_t warmup = warmup_steps(options.warmup, total);
    const std::int32_t pad_id = job.description.tokenizer.pad_id();
    Reporter reporter(context, total);
    double loss_sum = 0;
    result.steps_planned = total;
    for (std::int64_t epoch = 0; result.work.steps < total; ++epoch) {
        for (const auto& indices :
             epoch_batches(features, options.batch, options.batching, options.seed, epoch)) {
            if (result.work.steps == total) {
                break;
            }
            if (context.stop_requested()) {
                result.end = FinetuneEnd::kInterrupted;
                return {};
            }
            const Batch batch =
                make_batch(features, indices, options.batching, options.max_length, pad_id);
            const std::int64_t step = result.work.steps;
            StepRecord record =
                train_step(job.model, optimizer, batch,
                           linear_rate(options.lr, step, warmup, total), {options.seed, step});
            record.time = context.clock.mono_now();
            result.work.add(job.model.config(), job.model.classes(), batch);
            result.loss_last = record.loss;
            loss_sum += record.loss;
            result.loss_mean = loss_sum / static_cast<double>(result.work.steps);
            FINEWATT_TRY(log.write(record));
            reporter.after_step(record, result.work);
            if (!std::isfinite(record.loss) || !std::isfinite(record.grad_norm)) {
                result.end = FinetuneEnd::kDiverged;
                return {};
            }
        }
    }
    return {};
}

Status evaluate(const Job& job, const FeatureSet& features, const FinetuneOptions& options,
                JobContext& context, FinetuneResult& result) {
    // Grouping needs another order of the examples, which predictions should not have.
    const BatchingMode mode =
        options.batching == BatchingMode::kGrouped ? BatchingMode::kDynamic : options.batching;
    const std::vector<float> logits =
        compute_logits(job.model, features, options.batch, mode, options.max_length,
                       job.description.tokenizer.pad_id(), context.stop_requested);
    if (logits.size() != features.size() * static_cast<std::size_t>(job.model.classes())) {
        result.end = FinetuneEnd::kInterrupted;
        return {};
    }
    std::vector<std::int32_t> labels;
    for (std::size_t i = 0; i < features.size(); ++i) {
        labels.push_back(features[i].label);
    }
    const auto predictions = likeliest_classes(logits, job.model.classes());
    FINEWATT_ASSIGN(result.accuracy, accuracy(predictions, labels));
    result.eval_loss = mean_cross_entropy(logits, job.model.classes(), labels);
    result.eval_examples = static_cast<std::int64_t>(labels.size());
    context.events.score("accuracy", *result.accuracy, result.work.steps);
    context.events.score("eval_loss", *result.eval_loss, result.work.steps);
    return {};
}

Status save(const Job& job, const FinetuneOptions& options, OutputFolder& output) {
    FINEWATT_TRY(write_model_folder(output.staging(), job.model, job.training_data.label_names,
                                    job.description.tokenizer));
    FINEWATT_TRY(write_file_atomically(output.staging() / "settings.toml", options.settings_toml));
    return output.publish();
}

Result<FinetuneResult> run(const FinetuneOptions& options, JobContext& context) {
    FinetuneResult result;
    std::optional<OutputFolder> output;
    StepLog log;
    if (options.out) {
        FINEWATT_ASSIGN(OutputFolder prepared, OutputFolder::prepare(*options.out));
        output.emplace(std::move(prepared));
    }
    if (options.log) {
        FINEWATT_ASSIGN(log, StepLog::create(*options.log));
    }
    FINEWATT_ASSIGN(
        Job job, in_phase(context.events, "load", [&] { return load_job(options, result.notes); }));
    for (const std::string& note : result.notes) {
        log_info(note);
    }
    result.label_names = job.training_data.label_names;

    FINEWATT_ASSIGN(const TrainingFeatures features,
                    in_phase(context.events, "tokenize", [&] { return tokenize(job, options); }));
    {
        const PhaseScope phase(context.events, "train");
        const MonoTime begin = context.clock.mono_now();
        const Status trained = train(job, features.training, options, context, log, result);
        result.train_s = as_seconds(context.clock.mono_now() - begin);
        context.events.work(result.work, true);
        FINEWATT_TRY(trained);
    }
    if (result.end == FinetuneEnd::kComplete && job.eval_data) {
        const PhaseScope phase(context.events, "evaluate");
        FINEWATT_TRY(evaluate(job, features.evaluation, options, context, result));
    }
    if (result.end != FinetuneEnd::kDiverged && result.work.steps > 0 && output) {
        const PhaseScope phase(context.events, "save");
        FINEWATT_TRY_CONTEXT(save(job, options, *output), "--out {}", options.out->string());
        result.is_saved = true;
    }
    return result;
}

}  // namespace

Result<FinetuneResult> finetune(const FinetuneOptions& options, JobContext& context) {
    return without_exceptions<FinetuneResult>("training", [&] { return run(options, context); });
}

}  // namespace finewatt
