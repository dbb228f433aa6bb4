#include "finewatt/base/file.h"
#include "finewatt/data/model_config.h"
#include "finewatt/data/model_config_json_internal.h"
#include "finewatt/data/model_config_keys_internal.h"

#include <nlohmann/json.hpp>

namespace finewatt {
namespace {

using nlohmann::json;

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
void put_activation(const char* key, Activation activation, json& object) {
    const auto it = object.find(key);
    const bool says_the_same = it != object.end() && it->is_string() &&
                               parse_activation(it->get<std::string>()) == activation;
    if (!says_the_same) {
        object[key] = activation_name(activation);
    }
}

Result<std::string> to_json_text(const ModelConfig& config) {
    json object = json::object();
    if (!config.source_json.empty()) {
        FINEWATT_ASSIGN(object, parse_config_object(config.source_json));
    }
    const ConfigKeys& keys = config_keys(config.family);
    object["model_type"] = model_family_name(config.family);
    if (!config.architecture.empty()) {
        object["architectures"] = json::array({config.architecture});
    }
    for (const SizeField& field : keys.sizes) {
        object[field.key] = config.*field.member;
    }
    for (const NumberField& field : keys.dropouts) {
        object[field.key] = config.*field.member;
    }
    for (const NumberField& field : keys.numbers) {
        object[field.key] = config.*field.member;
    }
    put_activation(keys.activation, config.hidden_act, object);
    if (keys.has_classifier_dropout) {
        object["classifier_dropout"] =
            config.classifier_dropout ? json(*config.classifier_dropout) : json(nullptr);
    }
    if (keys.has_sinusoidal_positions) {
        object["sinusoidal_pos_embds"] = config.has_sinusoidal_positions;
    }
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

Result<std::string> model_config_text(const ModelConfig& config) {
    FINEWATT_TRY(check_model_config(config));
    return to_json_text(config);
}

Status write_model_config(const std::filesystem::path& path, const ModelConfig& config) {
    Result<std::string> text = model_config_text(config);
    if (!text) {
        return Error(std::move(text).error()).with_context(path.string());
    }
    return write_file_atomically(path, *text);
}

}  // namespace finewatt
