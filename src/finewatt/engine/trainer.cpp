#include "finewatt/engine/trainer.h"

#include "finewatt/base/log.h"
#include "finewatt/engine/model_files_internal.h"
#include "finewatt/engine/torch_errors_internal.h"
#include "finewatt/engine/training_loop_internal.h"

#include <algorithm>
#include <utility>

namespace finewatt {
namespace {

/// What the names of the scores of evaluation data number `index` end with.
std::string suffix_of(const Task& task, std::size_t index) {
    if (index == 0) {
        return "";
    }
    // GLUE calls the second development set of MNLI mismatched (mm).
    return index == 1 && task.name == "mnli" ? "_mm" : fmt::format("_{}", index + 1);
}

Result<std::vector<EvaluationSet>> read_evaluation(const FinetuneOptions& options,
                                                   const std::vector<std::string>& label_names) {
    std::vector<EvaluationSet> sets;
    for (std::size_t i = 0; i < options.eval_data.size(); ++i) {
        FINEWATT_ASSIGN(
            TaskData data,
            read_task_data(options.task, options.eval_data[i],
                           label_names.empty() ? std::nullopt : std::optional(label_names)));
        sets.push_back({suffix_of(options.task, i), std::move(data)});
    }
    return sets;
}

Result<TrainingJob> load_job(const FinetuneOptions& options, std::vector<std::string>& notes) {
    FINEWATT_ASSIGN(ModelDescription description,
                    describe_model(options.model, options.task, options.max_length));
    if (options.dropout) {
        description.config.set_dropout(*options.dropout);
    }
    FINEWATT_ASSIGN(TaskData training_data,
                    read_task_data(options.task, options.data, own_label_names(description)));
    FINEWATT_ASSIGN(std::vector<EvaluationSet> evaluation,
                    read_evaluation(options, training_data.label_names));
    const auto labels = static_cast<std::int64_t>(training_data.label_names.size());
    FINEWATT_ASSIGN(Model model,
                    make_model(description, options.task.kind, labels, options.seed, notes));
    return TrainingJob{std::move(description), std::move(training_data), std::move(evaluation),
                       std::move(model)};
}

/// Texts of the training data are given free: only their features are needed from here on.
Status tokenize(const FinetuneOptions& options, TrainingJob& job, Preparation& preparation) {
    const WordPieceTokenizer& tokenizer = job.description.tokenizer;
    FeatureOptions settings = recipe_features(options.task);
    settings.max_length = options.max_length;
    settings.doc_stride = options.doc_stride;
    FINEWATT_ASSIGN(job.features, prepare_features(job.training_data, tokenizer, settings,
                                                   options.cache, options.data, preparation));
    job.training_data.examples = Dataset();
    settings.is_training = false;
    for (std::size_t i = 0; i < job.evaluation.size(); ++i) {
        EvaluationSet& set = job.evaluation[i];
        FINEWATT_ASSIGN(set.features,
                        prepare_features(set.data, tokenizer, settings, options.cache,
                                         options.eval_data[i], preparation));
    }
    return {};
}

Status save(const TrainingJob& job, const FinetuneOptions& options, OutputFolder& output) {
    FINEWATT_TRY(write_result_folder(output.staging(), job, options));
    return output.publish();
}

/// Train, evaluate and save.
Status work(const FinetuneOptions& options, JobContext& context, std::optional<OutputFolder>& out,
            StepLog& log, TrainingJob& job, FinetuneResult& result) {
    FINEWATT_ASSIGN(FastModel fast, make_fast_model(job.model, options.fast, context));
    std::optional<Checkpoints> checkpoints;
    if (out && options.checkpoint_every) {
        checkpoints.emplace(*options.out);
    }
    TrainingLoop loop(job, fast, options, context, log, checkpoints ? &*checkpoints : nullptr,
                      result);
    FINEWATT_TRY(loop.train());
    FINEWATT_TRY(loop.finish());
    if (result.end != FinetuneEnd::kDiverged && result.work.steps > 0 && out) {
        const PhaseScope phase(context.events, "save");
        FINEWATT_TRY_CONTEXT(save(job, options, *out), "--out {}", options.out->string());
        result.is_saved = true;
    }
    return {};
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
    const MonoTime begin = context.clock.mono_now();
    FINEWATT_ASSIGN(TrainingJob job, in_phase(context.events, "load",
                                              [&] { return load_job(options, result.notes); }));
    const MonoTime loaded_at = context.clock.mono_now();
    result.preparation.load_s = as_seconds(loaded_at - begin);
    for (const std::string& note : result.notes) {
        log_info(note);
    }
    result.label_names = job.training_data.label_names;
    FINEWATT_TRY(in_phase(context.events, "tokenize",
                          [&] { return tokenize(options, job, result.preparation); }));
    result.preparation.tokenize_s = as_seconds(context.clock.mono_now() - loaded_at);
    report_preparation(result.preparation, context);
    FINEWATT_TRY(work(options, context, output, log, job, result));
    return result;
}

}  // namespace

std::optional<double> FinetuneResult::score(std::string_view name) const {
    const auto found = std::find_if(scores.begin(), scores.end(),
                                    [&](const auto& entry) { return entry.first == name; });
    return found == scores.end() ? std::nullopt : std::optional<double>(found->second);
}

Result<FinetuneResult> finetune(const FinetuneOptions& options, JobContext& context) {
    return without_exceptions<FinetuneResult>("training", [&] { return run(options, context); });
}

}  // namespace finewatt
