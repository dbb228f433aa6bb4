#include "finewatt/base/log.h"
#include "finewatt/data/tensor_file.h"
#include "finewatt/engine/job_setup_internal.h"
#include "finewatt/engine/model_files_internal.h"

#include <fmt/format.h>

#include <utility>

namespace finewatt {
namespace {

/// Question answering: the begin and the end of the answer.
constexpr std::int64_t kSpanOutputs = 2;

Result<WordPieceTokenizer> load_tokenizer(const ModelSource& source) {
    const std::filesystem::path place = source.vocab.value_or(source.path);
    if (std::filesystem::is_directory(place)) {
        return WordPieceTokenizer::from_directory(place);
    }
    return WordPieceTokenizer::from_vocab_file(place, TokenizerOptions{});
}

Status check_fit(const ModelConfig& config, const WordPieceTokenizer& tokenizer,
                 std::int32_t max_length, bool has_pairs) {
    if (tokenizer.vocabulary_size() > config.vocab_size) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "the vocabulary has {} tokens, but the model's word embeddings hold "
                              "{} (vocab_size); use the vocabulary that belongs to the model",
                              tokenizer.vocabulary_size(), config.vocab_size);
    }
    if (max_length > config.max_position_embeddings) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "--max-length {}: the model has positions for at most {} tokens "
                              "(max_position_embeddings); choose that or less",
                              max_length, config.max_position_embeddings);
    }
    if (has_pairs && config.family == ModelFamily::kBert && config.type_vocab_size < 2) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "pairs of texts need two token types, the model has {} "
                              "(type_vocab_size); use another model",
                              config.type_vocab_size);
    }
    return {};
}

/// A trained head of another kind is no start: its classifier.* would be taken for this one's.
Status check_head(const ModelConfig& config, const Task& task) {
    if (!names_another_head(config.architecture, head_of(task.kind))) {
        return {};
    }
    return FINEWATT_ERROR(kInvalidArgument,
                          "expected a model for --task {} ({}) or one without a head, found {}; "
                          "choose the task that it was trained for, or an encoder without a head",
                          task.name, architecture_name(config.family, head_of(task.kind)),
                          config.architecture);
}

void report_products(Precision precision, const std::string& products, JobContext& context) {
    log_debug("matrix products: " + products);
    context.events.engine(
        {{"precision", std::string(precision_name(precision))}, {"gemm", products}});
}

/// `rows`: for inference with about so many rows at a time; none for training.
Result<FastModel> make_fast_model(const Model& model, FastOptions options,
                                  std::optional<std::int64_t> rows, JobContext& context) {
    if (options.gemm == GemmSetting::kAuto) {
        FINEWATT_ASSIGN(options.gemm, gemm_setting_from_environment());
    }
    FastModel fast = in_phase(context.events, "warmup", [&] {
        return rows ? FastModel::for_inference(model, options, *rows) : FastModel(model, options);
    });
    report_products(options.precision, fast.describe_products(), context);
    return fast;
}

}  // namespace

HeadKind head_of(TaskKind kind) {
    switch (kind) {
        case TaskKind::kClassification:
            return HeadKind::kClassification;
        case TaskKind::kTokenClassification:
            return HeadKind::kTokenClassification;
        case TaskKind::kQuestionAnswering:
            break;
    }
    return HeadKind::kQuestionAnswering;
}

Result<ModelDescription> describe_model(const ModelSource& source, const Task& task,
                                        std::int32_t max_length) {
    if (!source.is_random && !std::filesystem::is_directory(source.path)) {
        return FINEWATT_ERROR(kNotFound,
                              "--model {}: expected a folder with config.json, model.safetensors "
                              "and vocab.txt, found no folder; give a path, or random:CONFIG.json",
                              source.path.string());
    }
    const auto config_file = source.is_random ? source.path : source.path / "config.json";
    FINEWATT_ASSIGN(ModelConfig config, read_model_config(config_file));
    if (!source.is_random) {
        FINEWATT_TRY_CONTEXT(check_head(config, task), "{}", config_file.string());
    }
    FINEWATT_ASSIGN(WordPieceTokenizer tokenizer, load_tokenizer(source));
    FINEWATT_TRY(check_fit(config, tokenizer, max_length, task.columns.pair.has_value()));
    ModelDescription description{std::move(config), std::move(tokenizer), std::nullopt,
                                 std::nullopt};
    if (!source.is_random) {
        description.weights = source.path;
        FINEWATT_ASSIGN(const WeightFiles files, WeightFiles::open(source.path));
        FINEWATT_ASSIGN(description.head_outputs,
                        head_labels(files, description.config, head_of(task.kind)));
    }
    return description;
}

std::optional<std::vector<std::string>> own_label_names(const ModelDescription& description) {
    const std::vector<std::string>& names = description.config.label_names;
    if (!description.head_outputs || names.empty() ||
        static_cast<std::int64_t>(names.size()) != *description.head_outputs) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] != fmt::format("LABEL_{}", i)) {
            return names;
        }
    }
    return std::nullopt;
}

Result<Model> make_model(const ModelDescription& description, TaskKind kind, std::int64_t labels,
                         std::uint64_t seed, std::vector<std::string>& notes) {
    const std::int64_t outputs = kind == TaskKind::kQuestionAnswering ? kSpanOutputs : labels;
    if (description.head_outputs && *description.head_outputs != outputs) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "{}: the model's head has {} classes, but {} are needed; use data "
                              "with the same classes, or remove classifier.* from the weights",
                              description.weights->string(), *description.head_outputs, outputs);
    }
    Model model(description.config, head_of(kind), outputs, seed);
    if (!description.weights) {
        notes.push_back("all weights are random");
        return model;
    }
    FINEWATT_ASSIGN(const WeightReport report, load_weights(*description.weights, model));
    if (!report.initialised.empty()) {
        notes.push_back(fmt::format("new random weights: {}", fmt::join(report.initialised, ", ")));
    }
    if (!report.unused.empty()) {
        notes.push_back(
            fmt::format("weights in the file but not used: {}", fmt::join(report.unused, ", ")));
    }
    return model;
}

Result<FeatureSet> prepare_features(const TaskData& data, const WordPieceTokenizer& tokenizer,
                                    const FeatureOptions& options, const FeatureCache& cache,
                                    const std::filesystem::path& place, Preparation& preparation) {
    Result<FeatureSet> features = make_cached_features(data, tokenizer, options, cache);
    if (!features) {
        return Error(std::move(features).error()).with_context(place.string());
    }
    preparation.sets += 1;
    preparation.mapped_sets += features->is_mapped() ? 1 : 0;
    return features;
}

void report_preparation(const Preparation& preparation, JobContext& context) {
    const std::string source = features_source(preparation);
    log_info(fmt::format("load took {:.2f} s, features {:.2f} s ({})", preparation.load_s,
                         preparation.tokenize_s, source));
    context.events.engine({{"features", source}});
}

Result<std::unique_ptr<DeviceTrainer>> make_trainer(const Model& model, const ComputeDevice& device,
                                                    const FastOptions& options,
                                                    const AdamWOptions& optimizer,
                                                    JobContext& context) {
    FINEWATT_TRY(check_device_precision(device, options.precision));
    if (device.kind == DeviceKind::kCpu) {
        FINEWATT_ASSIGN(FastModel fast, make_fast_model(model, options, {}, context));
        return make_cpu_trainer(model, std::move(fast), optimizer);
    }
    FINEWATT_ASSIGN(std::unique_ptr<DeviceTrainer> trainer, in_phase(context.events, "warmup", [&] {
                        return make_cuda_trainer(model, options.precision, optimizer);
                    }));
    report_products(options.precision, trainer->describe_products(), context);
    return trainer;
}

Result<ForwardPass> make_forward_pass(const Model& model, const ComputeDevice& device,
                                      const FastOptions& options, std::int64_t rows,
                                      JobContext& context) {
    FINEWATT_TRY(check_device_precision(device, options.precision));
    if (device.kind == DeviceKind::kCpu) {
        FINEWATT_ASSIGN(FastModel fast, make_fast_model(model, options, rows, context));
        // A function can be copied, a FastModel cannot.
        const auto shared = std::make_shared<FastModel>(std::move(fast));
        return [shared](const PackedInput& input) { return shared->forward(input); };
    }
    FINEWATT_ASSIGN(CudaForward forward, in_phase(context.events, "warmup", [&] {
                        return make_cuda_forward(model, options.precision);
                    }));
    report_products(options.precision, forward.products, context);
    return std::move(forward.run);
}

}  // namespace finewatt
