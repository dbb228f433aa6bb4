#include "finewatt/data/model_config.h"

#include "finewatt/base/check.h"
#include "finewatt/base/utf8.h"
#include "finewatt/data/model_config_keys_internal.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <set>

namespace finewatt {
namespace {

// Token ids are int32, so no size of a model we can use is larger.
constexpr std::int64_t kLargestSize = std::numeric_limits<std::int32_t>::max();

// modeling_distilbert.py (5.17): every nn.LayerNorm has this eps, and no key of the file changes
// it.
constexpr double kDistilBertLayerNormEps = 1e-12;

constexpr std::array<SizeField, 7> kBertSizes = {{
    {"vocab_size", &ModelConfig::vocab_size},
    {"hidden_size", &ModelConfig::hidden_size},
    {"num_hidden_layers", &ModelConfig::num_hidden_layers},
    {"num_attention_heads", &ModelConfig::num_attention_heads},
    {"intermediate_size", &ModelConfig::intermediate_size},
    {"max_position_embeddings", &ModelConfig::max_position_embeddings},
    {"type_vocab_size", &ModelConfig::type_vocab_size},
}};
constexpr std::array<NumberField, 2> kBertDropouts = {{
    {"hidden_dropout_prob", &ModelConfig::hidden_dropout_prob},
    {"attention_probs_dropout_prob", &ModelConfig::attention_probs_dropout_prob},
}};
constexpr std::array<NumberField, 2> kBertNumbers = {{
    {"layer_norm_eps", &ModelConfig::layer_norm_eps},
    {"initializer_range", &ModelConfig::initializer_range},
}};
constexpr ConfigKeys kBertKeys = {kBertSizes,   kBertDropouts, kBertNumbers,
                                  "hidden_act", true,          false};

constexpr std::array<SizeField, 6> kDistilBertSizes = {{
    {"vocab_size", &ModelConfig::vocab_size},
    {"dim", &ModelConfig::hidden_size},
    {"n_layers", &ModelConfig::num_hidden_layers},
    {"n_heads", &ModelConfig::num_attention_heads},
    {"hidden_dim", &ModelConfig::intermediate_size},
    {"max_position_embeddings", &ModelConfig::max_position_embeddings},
}};
constexpr std::array<NumberField, 4> kDistilBertDropouts = {{
    {"dropout", &ModelConfig::hidden_dropout_prob},
    {"attention_dropout", &ModelConfig::attention_probs_dropout_prob},
    {"seq_classif_dropout", &ModelConfig::seq_classif_dropout},
    {"qa_dropout", &ModelConfig::qa_dropout},
}};
constexpr std::array<NumberField, 1> kDistilBertNumbers = {{
    {"initializer_range", &ModelConfig::initializer_range},
}};
constexpr ConfigKeys kDistilBertKeys = {
    kDistilBertSizes, kDistilBertDropouts, kDistilBertNumbers, "activation", false, true};

/// A class name's ending and the head it stands for; nothing for heads that we do not have.
struct HeadName {
    std::string_view ending;
    std::optional<HeadKind> head;
};

constexpr std::array<HeadName, 7> kHeadNames = {{
    {"ForSequenceClassification", HeadKind::kClassification},
    {"ForTokenClassification", HeadKind::kTokenClassification},
    {"ForQuestionAnswering", HeadKind::kQuestionAnswering},
    {"ForMultipleChoice", std::nullopt},
    {"ForMaskedLM", std::nullopt},
    {"ForPreTraining", std::nullopt},
    {"ForNextSentencePrediction", std::nullopt},
}};

/// A name of config.json and the activation it stands for.
struct ActivationName {
    std::string_view name;
    Activation activation;
};

// The first name of each activation is the one that is written.
constexpr std::array<ActivationName, 4> kActivationNames = {{
    {"gelu", Activation::kGelu},
    {"gelu_new", Activation::kGeluTanh},
    {"gelu_pytorch_tanh", Activation::kGeluTanh},
    {"relu", Activation::kRelu},
}};

Status check_probability(const char* key, double value) {
    if (!(value >= 0.0 && value < 1.0)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "key '{}': expected a probability from 0 to below 1, found {}", key,
                              value);
    }
    return {};
}

Status check_label_names(const std::vector<std::string>& names) {
    std::set<std::string_view> seen;
    for (const std::string& name : names) {
        if (find_invalid_utf8(name)) {
            return FINEWATT_ERROR(kInvalidArgument, "a label's name is not valid UTF-8");
        }
        if (!seen.insert(name).second) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "key 'id2label': expected different names, found '{}' twice",
                                  name);
        }
    }
    return {};
}

Status check_sizes(const ModelConfig& config) {
    for (const SizeField& field : config_keys(config.family).sizes) {
        const std::int64_t size = config.*field.member;
        if (size < 1 || size > kLargestSize) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "key '{}': expected a positive integer, found {}", field.key,
                                  size);
        }
    }
    if (config.hidden_size % config.num_attention_heads != 0) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "key '{}': expected a multiple of {} ({}), found {}",
                              key_of(config.family, &ModelConfig::hidden_size),
                              key_of(config.family, &ModelConfig::num_attention_heads),
                              config.num_attention_heads, config.hidden_size);
    }
    if (config.pad_token_id &&
        (*config.pad_token_id < 0 || *config.pad_token_id >= config.vocab_size)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "key 'pad_token_id': expected an id below vocab_size ({}), found {}",
                              config.vocab_size, *config.pad_token_id);
    }
    return {};
}

Status check_numbers(const ModelConfig& config) {
    const ConfigKeys& keys = config_keys(config.family);
    for (const NumberField& field : keys.dropouts) {
        FINEWATT_TRY(check_probability(field.key, config.*field.member));
    }
    if (keys.has_classifier_dropout && config.classifier_dropout) {
        FINEWATT_TRY(check_probability("classifier_dropout", *config.classifier_dropout));
    }
    if (!(config.layer_norm_eps > 0.0) || !std::isfinite(config.layer_norm_eps)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "key 'layer_norm_eps': expected a positive number, found {}",
                              config.layer_norm_eps);
    }
    if (!(config.initializer_range >= 0.0) || !std::isfinite(config.initializer_range)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "key 'initializer_range': expected a number of at least 0, found {}",
                              config.initializer_range);
    }
    return {};
}

/// What a DistilBERT cannot have, because its file has no place for it.
Status check_distilbert(const ModelConfig& config) {
    if (config.type_vocab_size != 0) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "type_vocab_size: a DistilBERT has no token types, found {}",
                              config.type_vocab_size);
    }
    if (config.layer_norm_eps != kDistilBertLayerNormEps) {
        return FINEWATT_ERROR(kInvalidArgument, "layer_norm_eps: a DistilBERT's is {}, found {}",
                              kDistilBertLayerNormEps, config.layer_norm_eps);
    }
    return {};
}

}  // namespace

const ConfigKeys& config_keys(ModelFamily family) {
    return family == ModelFamily::kBert ? kBertKeys : kDistilBertKeys;
}

const char* key_of(ModelFamily family, std::int64_t ModelConfig::*member) {
    for (const SizeField& field : config_keys(family).sizes) {
        if (field.member == member) {
            return field.key;
        }
    }
    check_failed("member", "the family has this size", __FILE__, __LINE__);
}

std::optional<ModelFamily> parse_model_family(std::string_view model_type) {
    for (const ModelFamily family : {ModelFamily::kBert, ModelFamily::kDistilBert}) {
        if (model_family_name(family) == model_type) {
            return family;
        }
    }
    return std::nullopt;
}

std::string_view model_family_name(ModelFamily family) {
    return family == ModelFamily::kBert ? "bert" : "distilbert";
}

std::string_view architecture_name(ModelFamily family, HeadKind head) {
    const bool is_bert = family == ModelFamily::kBert;
    switch (head) {
        case HeadKind::kClassification:
            return is_bert ? "BertForSequenceClassification"
                           : "DistilBertForSequenceClassification";
        case HeadKind::kTokenClassification:
            return is_bert ? "BertForTokenClassification" : "DistilBertForTokenClassification";
        case HeadKind::kQuestionAnswering:
            return is_bert ? "BertForQuestionAnswering" : "DistilBertForQuestionAnswering";
    }
    check_failed("head", "every head has a name", __FILE__, __LINE__);
}

bool names_another_head(std::string_view architecture, HeadKind head) {
    for (const HeadName& name : kHeadNames) {
        if (architecture.ends_with(name.ending)) {
            return name.head != head;
        }
    }
    return false;
}

double ModelConfig::head_dropout(HeadKind head) const {
    if (family == ModelFamily::kBert) {
        return head == HeadKind::kQuestionAnswering
                   ? 0
                   : classifier_dropout.value_or(hidden_dropout_prob);
    }
    switch (head) {
        case HeadKind::kClassification:
            return seq_classif_dropout;
        case HeadKind::kTokenClassification:
            return hidden_dropout_prob;
        case HeadKind::kQuestionAnswering:
            return qa_dropout;
    }
    check_failed("head", "every head has a dropout", __FILE__, __LINE__);
}

double ModelConfig::attention_output_dropout() const {
    return family == ModelFamily::kBert ? hidden_dropout_prob : 0;
}

void ModelConfig::set_dropout(double probability) {
    for (const NumberField& field : config_keys(family).dropouts) {
        this->*field.member = probability;
    }
    if (config_keys(family).has_classifier_dropout) {
        classifier_dropout = probability;
    }
}

std::optional<Activation> parse_activation(std::string_view name) {
    for (const ActivationName& entry : kActivationNames) {
        if (entry.name == name) {
            return entry.activation;
        }
    }
    return std::nullopt;
}

std::string_view activation_name(Activation activation) {
    for (const ActivationName& entry : kActivationNames) {
        if (entry.activation == activation) {
            return entry.name;
        }
    }
    check_failed("activation", "every activation has a name", __FILE__, __LINE__);
}

Status check_model_config(const ModelConfig& config) {
    FINEWATT_TRY(check_sizes(config));
    FINEWATT_TRY(check_numbers(config));
    if (config.family == ModelFamily::kDistilBert) {
        FINEWATT_TRY(check_distilbert(config));
    }
    return check_label_names(config.label_names);
}

}  // namespace finewatt
