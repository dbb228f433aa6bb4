#include "finewatt/engine/inference.h"

#include "finewatt/base/file.h"
#include "finewatt/data/encode.h"
#include "finewatt/data/score.h"
#include "finewatt/engine/classify.h"
#include "finewatt/engine/job_setup_internal.h"
#include "finewatt/engine/torch_errors_internal.h"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace finewatt {
namespace {

/// The lines of the predictions file.
std::string prediction_lines(std::span<const float> logits,
                             const std::vector<std::string>& label_names, bool has_logits) {
    const std::size_t classes = label_names.size();
    std::string lines;
    for (std::size_t row = 0; row * classes < logits.size(); ++row) {
        const auto row_logits = logits.subspan(row * classes, classes);
        const std::vector<std::int32_t> best =
            likeliest_classes(row_logits, static_cast<std::int64_t>(classes));
        nlohmann::ordered_json line;
        line["id"] = row;
        line["label"] = label_names[static_cast<std::size_t>(best.front())];
        line["scores"] = probabilities(row_logits);
        if (has_logits) {
            line["logits"] = std::vector<float>(row_logits.begin(), row_logits.end());
        }
        lines += line.dump() + "\n";
    }
    return lines;
}

/// The class names of a trained head; transformers' own where the config has none.
Result<std::vector<std::string>> label_names_of(const ModelDescription& description) {
    if (!description.head_classes) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "{}: expected a trained head (classifier.weight), found none; train "
                              "one with finetune --out",
                              description.weights ? description.weights->string() : "the model");
    }
    std::vector<std::string> names = description.config.label_names;
    if (names.empty()) {
        for (std::int64_t i = 0; i < *description.head_classes; ++i) {
            names.push_back(fmt::format("LABEL_{}", i));
        }
    }
    return names;
}

/// Everything that is read before the first forward pass.
struct Loaded {
    ModelDescription description;
    Dataset data;
    BertClassifier model;
};

Result<Loaded> load(const InferenceOptions& options) {
    FINEWATT_ASSIGN(ModelDescription description, describe_model(options.model, options.max_length,
                                                                 options.columns.pair.has_value()));
    FINEWATT_ASSIGN(const std::vector<std::string> names, label_names_of(description));
    FINEWATT_ASSIGN(Dataset data, read_classification_data(options.data, options.columns, names));
    std::vector<std::string> notes;  // only a new head makes some, and there is none here
    FINEWATT_ASSIGN(BertClassifier model,
                    make_model(description, static_cast<std::int64_t>(names.size()), 0, notes));
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

Result<InferenceResult> run(const InferenceOptions& options, JobContext& context) {
    FINEWATT_TRY(check_can_be_written(options.predictions));
    FINEWATT_ASSIGN(const Loaded loaded,
                    in_phase(context.events, "load", [&] { return load(options); }));
    const WordPieceTokenizer& tokenizer = loaded.description.tokenizer;
    const std::vector<std::string>& names = loaded.data.label_names;
    FINEWATT_ASSIGN(const FeatureSet features, in_phase(context.events, "tokenize", [&] {
                        return encode_dataset(loaded.data, tokenizer, options.max_length);
                    }));

    InferenceResult result;
    result.examples = static_cast<std::int64_t>(features.size());
    std::vector<float> logits;
    {
        const PhaseScope phase(context.events, "infer");
        const MonoTime begin = context.clock.mono_now();
        logits = compute_logits(loaded.model, features, options.batch, BatchingMode::kUnpadded,
                                options.max_length, tokenizer.pad_id(), context.stop_requested);
        result.infer_s = as_seconds(context.clock.mono_now() - begin);
    }
    if (logits.size() != features.size() * names.size()) {
        return FINEWATT_ERROR(kCancelled, "stopped on request; {} was not written",
                              options.predictions.string());
    }
    std::vector<std::int32_t> labels;
    for (std::size_t i = 0; i < features.size(); ++i) {
        labels.push_back(features[i].label);
    }
    const auto predictions = likeliest_classes(logits, loaded.model.classes());
    FINEWATT_ASSIGN(result.accuracy, accuracy(predictions, labels));
    context.events.score("accuracy", result.accuracy, 0);
    const PhaseScope phase(context.events, "save");
    FINEWATT_TRY_CONTEXT(write_file_atomically(options.predictions,
                                               prediction_lines(logits, names, options.has_logits)),
                         "--predictions");
    return result;
}

}  // namespace

Result<InferenceResult> infer(const InferenceOptions& options, JobContext& context) {
    return without_exceptions<InferenceResult>("inference", [&] { return run(options, context); });
}

}  // namespace finewatt
