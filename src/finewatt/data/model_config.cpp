#include "finewatt/data/model_config.h"

#include "finewatt/base/check.h"
#include "finewatt/base/file.h"
#include "finewatt/base/utf8.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>

namespace finewatt {
namespace {

using nlohmann::json;

/// A size field: its key in config.json and its place in ModelConfig.
struct SizeField {
    const char* key;
    std::int64_t ModelConfig::*member;
};

constexpr std::array<SizeField, 7> kSizeFields = {{
    {"vocab_size", &ModelConfig::vocab_size},
    {"hidden_size", &ModelConfig::hidden_size},
    {"num_hidden_layers", &ModelConfig::num_hidden_layers},
    {"num_attention_heads", &ModelConfig::num_attention_heads},
    {"intermediate_size", &ModelConfig::intermediate_size},
    {"max_position_embeddings", &ModelConfig::max_position_embeddings},
    {"type_vocab_size", &ModelConfig::type_vocab_size},
}};

// Token ids are int32, so no size of a model we can use is larger.
constexpr std::int64_t kLargestSize = std::numeric_limits<std::int32_t>::max();

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

/// Return a short form of a JSON value for messages.
std::string shown(const json& value) {
    constexpr std::size_t kLongest = 60;
    std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
    if (text.size() > kLongest) {
        text.resize(kLongest);
        text += "...";
    }
    return text;
}

/// Return the value of a key, or nullptr when it is missing or null.
const json* find_value(const json& object, const char* key) {
    const auto it = object.find(key);
    return it == object.end() || it->is_null() ? nullptr : &*it;
}

Result<json> parse_object(const std::string& text) {
    json object;
    try {
        object = json::parse(text);
    } catch (const json::exception& error) {
        return FINEWATT_ERROR(kCorrupt, "expected JSON, found: {}", error.what());
    }
    if (!object.is_object()) {
        return FINEWATT_ERROR(kCorrupt, "expected a JSON object, found {}", object.type_name());
    }
    return object;
}

Result<std::int64_t> read_size(const json& object, const char* key) {
    const json* value = find_value(object, key);
    if (value == nullptr) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "key '{}' is missing; add the model's size, a positive integer", key);
    }
    if (!value->is_number_integer() || *value < 1 || *value > kLargestSize) {
        return FINEWATT_ERROR(kInvalidArgument, "key '{}': expected a positive integer, found {}",
                              key, shown(*value));
    }
    return value->get<std::int64_t>();
}

/// Read a number into `target`; a missing key leaves it as it is.
Status read_number(const json& object, const char* key, double& target) {
    const json* value = find_value(object, key);
    if (value == nullptr) {
        return {};
    }
    if (!value->is_number()) {
        return FINEWATT_ERROR(kInvalidArgument, "key '{}': expected a number, found {}", key,
                              shown(*value));
    }
    target = value->get<double>();
    return {};
}

/// Read a string into `target`; a missing key leaves it as it is.
Status read_string(const json& object, const char* key, std::string& target) {
    const json* value = find_value(object, key);
    if (value == nullptr) {
        return {};
    }
    if (!value->is_string()) {
        return FINEWATT_ERROR(kInvalidArgument, "key '{}': expected a string, found {}", key,
                              shown(*value));
    }
    target = value->get<std::string>();
    return {};
}

Status read_activation(const json& object, Activation& target) {
    std::string name = "gelu";
    FINEWATT_TRY(read_string(object, "hidden_act", name));
    const std::optional<Activation> activation = parse_activation(name);
    if (!activation) {
        return FINEWATT_ERROR(kUnsupported,
                              "key 'hidden_act': expected gelu, gelu_new, gelu_pytorch_tanh or "
                              "relu, found '{}'",
                              name);
    }
    target = *activation;
    return {};
}

Status read_dropouts_and_ranges(const json& object, ModelConfig& config) {
    FINEWATT_TRY(read_number(object, "hidden_dropout_prob", config.hidden_dropout_prob));
    FINEWATT_TRY(
        read_number(object, "attention_probs_dropout_prob", config.attention_probs_dropout_prob));
    FINEWATT_TRY(read_number(object, "layer_norm_eps", config.layer_norm_eps));
    FINEWATT_TRY(read_number(object, "initializer_range", config.initializer_range));
    if (find_value(object, "classifier_dropout") != nullptr) {
        double dropout = 0;
        FINEWATT_TRY(read_number(object, "classifier_dropout", dropout));
        config.classifier_dropout = dropout;
    }
    return {};
}

Status read_pad_token(const json& object, std::optional<std::int32_t>& target) {
    if (!object.contains("pad_token_id")) {
        return {};
    }
    const json* value = find_value(object, "pad_token_id");
    if (value == nullptr) {
        target = std::nullopt;
        return {};
    }
    if (!value->is_number_integer() || *value < 0 || *value > kLargestSize) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "key 'pad_token_id': expected a token id or null, found {}",
                              shown(*value));
    }
    target = value->get<std::int32_t>();
    return {};
}

Status read_architecture(const json& object, std::string& target) {
    const json* value = find_value(object, "architectures");
    if (value == nullptr) {
        return {};
    }
    if (!value->is_array() || (!value->empty() && !value->front().is_string())) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "key 'architectures': expected a list of class names, found {}",
                              shown(*value));
    }
    if (!value->empty()) {
        target = value->front().get<std::string>();
    }
    return {};
}

/// Refuse what would change the mathematics and is not computed here.
Status check_model_variant(const json& object) {
    std::string positions = "absolute";
    FINEWATT_TRY(read_string(object, "position_embedding_type", positions));
    if (positions != "absolute") {
        return FINEWATT_ERROR(kUnsupported,
                              "key 'position_embedding_type': expected 'absolute', found '{}'",
                              positions);
    }
    for (const char* key : {"is_decoder", "add_cross_attention"}) {
        const json* value = find_value(object, key);
        if (value != nullptr && *value != false) {
            return FINEWATT_ERROR(kUnsupported,
                                  "key '{}': expected false (only encoders can be used), found {}",
                                  key, shown(*value));
        }
    }
    return {};
}

/// Put `name` at `id` of the label list. `seen` says which ids are there already.
Status place_label(const char* key, std::int64_t id, const std::string& name,
                   std::vector<std::optional<std::string>>& labels) {
    const auto count = static_cast<std::int64_t>(labels.size());
    if (id < 0 || id >= count) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "key '{}': expected the ids 0 to {} for {} labels, found id {}", key,
                              count - 1, count, id);
    }
    std::optional<std::string>& place = labels[static_cast<std::size_t>(id)];
    if (place) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "key '{}': expected one label for each id, found '{}' and '{}' at {}",
                              key, *place, name, id);
    }
    place = name;
    return {};
}

std::vector<std::string> without_optional(std::vector<std::optional<std::string>>&& labels) {
    std::vector<std::string> names;
    for (std::optional<std::string>& label : labels) {
        FINEWATT_CHECK(label.has_value(), "n different ids in [0, n) fill every place");
        names.push_back(std::move(*label));
    }
    return names;
}

Result<std::vector<std::string>> labels_from_id2label(const json& map) {
    std::vector<std::optional<std::string>> labels(map.size());
    for (const auto& [key, name] : map.items()) {
        std::int64_t id = -1;
        const char* end = key.data() + key.size();
        const auto parsed = std::from_chars(key.data(), end, id);
        if (parsed.ec != std::errc() || parsed.ptr != end || !name.is_string()) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "key 'id2label': expected ids with names, found '{}': {}", key,
                                  shown(name));
        }
        FINEWATT_TRY(place_label("id2label", id, name.get<std::string>(), labels));
    }
    return without_optional(std::move(labels));
}

Result<std::vector<std::string>> labels_from_label2id(const json& map) {
    std::vector<std::optional<std::string>> labels(map.size());
    for (const auto& [name, id] : map.items()) {
        if (!id.is_number_integer()) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "key 'label2id': expected names with ids, found '{}': {}", name,
                                  shown(id));
        }
        FINEWATT_TRY(place_label("label2id", id.get<std::int64_t>(), name, labels));
    }
    return without_optional(std::move(labels));
}

Result<std::vector<std::string>> read_label_names(const json& object) {
    std::optional<std::vector<std::string>> by_id;
    std::optional<std::vector<std::string>> by_name;
    for (const char* key : {"id2label", "label2id"}) {
        const json* map = find_value(object, key);
        if (map == nullptr) {
            continue;
        }
        if (!map->is_object()) {
            return FINEWATT_ERROR(kInvalidArgument, "key '{}': expected an object, found {}", key,
                                  shown(*map));
        }
        const bool is_by_id = std::string_view(key) == "id2label";
        FINEWATT_ASSIGN((is_by_id ? by_id : by_name),
                        is_by_id ? labels_from_id2label(*map) : labels_from_label2id(*map));
    }
    if (by_id && by_name && *by_id != *by_name) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "keys 'id2label' and 'label2id' contradict each other: {} against "
                              "{}; make them say the same",
                              fmt::join(*by_id, ", "), fmt::join(*by_name, ", "));
    }
    if (by_id || by_name) {
        return by_id ? std::move(*by_id) : std::move(*by_name);
    }
    return std::vector<std::string>{};
}

/// Old files say num_labels instead of giving names; transformers then calls them LABEL_<id>.
Status apply_num_labels(const json& object, std::vector<std::string>& label_names) {
    if (find_value(object, "num_labels") == nullptr) {
        return {};
    }
    FINEWATT_ASSIGN(const std::int64_t count, read_size(object, "num_labels"));
    constexpr std::int64_t kMostLabels = 1'000'000;
    if (count > kMostLabels) {
        return FINEWATT_ERROR(kInvalidArgument, "key 'num_labels': expected at most {}, found {}",
                              kMostLabels, count);
    }
    if (label_names.empty()) {
        for (std::int64_t id = 0; id < count; ++id) {
            label_names.push_back(fmt::format("LABEL_{}", id));
        }
        return {};
    }
    if (static_cast<std::int64_t>(label_names.size()) != count) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "key 'num_labels' says {}, but the label maps hold {} labels", count,
                              label_names.size());
    }
    return {};
}

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

Result<ModelConfig> parse_model_config(const std::string& text) {
    FINEWATT_ASSIGN(const json object, parse_object(text));
    ModelConfig config;
    if (find_value(object, "model_type") == nullptr) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "key 'model_type' is missing; add \"model_type\": \"bert\" if this "
                              "is a BERT model (supported: bert)");
    }
    FINEWATT_TRY(read_string(object, "model_type", config.model_type));
    if (config.model_type != "bert") {
        return FINEWATT_ERROR(kUnsupported,
                              "key 'model_type': expected a supported model (bert), found '{}'",
                              config.model_type);
    }
    for (const SizeField& field : kSizeFields) {
        FINEWATT_ASSIGN(config.*field.member, read_size(object, field.key));
    }
    FINEWATT_TRY(read_activation(object, config.hidden_act));
    FINEWATT_TRY(read_dropouts_and_ranges(object, config));
    FINEWATT_TRY(read_pad_token(object, config.pad_token_id));
    FINEWATT_TRY(read_architecture(object, config.architecture));
    FINEWATT_TRY(check_model_variant(object));
    FINEWATT_ASSIGN(config.label_names, read_label_names(object));
    FINEWATT_TRY(apply_num_labels(object, config.label_names));
    config.source_json = text;
    FINEWATT_TRY(check_model_config(config));
    return config;
}

/// Put the label maps into the object, replacing what was there.
void put_label_maps(const std::vector<std::string>& label_names, json& object) {
    object.erase("num_labels");
    object.erase("id2label");
    object.erase("label2id");
    if (label_names.empty()) {
        return;
    }
    json id2label = json::object();
    json label2id = json::object();
    for (std::size_t id = 0; id < label_names.size(); ++id) {
        id2label[std::to_string(id)] = label_names[id];
        label2id[label_names[id]] = id;
    }
    object["id2label"] = std::move(id2label);
    object["label2id"] = std::move(label2id);
}

/// Put the activation, under the source's own name where it means the same.
void put_activation(Activation activation, json& object) {
    const auto it = object.find("hidden_act");
    const bool says_the_same = it != object.end() && it->is_string() &&
                               parse_activation(it->get<std::string>()) == activation;
    if (!says_the_same) {
        object["hidden_act"] = activation_name(activation);
    }
}

Result<std::string> to_json_text(const ModelConfig& config) {
    json object = json::object();
    if (!config.source_json.empty()) {
        FINEWATT_ASSIGN(object, parse_object(config.source_json));
    }
    object["model_type"] = config.model_type;
    if (!config.architecture.empty()) {
        object["architectures"] = json::array({config.architecture});
    }
    for (const SizeField& field : kSizeFields) {
        object[field.key] = config.*field.member;
    }
    put_activation(config.hidden_act, object);
    object["hidden_dropout_prob"] = config.hidden_dropout_prob;
    object["attention_probs_dropout_prob"] = config.attention_probs_dropout_prob;
    object["classifier_dropout"] =
        config.classifier_dropout ? json(*config.classifier_dropout) : json(nullptr);
    object["layer_norm_eps"] = config.layer_norm_eps;
    object["initializer_range"] = config.initializer_range;
    object["pad_token_id"] = config.pad_token_id ? json(*config.pad_token_id) : json(nullptr);
    put_label_maps(config.label_names, object);
    object["dtype"] = "float32";
    object.erase("torch_dtype");  // the older name of dtype, which could say otherwise
    try {
        return object.dump(2) + "\n";
    } catch (const json::exception& error) {
        return FINEWATT_ERROR(kInvalidArgument, "the configuration is not valid text: {}",
                              error.what());
    }
}

}  // namespace

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
    if (config.model_type != "bert") {
        return FINEWATT_ERROR(kUnsupported, "model_type: expected bert, found '{}'",
                              config.model_type);
    }
    for (const SizeField& field : kSizeFields) {
        const std::int64_t size = config.*field.member;
        if (size < 1 || size > kLargestSize) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "key '{}': expected a positive integer, found {}", field.key,
                                  size);
        }
    }
    if (config.hidden_size % config.num_attention_heads != 0) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "key 'hidden_size': expected a multiple of num_attention_heads ({}), "
                              "found {}",
                              config.num_attention_heads, config.hidden_size);
    }
    FINEWATT_TRY(check_probability("hidden_dropout_prob", config.hidden_dropout_prob));
    FINEWATT_TRY(
        check_probability("attention_probs_dropout_prob", config.attention_probs_dropout_prob));
    FINEWATT_TRY(check_probability("classifier_dropout", config.effective_classifier_dropout()));
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
    if (config.pad_token_id &&
        (*config.pad_token_id < 0 || *config.pad_token_id >= config.vocab_size)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "key 'pad_token_id': expected an id below vocab_size ({}), found {}",
                              config.vocab_size, *config.pad_token_id);
    }
    return check_label_names(config.label_names);
}

Result<ModelConfig> read_model_config(const std::filesystem::path& path) {
    FINEWATT_ASSIGN(const std::string text, read_file(path));
    Result<ModelConfig> config = parse_model_config(text);
    if (!config) {
        return Error(std::move(config).error()).with_context(path.string());
    }
    return config;
}

Status write_model_config(const std::filesystem::path& path, const ModelConfig& config) {
    FINEWATT_TRY_CONTEXT(check_model_config(config), "{}", path.string());
    FINEWATT_ASSIGN(const std::string text, to_json_text(config));
    return write_file_atomically(path, text);
}

}  // namespace finewatt
