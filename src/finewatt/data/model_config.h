// ModelConfig: the shape and settings of a model, as in the config.json of a Hugging Face folder.
//
// Main type: ModelConfig. Reads and writes BERT's. Not for weights (tensor_file.h), not for the
// tokenizer's settings (token/tokenizer.h).
// Source: transformers 5.17, models/bert/configuration_bert.py and configuration_utils.py.
#pragma once

#include "finewatt/base/result.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// The function between the two feed-forward layers. kGelu is the exact erf form; kGeluTanh is the
/// tanh form, which config.json calls gelu_new or gelu_pytorch_tanh.
enum class Activation { kGelu, kGeluTanh, kRelu };

/// Return the activation of a config.json name (gelu, gelu_new, gelu_pytorch_tanh, relu), or
/// nothing.
std::optional<Activation> parse_activation(std::string_view name);
/// Return the name that config.json uses: gelu, gelu_new or relu.
std::string_view activation_name(Activation activation);

/// Shape and settings of a BERT. Sizes have no default that fits all models: 0 means not set, and
/// write_model_config refuses it. The other defaults are BertConfig's.
struct ModelConfig {
    std::string model_type = "bert";
    std::string architecture{};  ///< class name, e.g. "BertForSequenceClassification"; may be empty

    std::int64_t vocab_size = 0;
    std::int64_t hidden_size = 0;
    std::int64_t num_hidden_layers = 0;
    std::int64_t num_attention_heads = 0;
    std::int64_t intermediate_size = 0;
    std::int64_t max_position_embeddings = 0;
    std::int64_t type_vocab_size = 0;

    Activation hidden_act = Activation::kGelu;
    double hidden_dropout_prob = 0.1;            ///< probability in [0, 1)
    double attention_probs_dropout_prob = 0.1;   ///< probability in [0, 1)
    std::optional<double> classifier_dropout{};  ///< nothing = hidden_dropout_prob
    double layer_norm_eps = 1e-12;
    double initializer_range = 0.02;  ///< standard deviation of new weights
    std::optional<std::int32_t> pad_token_id = 0;

    /// id -> class name. Empty where the file has no label maps; transformers then assumes two
    /// classes, LABEL_0 and LABEL_1.
    std::vector<std::string> label_names{};

    /// The JSON text it was read from, so that writing keeps keys we do not know. May be empty.
    std::string source_json{};

    /// Return hidden_size / num_attention_heads.
    std::int64_t head_size() const { return hidden_size / num_attention_heads; }

    /// Return the dropout before the classifier.
    double effective_classifier_dropout() const {
        return classifier_dropout.value_or(hidden_dropout_prob);
    }
};

/// Check sizes and ranges. Error: invalid argument, naming the field, what it must be and what it
/// is; unsupported for a model_type that is not "bert".
Status check_model_config(const ModelConfig& config);

/// Read a config.json. Errors: not found; corrupt when it is not a JSON object; invalid argument
/// for a missing size, a value of the wrong type or range, a hidden_size that the heads do not
/// divide, or label maps that contradict each other; unsupported for another model_type or
/// activation, for relative positions and for decoders. All name file, key and value.
Result<ModelConfig> read_model_config(const std::filesystem::path& path);

/// Write a config.json atomically: all fields above, id2label and label2id when there are names,
/// dtype float32, and the other keys of source_json as they were. Errors: as check_model_config,
/// and io.
Status write_model_config(const std::filesystem::path& path, const ModelConfig& config);

}  // namespace finewatt
