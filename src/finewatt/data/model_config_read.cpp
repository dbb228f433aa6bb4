#include "finewatt/base/check.h"
#include "finewatt/base/file.h"
#include "finewatt/data/model_config.h"
#include "finewatt/data/model_config_json_internal.h"
#include "finewatt/data/model_config_keys_internal.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <charconv>
#include <limits>

namespace finewatt {
namespace {

using nlohmann::json;

// Sizes and token ids are int32 wherever they are used.
constexpr std::int64_t kLargestInteger = std::numeric_limits<std::int32_t>::max();

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

Result<std::int64_t> read_size(const json& object, const char* key) {
    const json* value = find_value(object, key);
    if (value == nullptr) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "key '{}' is missing; add the model's size, a positive integer", key);
    }
    if (!value->is_number_integer() || *value < 1 || *value > kLargestInteger) {
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

Status read_activation(const json& object, const char* key, Activation& target) {
    std::string name = "gelu";
    FINEWATT_TRY(read_string(object, key, name));
    const std::optional<Activation> activation = parse_activation(name);
    if (!activation) {
        return FINEWATT_ERROR(kUnsupported,
                              "key '{}': expected gelu, gelu_new, gelu_pytorch_tanh or relu, found "
                              "'{}'",
                              key, name);
    }
    target = *activation;
    return {};
}

Status read_numbers(const json& object, const ConfigKeys& keys, ModelConfig& config) {
    for (const NumberField& field : keys.dropouts) {
        FINEWATT_TRY(read_number(object, field.key, config.*field.member));
    }
    for (const NumberField& field : keys.numbers) {
        FINEWATT_TRY(read_number(object, field.key, config.*field.member));
    }
    if (keys.has_classifier_dropout && find_value(object, "classifier_dropout") != nullptr) {
        double dropout = 0;
        FINEWATT_TRY(read_number(object, "classifier_dropout", dropout));
        config.classifier_dropout = dropout;
    }
    return {};
}

Status read_sinusoidal_positions(const json& object, const ConfigKeys& keys, bool& target) {
    const json* value = find_value(object, "sinusoidal_pos_embds");
    if (!keys.has_sinusoidal_positions || value == nullptr) {
        return {};
    }
    if (!value->is_boolean()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "key 'sinusoidal_pos_embds': expected true or false, found {}",
                              shown(*value));
    }
    target = value->get<bool>();
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
    if (!value->is_number_integer() || *value < 0 || *value > kLargestInteger) {
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

Result<ModelFamily> read_family(const json& object) {
    if (find_value(object, "model_type") == nullptr) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "key 'model_type' is missing; add \"model_type\": \"bert\" if this "
                              "is a BERT model (supported: bert, distilbert)");
    }
    std::string name;
    FINEWATT_TRY(read_string(object, "model_type", name));
    const std::optional<ModelFamily> family = parse_model_family(name);
    if (!family) {
        return FINEWATT_ERROR(kUnsupported,
                              "key 'model_type': expected a supported model (bert, distilbert), "
                              "found '{}'",
                              name);
    }
    return *family;
}

Result<ModelConfig> parse_model_config(const std::string& text) {
    FINEWATT_ASSIGN(const json object, parse_config_object(text));
    ModelConfig config;
    FINEWATT_ASSIGN(config.family, read_family(object));
    const ConfigKeys& keys = config_keys(config.family);
    for (const SizeField& field : keys.sizes) {
        FINEWATT_ASSIGN(config.*field.member, read_size(object, field.key));
    }
    FINEWATT_TRY(read_activation(object, keys.activation, config.hidden_act));
    FINEWATT_TRY(read_numbers(object, keys, config));
    FINEWATT_TRY(read_sinusoidal_positions(object, keys, config.has_sinusoidal_positions));
    FINEWATT_TRY(read_pad_token(object, config.pad_token_id));
    FINEWATT_TRY(read_architecture(object, config.architecture));
    FINEWATT_TRY(check_model_variant(object));
    FINEWATT_ASSIGN(config.label_names, read_label_names(object));
    FINEWATT_TRY(apply_num_labels(object, config.label_names));
    config.source_json = text;
    FINEWATT_TRY(check_model_config(config));
    return config;
}

}  // namespace

Result<nlohmann::json> parse_config_object(const std::string& text) {
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

Result<ModelConfig> read_model_config(const std::filesystem::path& path) {
    FINEWATT_ASSIGN(const std::string text, read_file(path));
    Result<ModelConfig> config = parse_model_config(text);
    if (!config) {
        return Error(std::move(config).error()).with_context(path.string());
    }
    return config;
}

}  // namespace finewatt
