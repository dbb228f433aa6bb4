#include "finewatt/engine/trainer.h"

#include "finewatt/base/check.h"
#include "finewatt/base/log.h"
#include "finewatt/engine/model_files_internal.h"
#include "finewatt/engine/torch_errors_internal.h"
#include "finewatt/engine/training_loop_internal.h"
#include "finewatt/engine/training_settings_internal.h"

#include <algorithm>
#include <utility>

namespace finewatt {
namespace {

AdamWOptions optimizer_options(const FinetuneOptions& options) {
    AdamWOptions settings;
    settings.weight_decay = options.weight_decay;
    return settings;
}

/// What a training reads and writes beside its inputs.
struct OpenOutputs {
    std::optional<FoundCheckpoint> resumed;
    std::optional<OutputFolder> folder;
    StepLog log;
};

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

FeatureOptions training_features(const FinetuneOptions& options) {
    FeatureOptions settings = recipe_features(options.task);
    settings.max_length = options.max_length;
    settings.doc_stride = options.doc_stride;
    return settings;
}

/// Texts of the training data are given free: only their features are needed from here on.
Status tokenize(const FinetuneOptions& options, TrainingJob& job, Preparation& preparation) {
    const WordPieceTokenizer& tokenizer = job.description.tokenizer;
    FeatureOptions settings = training_features(options);
    FINEWATT_ASSIGN(job.features, prepare_features(job.training_data, tokenizer, settings,
                                                   options.cache, options.data, preparation));
    job.training_data.examples = Dataset();
    settings.is_training = false;
    for (std::size_t i = 0; i < job.evaluation.size(); ++i) {
        EvaluationSet& set = job.evaluation[i];
        FINEWATT_ASSIGN(set.features, prepare_features(set.data, tokenizer, settings, options.cache,
                                                       options.eval_data[i], preparation));
    }
    return {};
}

Status save(const TrainingJob& job, const FinetuneOptions& options, OutputFolder& output) {
    FINEWATT_TRY(write_result_folder(output.staging(), job, options));
    return output.publish();
}

/// Return what the training data and each evaluation data are recognised by in a checkpoint.
Result<std::vector<std::string>> data_keys(const FinetuneOptions& options, const TrainingJob& job) {
    FeatureOptions settings = training_features(options);
    const WordPieceTokenizer& tokenizer = job.description.tokenizer;
    std::vector<std::string> keys(1);
    FINEWATT_ASSIGN(keys[0], feature_cache_key(job.training_data, tokenizer, settings));
    settings.is_training = false;
    for (const EvaluationSet& set : job.evaluation) {
        keys.emplace_back();
        FINEWATT_ASSIGN(keys.back(), feature_cache_key(set.data, tokenizer, settings));
    }
    return keys;
}

/// Return the checkpoint that a resumed training goes on from. Error: as find_checkpoint.
Result<std::optional<FoundCheckpoint>> checkpoint_of(const FinetuneOptions& options) {
    if (!options.is_resumed) {
        return std::optional<FoundCheckpoint>();
    }
    FINEWATT_CHECK(options.out.has_value(), "a resumed training has a folder");
    Result<FoundCheckpoint> found = find_checkpoint(*options.out);
    if (!found) {
        return Error(std::move(found).error()).with_context("--resume");
    }
    return std::optional<FoundCheckpoint>(*std::move(found));
}

Status check_settings(const FoundCheckpoint& checkpoint, const TrainingSettings& now) {
    if (const auto difference = first_difference(checkpoint.state.settings, now)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "--resume: {} was made with {}: {}, this training has {}; give the "
                              "settings of that training, or start anew without --resume",
                              checkpoint.folder.string(), difference->name, difference->saved,
                              difference->now);
    }
    return {};
}

/// Say what may change the last bits of a training that goes on.
void note_surroundings(const FoundCheckpoint& checkpoint, const DeviceTrainer& trainer,
                       FinetuneResult& result) {
    if (const auto difference =
            first_difference(checkpoint.state.surroundings, trainer.surroundings())) {
        result.notes.push_back(fmt::format(
            "the part before the checkpoint had {} {}, this one has {}: the last digits may "
            "differ from those of an unbroken training",
            difference->name, difference->saved, difference->now));
        log_warning(result.notes.back());
    }
}

/// Train, evaluate and save.
Status work(const FinetuneOptions& options, JobContext& context, OpenOutputs& outputs,
            TrainingJob& job, FinetuneResult& result) {
    FINEWATT_ASSIGN(
        const std::unique_ptr<DeviceTrainer> trainer,
        make_trainer(job.model, options.device, options.fast, optimizer_options(options), context));
    std::optional<Checkpoints> checkpoints;
    const std::optional<FoundCheckpoint>& resumed = outputs.resumed;
    if (outputs.folder && options.checkpoint_every) {
        checkpoints.emplace(*options.out, resumed ? std::optional(resumed->folder) : std::nullopt);
    }
    TrainingLoop loop(job, *trainer, options, context, outputs.log,
                      checkpoints ? &*checkpoints : nullptr, result);
    if (resumed) {
        note_surroundings(*resumed, *trainer, result);
        FINEWATT_TRY_CONTEXT(
            in_phase(context.events, "load", [&] { return loop.go_on_from(*resumed); }),
            "--resume");
    }
    FINEWATT_TRY(loop.train());
    FINEWATT_TRY(loop.finish());
    if (result.end != FinetuneEnd::kDiverged && result.steps_done > 0 && outputs.folder) {
        const PhaseScope phase(context.events, "save");
        FINEWATT_TRY_CONTEXT(save(job, options, *outputs.folder), "--out {}",
                             options.out->string());
        result.is_saved = true;
    }
    return {};
}

/// Find the checkpoint and open what is written, to learn before the work what is wrong with them.
Result<OpenOutputs> open_outputs(const FinetuneOptions& options) {
    OpenOutputs outputs;
    FINEWATT_ASSIGN(outputs.resumed, checkpoint_of(options));
    if (options.out) {
        FINEWATT_ASSIGN(OutputFolder prepared, OutputFolder::prepare(*options.out));
        outputs.folder.emplace(std::move(prepared));
    }
    return outputs;
}

/// Open the log once it is sure that the training goes on: earlier lines are dropped then.
Status open_log(const FinetuneOptions& options, OpenOutputs& outputs) {
    if (!options.log) {
        return {};
    }
    if (outputs.resumed) {
        FINEWATT_ASSIGN(outputs.log,
                        StepLog::go_on(*options.log, outputs.resumed->state.steps_done));
        return {};
    }
    FINEWATT_ASSIGN(outputs.log, StepLog::create(*options.log));
    return {};
}

/// Load the model and the data, in phase load, and tokenize, in the phase of that name.
Result<TrainingJob> prepare(const FinetuneOptions& options, const OpenOutputs& outputs,
                            JobContext& context, FinetuneResult& result) {
    const MonoTime begin = context.clock.mono_now();
    FINEWATT_ASSIGN(TrainingJob job, in_phase(context.events, "load",
                                              [&] { return load_job(options, result.notes); }));
    const MonoTime loaded_at = context.clock.mono_now();
    result.preparation.load_s = as_seconds(loaded_at - begin);
    for (const std::string& note : result.notes) {
        log_info(note);
    }
    if (outputs.resumed || options.checkpoint_every) {
        FINEWATT_ASSIGN(const std::vector<std::string> keys, data_keys(options, job));
        FINEWATT_ASSIGN(job.settings, training_settings(options, job.model.config(), keys));
    }
    if (outputs.resumed) {
        FINEWATT_TRY(check_settings(*outputs.resumed, job.settings));
    }
    FINEWATT_TRY(in_phase(context.events, "tokenize",
                          [&] { return tokenize(options, job, result.preparation); }));
    result.preparation.tokenize_s = as_seconds(context.clock.mono_now() - loaded_at);
    report_preparation(result.preparation, context);
    return job;
}

Result<FinetuneResult> run(const FinetuneOptions& options, JobContext& context) {
    FinetuneResult result;
    FINEWATT_ASSIGN(OpenOutputs outputs, open_outputs(options));
    if (!outputs.resumed) {
        FINEWATT_TRY(open_log(options, outputs));
    }
    FINEWATT_ASSIGN(TrainingJob job, prepare(options, outputs, context, result));
    if (outputs.resumed) {
        FINEWATT_TRY(open_log(options, outputs));
    }
    result.label_names = job.training_data.label_names;
    FINEWATT_TRY(work(options, context, outputs, job, result));
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
