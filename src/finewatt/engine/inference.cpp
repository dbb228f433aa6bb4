#include "finewatt/engine/inference.h"

#include "finewatt/base/file.h"
#include "finewatt/data/squad_answers.h"
#include "finewatt/engine/job_setup_internal.h"
#include "finewatt/engine/latency.h"
#include "finewatt/engine/prediction_lines.h"
#include "finewatt/engine/predictions_internal.h"
#include "finewatt/engine/torch_errors_internal.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace finewatt {
namespace {

/// The class names of a trained head; transformers' own where the config has none. None for
/// question answering.
Result<std::vector<std::string>> label_names_of(const ModelDescription& description,
                                                TaskKind kind) {
    const bool is_answering = kind == TaskKind::kQuestionAnswering;
    if (!description.head_outputs) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "{}: expected a trained head ({}), found none; train one with "
                              "finetune --out",
                              description.weights ? description.weights->string() : "the model",
                              is_answering ? "qa_outputs.weight" : "classifier.weight");
    }
    std::vector<std::string> names = description.config.label_names;
    if (is_answering) {
        names.clear();
    } else if (names.empty()) {
        for (std::int64_t i = 0; i < *description.head_outputs; ++i) {
            names.push_back(fmt::format("LABEL_{}", i));
        }
    }
    return names;
}

/// Everything that is read before the first forward pass.
struct Loaded {
    ModelDescription description;
    TaskData data;
    Model model;
};

Result<Loaded> load(const InferenceOptions& options) {
    FINEWATT_ASSIGN(ModelDescription description,
                    describe_model(options.model, options.task, options.max_length));
    FINEWATT_ASSIGN(const std::vector<std::string> names,
                    label_names_of(description, options.task.kind));
    FINEWATT_ASSIGN(
        TaskData data,
        read_task_data(options.task, options.data,
                       names.empty() ? std::nullopt : std::optional(names), LabelRule::kOptional));
    std::vector<std::string> notes;  // only a new head makes some, and there is none here
    FINEWATT_ASSIGN(Model model, make_model(description, options.task.kind,
                                            static_cast<std::int64_t>(names.size()), 0, notes));
    return Loaded{std::move(description), std::move(data), std::move(model)};
}

/// Learn before the work that the folder of a result is not there.
Status check_can_be_written(const std::filesystem::path& file) {
    const std::filesystem::path folder = std::filesystem::absolute(file).parent_path();
    if (::access(folder.c_str(), W_OK | X_OK) != 0) {
        return error_from_errno(
            errno, fmt::format("--predictions {}: the folder {}", file.string(), folder.string()));
    }
    return {};
}

/// Return how many packed rows a batch has on average; at least one.
std::int64_t mean_rows(const FeatureSet& features, std::int32_t batch) {
    const auto count = std::max<std::int64_t>(1, static_cast<std::int64_t>(features.size()));
    const std::int64_t in_batch = std::min<std::int64_t>(batch, count);
    return std::max<std::int64_t>(1, features.total_tokens() * in_batch / count);
}

/// A file's name and what goes into it.
using FileText = std::pair<std::filesystem::path, std::string>;

std::vector<FileText> file_texts(const InferenceOptions& options, const TaskData& data,
                                 const Predictions& found) {
    const std::filesystem::path& file = options.predictions;
    switch (options.task.kind) {
        case TaskKind::kClassification:
            return {{file, class_lines(found.class_logits, data.label_names, options.has_logits)}};
        case TaskKind::kTokenClassification: {
            const auto tags = predicted_tags(found, data.label_names);
            std::string lines;
            for (std::size_t i = 0; i < tags.size(); ++i) {
                const WordPredictions& words = found.sentences[i];
                lines += tag_line(i, tags[i], words.classes, words.logits, options.has_logits);
            }
            return {{file, std::move(lines)}};
        }
        case TaskKind::kQuestionAnswering:
            break;
    }
    std::vector<FileText> texts{{file, squad_predictions_json(*found.answers)}};
    if (options.has_logits) {
        texts.emplace_back(file.string() + ".nbest.json", squad_n_best_json(*found.answers));
    }
    if (options.has_logits && options.task.has_no_answer) {
        texts.emplace_back(file.string() + ".null_odds.json", squad_null_odds_json(*found.answers));
    }
    return texts;
}

Status write_files(const InferenceOptions& options, const TaskData& data, const Predictions& found,
                   JobContext& context, InferenceResult& result) {
    const PhaseScope phase(context.events, "save");
    for (const auto& [file, text] : file_texts(options, data, found)) {
        FINEWATT_TRY_CONTEXT(write_file_atomically(file, text), "--predictions");
        result.files.push_back(file);
    }
    return {};
}

/// Send scores and times, and keep them in the result.
Status report(const InferenceOptions& options, const TaskData& data, const Predictions& found,
              JobContext& context, InferenceResult& result) {
    if (data.has_labels) {
        FINEWATT_ASSIGN(result.scores, score_predictions(options.task, data, found));
        for (const auto& [name, value] : result.scores) {
            context.events.score(name, value, 0);
        }
    }
    if (options.has_latency) {
        result.latency = latency_of(found.times_s);
        for (const auto& [name, value] : latency_scores(*result.latency)) {
            context.events.score(name, value, 0);
        }
    }
    return {};
}

Result<FeatureSet> tokenize(const InferenceOptions& options, const Loaded& loaded,
                            Preparation& preparation) {
    FeatureOptions settings = recipe_features(options.task);
    settings.max_length = options.max_length;
    settings.doc_stride = options.doc_stride;
    settings.is_training = false;
    return prepare_features(loaded.data, loaded.description.tokenizer, settings, options.cache,
                            options.data, preparation);
}

Result<InferenceResult> run(const InferenceOptions& options, JobContext& context) {
    FINEWATT_TRY(check_can_be_written(options.predictions));
    InferenceResult result;
    const MonoTime load_begin = context.clock.mono_now();
    FINEWATT_ASSIGN(const Loaded loaded,
                    in_phase(context.events, "load", [&] { return load(options); }));
    const MonoTime loaded_at = context.clock.mono_now();
    result.preparation.load_s = as_seconds(loaded_at - load_begin);
    FINEWATT_ASSIGN(const FeatureSet features, in_phase(context.events, "tokenize", [&] {
                        return tokenize(options, loaded, result.preparation);
                    }));
    result.preparation.tokenize_s = as_seconds(context.clock.mono_now() - loaded_at);
    report_preparation(result.preparation, context);
    FINEWATT_ASSIGN(const ForwardPass forward,
                    make_forward_pass(loaded.model, options.device, options.fast,
                                      mean_rows(features, options.batch), context));
    result.examples = static_cast<std::int64_t>(loaded.data.size());
    const auto run_all = [&] {
        return predict(forward, loaded.model, options.task, loaded.data, features,
                       {.batch = options.batch,
                        .max_length = options.max_length,
                        .pad_id = loaded.description.tokenizer.pad_id(),
                        .reports_progress = true},
                       context);
    };
    const MonoTime begin = context.clock.mono_now();
    FINEWATT_ASSIGN(const Predictions found, in_phase(context.events, "infer", run_all));
    result.infer_s = as_seconds(context.clock.mono_now() - begin);
    result.work = found.work;
    context.events.work(result.work, true);
    if (!found.is_complete) {
        return FINEWATT_ERROR(kCancelled, "stopped on request; {} was not written",
                              options.predictions.string());
    }
    FINEWATT_TRY(report(options, loaded.data, found, context, result));
    FINEWATT_TRY(write_files(options, loaded.data, found, context, result));
    return result;
}

}  // namespace

Result<InferenceResult> infer(const InferenceOptions& options, JobContext& context) {
    return without_exceptions<InferenceResult>("inference", [&] { return run(options, context); });
}

}  // namespace finewatt
