#include "finewatt/base/file.h"
#include "finewatt/token/tokenizer_files_internal.h"
#include "finewatt/token/vocabulary_internal.h"

#include <nlohmann/json.hpp>

#include <system_error>

#include <algorithm>
#include <utility>

namespace finewatt::token {
namespace {

using Json = nlohmann::json;

/// Write a JSON value into an error message, cut to a readable length.
std::string shown(const Json& value) {
    std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    constexpr std::size_t kShownBytes = 80;
    if (text.size() > kShownBytes) {
        text.resize(kShownBytes);
        text += "...";
    }
    return text;
}

/// Return a member of an object; null when there is none.
const Json& member(const Json& object, const char* key) {
    static const Json kNull;
    if (!object.is_object()) {
        return kNull;
    }
    const auto found = object.find(key);
    return found == object.end() ? kNull : *found;
}

Result<Json> read_json_object(const std::filesystem::path& path) {
    FINEWATT_ASSIGN(const std::string text, read_file(path));
    try {
        Json json = Json::parse(text);
        if (!json.is_object()) {
            return FINEWATT_ERROR(kCorrupt, "{}: expected a JSON object, found {}", path.string(),
                                  json.type_name());
        }
        return json;
    } catch (const Json::exception& error) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected JSON, found: {}", path.string(),
                              error.what());
    }
}

/// Fail unless object[key] is absent, null or equal to `wanted`.
Status expect_value(const Json& object, const char* key, const Json& wanted,
                    const std::string& where) {
    const Json& found = member(object, key);
    if (!found.is_null() && found != wanted) {
        return FINEWATT_ERROR(kUnsupported,
                              "{}: expected \"{}\" to be {} as in BERT's tokenizer, found {}; only "
                              "BERT WordPiece tokenizers can be read",
                              where, key, shown(wanted), shown(found));
    }
    return {};
}

/// Read an optional boolean: absent or null gives `fallback`.
Result<bool> read_bool(const Json& object, const char* key, bool fallback,
                       const std::string& where) {
    const Json& found = member(object, key);
    if (found.is_null()) {
        return fallback;
    }
    if (!found.is_boolean()) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected true or false for \"{}\", found {}", where,
                              key, shown(found));
    }
    return found.get<bool>();
}

Json special_in_template(const char* token, int type_id) {
    return {{"SpecialToken", {{"id", token}, {"type_id", type_id}}}};
}

Json text_in_template(const char* name, int type_id) {
    return {{"Sequence", {{"id", name}, {"type_id", type_id}}}};
}

Json single_template() {
    return Json::array({special_in_template("[CLS]", 0), text_in_template("A", 0),
                        special_in_template("[SEP]", 0)});
}

Json pair_template() {
    return Json::array({special_in_template("[CLS]", 0), text_in_template("A", 0),
                        special_in_template("[SEP]", 0), text_in_template("B", 1),
                        special_in_template("[SEP]", 1)});
}

/// Fail unless every part of tokenizer.json is the one that this library implements.
Status check_is_bert(const Json& json, const std::string& where) {
    const Json& model = member(json, "model");
    FINEWATT_TRY(expect_value(model, "type", "WordPiece", where));
    FINEWATT_TRY(expect_value(model, "unk_token", "[UNK]", where));
    FINEWATT_TRY(
        expect_value(model, "continuing_subword_prefix", std::string(kContinuationPrefix), where));
    FINEWATT_TRY(expect_value(model, "max_input_chars_per_word", kMaxWordCodePoints, where));
    const Json& normalizer = member(json, "normalizer");
    FINEWATT_TRY(expect_value(normalizer, "type", "BertNormalizer", where));
    FINEWATT_TRY(expect_value(normalizer, "clean_text", true, where));
    FINEWATT_TRY(expect_value(member(json, "pre_tokenizer"), "type", "BertPreTokenizer", where));
    const Json& post = member(json, "post_processor");
    if (member(post, "type") == "BertProcessing") {
        return {};
    }
    FINEWATT_TRY(expect_value(post, "type", "TemplateProcessing", where));
    FINEWATT_TRY(expect_value(post, "single", single_template(), where));
    return expect_value(post, "pair", pair_template(), where);
}

/// Put a token at its id.
Status place_token(std::vector<std::optional<std::string>>& tokens, const std::string& content,
                   const Json& id, const std::string& where) {
    // More ids than any vocabulary has: a wrong number must not allocate memory for itself.
    constexpr std::uint64_t kMostTokens = 1U << 24U;
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= kMostTokens) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected an id from 0 to {} for token '{}', found {}",
                              where, kMostTokens - 1, content, shown(id));
    }
    const auto at = id.get<std::size_t>();
    if (at >= tokens.size()) {
        tokens.resize(at + 1);
    }
    if (tokens[at] && *tokens[at] != content) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected one token for id {}, found '{}' and '{}'",
                              where, at, *tokens[at], content);
    }
    tokens[at] = content;
    return {};
}

Result<AddedToken> read_added_token(const Json& json, const std::string& where) {
    const Json& content = member(json, "content");
    if (!content.is_string() || content.get_ref<const std::string&>().empty()) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected an added token with \"content\", found {}",
                              where, shown(json));
    }
    AddedToken added;
    added.content = content.get<std::string>();
    FINEWATT_ASSIGN(added.lstrip, read_bool(json, "lstrip", false, where));
    FINEWATT_ASSIGN(added.rstrip, read_bool(json, "rstrip", false, where));
    FINEWATT_ASSIGN(added.special, read_bool(json, "special", false, where));
    FINEWATT_ASSIGN(added.normalized, read_bool(json, "normalized", !added.special, where));
    FINEWATT_ASSIGN(const bool is_single_word, read_bool(json, "single_word", false, where));
    if (is_single_word) {
        return FINEWATT_ERROR(kUnsupported,
                              "{}: expected added tokens with \"single_word\": false, found '{}' "
                              "with true; only such tokens can be looked for",
                              where, added.content);
    }
    return added;
}

/// Add a token that a file declares to the vocabulary and to the tokens looked for.
Status add_token(const Json& json, const Json& id, const std::string& where,
                 std::vector<std::optional<std::string>>& tokens, TokenizerSpec& spec) {
    FINEWATT_ASSIGN(AddedToken added, read_added_token(json, where));
    FINEWATT_TRY(place_token(tokens, added.content, id, where));
    added.id = id.get<std::int32_t>();
    spec.added_tokens.push_back(std::move(added));
    return {};
}

Status fill_tokens(std::vector<std::optional<std::string>> tokens, TokenizerSpec& spec) {
    spec.tokens.clear();
    for (std::optional<std::string>& token : tokens) {
        if (!token) {
            return FINEWATT_ERROR(kCorrupt,
                                  "{}: expected a token for every id below {}, found none for id "
                                  "{}; the model's embedding has a row for each id",
                                  spec.origin, tokens.size(), spec.tokens.size());
        }
        spec.tokens.push_back(std::move(*token));
    }
    return {};
}

/// Vocabulary and added tokens of tokenizer.json.
Status read_tokens(const Json& json, TokenizerSpec& spec) {
    const Json& vocab = member(member(json, "model"), "vocab");
    if (!vocab.is_object()) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected \"model\" with an object \"vocab\", found {}",
                              spec.origin, vocab.type_name());
    }
    std::vector<std::optional<std::string>> tokens;
    for (const auto& item : vocab.items()) {
        FINEWATT_TRY(place_token(tokens, item.key(), item.value(), spec.origin));
    }
    spec.model_size = tokens.size();
    for (const Json& added : member(json, "added_tokens")) {
        FINEWATT_TRY(add_token(added, member(added, "id"), spec.origin, tokens, spec));
    }
    return fill_tokens(std::move(tokens), spec);
}

/// Added tokens of a folder without tokenizer.json: "added_tokens_decoder" of
/// tokenizer_config.json.
Status read_added_tokens_decoder(const Json& config, const std::string& where,
                                 TokenizerSpec& spec) {
    std::vector<std::optional<std::string>> tokens(spec.tokens.begin(), spec.tokens.end());
    for (const auto& item : member(config, "added_tokens_decoder").items()) {
        const Json id = Json::parse(item.key(), nullptr, false);
        FINEWATT_TRY(add_token(item.value(), id, where, tokens, spec));
    }
    return fill_tokens(std::move(tokens), spec);
}

/// Set what `json` names; the keys are different in the two files.
Status read_options(const Json& json, const char* lowercase_key, const char* chinese_key,
                    const std::string& where, TokenizerOptions& options) {
    FINEWATT_ASSIGN(options.lowercase, read_bool(json, lowercase_key, options.lowercase, where));
    FINEWATT_ASSIGN(options.handle_chinese_chars,
                    read_bool(json, chinese_key, options.handle_chinese_chars, where));
    if (json.is_object() && json.contains("strip_accents")) {
        if (json["strip_accents"].is_null()) {
            options.strip_accents = std::nullopt;
        } else {
            FINEWATT_ASSIGN(options.strip_accents, read_bool(json, "strip_accents", false, where));
        }
    }
    return {};
}

Status read_config(const Json& config, const std::string& where, TokenizerSpec& spec) {
    FINEWATT_TRY(
        read_options(config, "do_lower_case", "tokenize_chinese_chars", where, spec.options));
    // transformers writes 1e30 for "no limit", which is no integer of 64 bits.
    const Json& length = member(config, "model_max_length");
    if (length.is_number_integer() && length.get<std::int64_t>() > 0) {
        spec.model_max_length_tokens = length.get<std::int64_t>();
    }
    return {};
}

Status read_tokenizer_json(const std::filesystem::path& path, TokenizerSpec& spec) {
    spec.origin = path.string();
    FINEWATT_ASSIGN(const Json json, read_json_object(path));
    FINEWATT_TRY(check_is_bert(json, spec.origin));
    FINEWATT_TRY(read_options(member(json, "normalizer"), "lowercase", "handle_chinese_chars",
                              spec.origin, spec.options));
    return read_tokens(json, spec);
}

/// vocab.txt of a folder without tokenizer.json, with the added tokens of its configuration.
Status read_plain_vocabulary(const std::filesystem::path& directory, const Json& config,
                             const std::string& config_name, TokenizerSpec& spec) {
    FINEWATT_ASSIGN(spec, read_vocabulary_file(directory / "vocab.txt", spec.options));
    if (member(config, "added_tokens_decoder").is_object()) {
        return read_added_tokens_decoder(config, config_name, spec);
    }
    if (std::filesystem::exists(directory / "added_tokens.json")) {
        return FINEWATT_ERROR(kUnsupported,
                              "{}: expected added tokens in tokenizer.json or "
                              "tokenizer_config.json, found an old added_tokens.json; load and "
                              "save the tokenizer with transformers 5 once",
                              directory.string());
    }
    return {};
}

Json added_token_json(const AddedToken& added) {
    return {{"id", added.id},          {"content", added.content}, {"single_word", false},
            {"lstrip", added.lstrip},  {"rstrip", added.rstrip},   {"normalized", added.normalized},
            {"special", added.special}};
}

Json strip_accents_json(const TokenizerOptions& options) {
    return options.strip_accents ? Json(*options.strip_accents) : Json(nullptr);
}

/// The special token of a template, with its id.
Json template_token(const TokenizerSpec& spec, const char* token) {
    const auto found = std::find(spec.tokens.begin(), spec.tokens.end(), token);
    return {{"id", token},
            {"ids", Json::array({found - spec.tokens.begin()})},
            {"tokens", Json::array({token})}};
}

}  // namespace

Result<TokenizerSpec> read_vocabulary_file(const std::filesystem::path& vocab_txt,
                                           const TokenizerOptions& options) {
    FINEWATT_ASSIGN(const std::string text, read_file(vocab_txt));
    TokenizerSpec spec;
    spec.tokens = split_vocabulary_lines(text);
    spec.model_size = spec.tokens.size();
    spec.options = options;
    spec.origin = vocab_txt.string();
    return spec;
}

Result<TokenizerSpec> read_tokenizer_directory(const std::filesystem::path& directory,
                                               const std::optional<TokenizerOptions>& overrides) {
    const std::filesystem::path config_path = directory / "tokenizer_config.json";
    Json config;
    if (std::filesystem::exists(config_path)) {
        FINEWATT_ASSIGN(config, read_json_object(config_path));
    }
    TokenizerSpec spec;
    if (std::filesystem::exists(directory / "tokenizer.json")) {
        FINEWATT_TRY(read_tokenizer_json(directory / "tokenizer.json", spec));
    } else if (std::filesystem::exists(directory / "vocab.txt")) {
        FINEWATT_TRY(read_plain_vocabulary(directory, config, config_path.string(), spec));
    } else {
        return FINEWATT_ERROR(kNotFound,
                              "{}: expected a folder with tokenizer.json or vocab.txt, found "
                              "neither; give the folder of a BERT model",
                              directory.string());
    }
    FINEWATT_TRY(read_config(config, config_path.string(), spec));
    spec.options = overrides.value_or(spec.options);
    return spec;
}

std::string tokenizer_json_text(const TokenizerSpec& spec) {
    // Ordered, so that people find the vocabulary in the order of ids.
    using OrderedJson = nlohmann::ordered_json;
    OrderedJson::object_t vocab;
    vocab.reserve(spec.model_size);
    for (std::size_t i = 0; i < spec.model_size; ++i) {
        // The base class's emplace_back does not look for an equal key, which would take
        // quadratic time; tokens are known to be distinct.
        vocab.emplace_back(spec.tokens[i], i);
    }
    OrderedJson json;
    json["version"] = "1.0";
    json["truncation"] = nullptr;
    json["padding"] = nullptr;
    json["added_tokens"] = OrderedJson::array();
    for (const AddedToken& added : spec.added_tokens) {
        json["added_tokens"].push_back(OrderedJson(added_token_json(added)));
    }
    json["normalizer"] = {{"type", "BertNormalizer"},
                          {"clean_text", true},
                          {"handle_chinese_chars", spec.options.handle_chinese_chars},
                          {"strip_accents", strip_accents_json(spec.options)},
                          {"lowercase", spec.options.lowercase}};
    json["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
    json["post_processor"] = {
        {"type", "TemplateProcessing"},
        {"single", single_template()},
        {"pair", pair_template()},
        {"special_tokens",
         {{"[CLS]", template_token(spec, "[CLS]")}, {"[SEP]", template_token(spec, "[SEP]")}}}};
    json["decoder"] = {
        {"type", "WordPiece"}, {"prefix", std::string(kContinuationPrefix)}, {"cleanup", true}};
    json["model"] = {{"type", "WordPiece"},
                     {"unk_token", "[UNK]"},
                     {"continuing_subword_prefix", std::string(kContinuationPrefix)},
                     {"max_input_chars_per_word", kMaxWordCodePoints}};
    json["model"]["vocab"] = std::move(vocab);
    return json.dump(2) + "\n";
}

std::string tokenizer_config_text(const TokenizerSpec& spec) {
    Json json = {{"backend", "tokenizers"},
                 {"tokenizer_class", "BertTokenizer"},
                 {"do_lower_case", spec.options.lowercase},
                 {"strip_accents", strip_accents_json(spec.options)},
                 {"tokenize_chinese_chars", spec.options.handle_chinese_chars},
                 {"cls_token", "[CLS]"},
                 {"mask_token", "[MASK]"},
                 {"pad_token", "[PAD]"},
                 {"sep_token", "[SEP]"},
                 {"unk_token", "[UNK]"}};
    if (spec.model_max_length_tokens) {
        json["model_max_length"] = *spec.model_max_length_tokens;
    }
    return json.dump(2) + "\n";
}

Status write_tokenizer_directory(const std::filesystem::path& directory,
                                 const TokenizerSpec& spec) {
    std::error_code failed;
    std::filesystem::create_directories(directory, failed);
    if (failed) {
        return error_from_errno(failed.value(),
                                fmt::format("make the folder {}", directory.string()));
    }
    std::string lines;
    for (const std::string& token : spec.tokens) {
        lines += token;
        lines += '\n';
    }
    FINEWATT_TRY(write_file_atomically(directory / "vocab.txt", lines));
    FINEWATT_TRY(write_file_atomically(directory / "tokenizer.json", tokenizer_json_text(spec)));
    return write_file_atomically(directory / "tokenizer_config.json", tokenizer_config_text(spec));
}

}  // namespace finewatt::token
