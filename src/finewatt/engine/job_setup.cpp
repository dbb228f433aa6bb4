#include "finewatt/base/log.h"
#include "finewatt/engine/job_setup_internal.h"
#include "finewatt/engine/model_files_internal.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace finewatt {
namespace {

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

}  // namespace

Result<ModelDescription> describe_model(const ModelSource& source, std::int32_t max_length,
                                        bool has_pairs) {
    if (!source.is_random && !std::filesystem::is_directory(source.path)) {
        return FINEWATT_ERROR(kNotFound,
                              "--model {}: expected a folder with config.json, model.safetensors "
                              "and vocab.txt, found no folder; give a path, or random:CONFIG.json",
                              source.path.string());
    }
    const auto config_file = source.is_random ? source.path : source.path / "config.json";
    FINEWATT_ASSIGN(ModelConfig config, read_model_config(config_file));
    FINEWATT_ASSIGN(WordPieceTokenizer tokenizer, load_tokenizer(source));
    FINEWATT_TRY(check_fit(config, tokenizer, max_length, has_pairs));
    ModelDescription description{std::move(config), std::move(tokenizer), std::nullopt,
                                 std::nullopt};
    if (!source.is_random) {
        description.weights = source.path;
        FINEWATT_ASSIGN(const WeightFiles files, WeightFiles::open(source.path));
        FINEWATT_ASSIGN(description.head_classes,
                        head_labels(files, description.config, HeadKind::kClassification));
    }
    return description;
}

Result<Model> make_model(const ModelDescription& description, std::int64_t classes,
                         std::uint64_t seed, std::vector<std::string>& notes) {
    Model model(description.config, HeadKind::kClassification, classes, seed);
    if (!description.weights) {
        notes.push_back("all weights are random");
        return model;
    }
    if (description.head_classes && *description.head_classes != classes) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "{}: the model's head has {} classes, but {} are needed; use data "
                              "with the same classes, or remove classifier.* from the weights",
                              description.weights->string(), *description.head_classes, classes);
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

Result<FastModel> make_fast_model(const Model& model, FastOptions options, JobContext& context) {
    FINEWATT_TRY(check_precision(options.precision));
    if (options.gemm == GemmSetting::kAuto) {
        FINEWATT_ASSIGN(options.gemm, gemm_setting_from_environment());
    }
    FastModel fast = in_phase(context.events, "warmup", [&] { return FastModel(model, options); });
    log_debug("matrix products: " + fast.describe_products());
    context.events.engine({{"precision", std::string(precision_name(options.precision))},
                           {"gemm", fast.describe_products()}});
    return fast;
}

std::vector<float> compute_logits(FastModel& model, std::span<const Feature> features,
                                  std::int32_t batch_size, BatchingMode mode,
                                  std::int32_t max_length, std::int32_t pad_id,
                                  const std::function<bool()>& stop_requested) {
    std::vector<float> logits;
    const auto step = static_cast<std::size_t>(batch_size);
    for (std::size_t begin = 0; begin < features.size() && !stop_requested(); begin += step) {
        std::vector<std::int64_t> indices(std::min(step, features.size() - begin));
        std::iota(indices.begin(), indices.end(), static_cast<std::int64_t>(begin));
        const Batch batch = make_batch(features, indices, mode, max_length, pad_id);
        const at::Tensor out = model.forward(pack_input(batch));
        const float* values = out.const_data_ptr<float>();
        logits.insert(logits.end(), values, values + out.numel());
    }
    return logits;
}

}  // namespace finewatt
