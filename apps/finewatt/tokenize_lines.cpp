#include "finewatt/tokenize_lines.h"

#include "finewatt/token/tokenizer.h"

#include <nlohmann/json.hpp>

#include <istream>
#include <ostream>
#include <string>

namespace finewatt::app {
namespace {

/// One line of input.
struct TextLine {
    std::string text;
    std::optional<std::string> pair;
};

Result<TextLine> parse_line(const std::string& line) {
    try {
        const nlohmann::json json = nlohmann::json::parse(line);
        if (!json.is_object() || !json.contains("text") || !json["text"].is_string()) {
            return FINEWATT_ERROR(kCorrupt,
                                  "expected an object with a string \"text\", found {}; write "
                                  "{{\"text\": \"...\"}} on each line",
                                  json.is_object() ? "none" : json.type_name());
        }
        TextLine out{json["text"].get<std::string>(), std::nullopt};
        const auto pair = json.find("pair");
        if (pair != json.end() && !pair->is_null()) {
            if (!pair->is_string()) {
                return FINEWATT_ERROR(kCorrupt, "expected a string for \"pair\", found {}",
                                      pair->type_name());
            }
            out.pair = pair->get<std::string>();
        }
        return out;
    } catch (const nlohmann::json::exception& error) {
        return FINEWATT_ERROR(kCorrupt, "expected a JSON object, found: {}", error.what());
    }
}

Result<WordPieceTokenizer> load(const TokenizeOptions& options) {
    TokenizerOptions settings;
    if (!std::filesystem::is_directory(options.vocab)) {
        settings.lowercase = !options.cased;
        return WordPieceTokenizer::from_vocab_file(options.vocab, settings);
    }
    FINEWATT_ASSIGN(WordPieceTokenizer tokenizer,
                    WordPieceTokenizer::from_directory(options.vocab));
    if (!options.cased) {
        return tokenizer;
    }
    settings = tokenizer.options();
    settings.lowercase = false;
    settings.strip_accents = std::nullopt;
    return WordPieceTokenizer::from_directory(options.vocab, settings);
}

std::string json_line(const Encoding& encoding) {
    const nlohmann::ordered_json json = {
        {"ids", encoding.ids}, {"offsets", encoding.offsets}, {"type_ids", encoding.type_ids}};
    return json.dump();
}

std::string readable_line(const WordPieceTokenizer& tokenizer, const Encoding& encoding) {
    std::string line;
    for (const std::int32_t id : encoding.ids) {
        line += line.empty() ? "" : " ";
        line += tokenizer.id_to_token(id);
    }
    return line;
}

Result<Encoding> encode_line(const WordPieceTokenizer& tokenizer, const EncodeOptions& options,
                             const std::string& line) {
    FINEWATT_ASSIGN(const TextLine parsed, parse_line(line));
    if (parsed.pair) {
        return tokenizer.encode_pair(parsed.text, *parsed.pair, options);
    }
    return tokenizer.encode(parsed.text, options);
}

}  // namespace

Status run_tokenize(const TokenizeOptions& options, std::istream& in, std::ostream& out) {
    FINEWATT_ASSIGN(const WordPieceTokenizer tokenizer, load(options));
    EncodeOptions encode_options;
    encode_options.add_special_tokens = options.special;
    encode_options.max_length = options.max_length_tokens;
    std::string line;
    for (std::int64_t number = 1; std::getline(in, line); ++number) {
        Result<Encoding> encoding = encode_line(tokenizer, encode_options, line);
        if (!encoding) {
            return Error(std::move(encoding).error())
                .with_context(fmt::format("input line {}", number));
        }
        out << (options.json ? json_line(*encoding) : readable_line(tokenizer, *encoding)) << '\n';
        if (!out) {
            return FINEWATT_ERROR(kIo,
                                  "output: expected to write line {}, found a closed or full "
                                  "destination; check where the output goes",
                                  number);
        }
    }
    return {};
}

}  // namespace finewatt::app
