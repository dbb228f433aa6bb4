// ModelConfig: the shape and settings of a model, as in the config.json of a Hugging Face folder.
//
// Main type: ModelConfig. Reads and writes BERT's and DistilBERT's. Not for weights
// (tensor_file.h), not for the tokenizer's settings (token/tokenizer.h). Source: transformers 5.17,
// models/bert/configuration_bert.py, models/distilbert/configuration_distilbert.py and
// configuration_utils.py.
#pragma once

#include "finewatt/base/result.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// The kinds of encoder that can be computed.
enum class ModelFamily { kBert, kDistilBert };

/// Return the family of a config.json's model_type (bert, distilbert), or nothing.
std::optional<ModelFamily> parse_model_family(std::string_view model_type);
/// Return the model_type of a family.
std::string_view model_family_name(ModelFamily family);

/// What stands on the encoder: one answer for a text, one for each token, or the begin and end of
/// an answer within a text.
enum class HeadKind { kClassification, kTokenClassification, kQuestionAnswering };

/// Return the class name that config.json gives a model, e.g. "BertForTokenClassification".
std::string_view architecture_name(ModelFamily family, HeadKind head);

/// Return whether a class name says that a model's head is another one than `head`. False for an
/// empty name and for one that tells nothing of a head: then the weights' names decide.
bool names_another_head(std::string_view architecture, HeadKind head);

/// The function between the two feed-forward layers. kGelu is the exact erf form; kGeluTanh is the
/// tanh form, which config.json calls gelu_new or gelu_pytorch_tanh.
enum class Activation { kGelu, kGeluTanh, kRelu };

/// Return the activation of a config.json name (gelu, gelu_new, gelu_pytorch_tanh, relu), or
/// nothing.
std::optional<Activation> parse_activation(std::string_view name);
/// Return the name that config.json uses: gelu, gelu_new or relu.
std::string_view activation_name(Activation activation);

/// Shape and settings of a model. Fields bear BERT's names; DistilBERT calls hidden_size dim,
/// num_hidden_layers n_layers, num_attention_heads n_heads, intermediate_size hidden_dim, and the
/// first two dropouts dropout and attention_dropout. Sizes have no default that fits all models: 0
/// means not set, and write_model_config refuses it. The other defaults are the reference's.
struct ModelConfig {
    ModelFamily family = ModelFamily::kBert;
    std::string architecture{};  ///< class name, e.g. "BertForSequenceClassification"; may be empty

    std::int64_t vocab_size = 0;
    std::int64_t hidden_size = 0;
    std::int64_t num_hidden_layers = 0;
    std::int64_t num_attention_heads = 0;
    std::int64_t intermediate_size = 0;
    std::int64_t max_position_embeddings = 0;
    std::int64_t type_vocab_size = 0;  ///< DistilBERT: 0, it has no token types

    Activation hidden_act = Activation::kGelu;
    double hidden_dropout_prob = 0.1;           ///< probability in [0, 1)
    double attention_probs_dropout_prob = 0.1;  ///< probability in [0, 1)
    /// BERT: before a classifier, of texts or of tokens. Nothing = hidden_dropout_prob.
    std::optional<double> classifier_dropout{};
    double seq_classif_dropout = 0.2;  ///< DistilBERT: before the classifier of texts
    double qa_dropout = 0.1;           ///< DistilBERT: before the question answering head
    double layer_norm_eps = 1e-12;     ///< DistilBERT: always 1e-12
    double initializer_range = 0.02;   ///< standard deviation of new weights
    /// DistilBERT: new models get sine and cosine positions. Read ones have those of their weights.
    bool has_sinusoidal_positions = false;
    std::optional<std::int32_t> pad_token_id = 0;

    /// id -> class name. Empty where the file has no label maps; transformers then assumes two
    /// classes, LABEL_0 and LABEL_1.
    std::vector<std::string> label_names{};

    /// The JSON text it was read from, so that writing keeps keys we do not know. May be empty.
    std::string source_json{};

    /// Return hidden_size / num_attention_heads.
    std::int64_t head_size() const { return hidden_size / num_attention_heads; }

    /// Return the dropout probability on the input of a head's last dense layer, as the family's
    /// models of the reference have it: BERT's question answering has none.
    double head_dropout(HeadKind head) const;

    /// Return the dropout probability after the dense layer that follows the attention:
    /// hidden_dropout_prob for BERT, 0 for DistilBERT, which has none there.
    double attention_output_dropout() const;

    /// Set every dropout probability of the model.
    void set_dropout(double probability);
};

/// Check sizes and ranges. Error: invalid argument, naming the family's key, what its value must
/// be and what it is.
Status check_model_config(const ModelConfig& config);

/// Read a config.json. Errors: not found; corrupt when it is not a JSON object; invalid argument
/// for a missing size, a value of the wrong type or range, a hidden_size that the heads do not
/// divide, or label maps that contradict each other; unsupported for another model_type or
/// activation, for relative positions and for decoders. All name file, key and value.
Result<ModelConfig> read_model_config(const std::filesystem::path& path);

/// Return the text of a config.json: all fields that the family has, id2label and label2id when
/// there are names, dtype float32, and the other keys of source_json as they were. Errors: as
/// check_model_config; invalid argument for names that are not valid UTF-8.
Result<std::string> model_config_text(const ModelConfig& config);

/// Write that text atomically. Errors: as model_config_text, and io.
Status write_model_config(const std::filesystem::path& path, const ModelConfig& config);

}  // namespace finewatt
