#include "finewatt/base/utf8.h"
#include "finewatt/data/content_hash.h"
#include "finewatt/engine/training_settings_internal.h"

#include <fmt/format.h>

#include <optional>

namespace finewatt {
namespace {

template <class Number>
std::string text_of(Number number) {
    return fmt::format("{}", number);
}

template <class Number>
std::string text_of(const std::optional<Number>& number) {
    return number ? fmt::format("{}", *number) : "none";
}

/// The same path wherever the program is started from.
std::string text_of_path(const std::filesystem::path& path) {
    std::error_code error;
    const std::filesystem::path whole = std::filesystem::weakly_canonical(path, error);
    const std::string text = error ? path.string() : whole.string();
    return !find_invalid_utf8(text) ? text : "a path with the hash " + content_hash(text);
}

}  // namespace

Result<TrainingSettings> training_settings(const FinetuneOptions& options,
                                           const ModelConfig& config,
                                           const std::vector<std::string>& data_keys) {
    FINEWATT_ASSIGN(const std::string config_text, model_config_text(config));
    TrainingSettings settings = {
        {"--task", options.task.name},
        {"--model", text_of_path(options.model.path)},
        {"--max-length", text_of(options.max_length)},
        {"--doc-stride", text_of(options.doc_stride)},
        {"--epochs", text_of(options.epochs)},
        {"--max-steps", text_of(options.max_steps)},
        {"--batch", text_of(options.batch)},
        {"--grad-accumulation", text_of(options.accumulation)},
        {"--lr", text_of(options.lr)},
        {"--warmup", text_of(options.warmup)},
        {"--weight-decay", text_of(options.weight_decay)},
        {"--seed", text_of(options.seed)},
        {"--batching", std::string(batching_mode_name(options.batching))},
        {"--precision", std::string(precision_name(options.fast.precision))},
        {"--dropout", text_of(options.dropout)},
        {"--eval-every", text_of(options.eval_every)},
        {"--early-stop", text_of(options.early_stop)},
        {"the model's config.json (hash)", content_hash(config_text)},
    };
    for (std::size_t i = 0; i < data_keys.size(); ++i) {
        const std::string name = i == 0 ? "--data" : fmt::format("--eval-data {}", i);
        settings.emplace_back(name + " (hash of examples and tokenizer)", data_keys[i]);
    }
    return settings;
}

}  // namespace finewatt
