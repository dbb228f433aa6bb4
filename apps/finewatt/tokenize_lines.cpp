#include "finewatt/tokenize_lines.h"

#include "finewatt/load_vocabulary.h"
#include "finewatt/token/tokenizer.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <istream>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt::app {
namespace {

/// One line of input.
struct TextLine {
    std::string_view text;
    std::optional<std::string_view> pair;
};

/// Return the string of a key that is there.
Result<std::string_view> string_of(std::string_view key, simdjson::dom::element value) {
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) {
        return FINEWATT_ERROR(kCorrupt,
                              "expected a string for \"{}\", found another kind of value; write "
                              "{{\"text\": \"...\"}} on each line",
                              key);
    }
    return text;
}

/// The result points into `parser`, until it parses again.
Result<TextLine> parse_line(simdjson::dom::parser& parser, const std::string& line) {
    simdjson::dom::element json;
    if (const simdjson::error_code error = parser.parse(line).get(json)) {
        return FINEWATT_ERROR(kCorrupt, "expected a JSON object, found: {}",
                              simdjson::error_message(error));
    }
    simdjson::dom::object object;
    if (json.get(object) != simdjson::SUCCESS) {
        return FINEWATT_ERROR(kCorrupt,
                              "expected a JSON object, found another kind of value; write "
                              "{{\"text\": \"...\"}} on each line");
    }
    std::optional<std::string_view> text;
    TextLine out;
    for (const simdjson::dom::key_value_pair field : object) {
        if (field.key == "text") {
            FINEWATT_ASSIGN(text, string_of(field.key, field.value));
        } else if (field.key == "pair" && !field.value.is_null()) {
            FINEWATT_ASSIGN(out.pair, string_of(field.key, field.value));
        }
    }
    if (!text) {
        return FINEWATT_ERROR(kCorrupt,
                              "expected an object with a string \"text\", found none; write "
                              "{{\"text\": \"...\"}} on each line");
    }
    out.text = *text;
    return out;
}

void append_number(std::int32_t value, std::string& out) {
    const fmt::format_int digits(value);
    out.append(digits.data(), digits.size());
}

/// Append "[1,2,3]".
void append_numbers(const std::vector<std::int32_t>& values, std::string& out) {
    char before = '[';
    for (const std::int32_t value : values) {
        out += before;
        append_number(value, out);
        before = ',';
    }
    out += values.empty() ? "[]" : "]";
}

void append_json_line(const Encoding& encoding, std::string& out) {
    out += "{\"ids\":";
    append_numbers(encoding.ids, out);
    out += ",\"offsets\":[";
    for (const auto& [begin, end] : encoding.offsets) {
        out += out.back() == '[' ? "[" : ",[";
        append_number(begin, out);
        out += ',';
        append_number(end, out);
        out += ']';
    }
    out += "],\"type_ids\":";
    append_numbers(encoding.type_ids, out);
    out += "}\n";
}

void append_readable_line(const WordPieceTokenizer& tokenizer, const Encoding& encoding,
                          std::string& out) {
    std::string_view before;
    for (const std::int32_t id : encoding.ids) {
        out += before;
        out += tokenizer.id_to_token(id);
        before = " ";
    }
    out += '\n';
}

Status encode_line(const WordPieceTokenizer& tokenizer, const EncodeOptions& options,
                   simdjson::dom::parser& parser, const std::string& line, Encoding& out) {
    FINEWATT_ASSIGN(const TextLine parsed, parse_line(parser, line));
    return parsed.pair ? tokenizer.append_encoded_pair(parsed.text, *parsed.pair, options, out)
                       : tokenizer.append_encoded(parsed.text, options, out);
}

}  // namespace

Status run_tokenize(const TokenizeOptions& options, std::istream& in, std::ostream& out) {
    FINEWATT_ASSIGN(const WordPieceTokenizer tokenizer,
                    load_vocabulary(options.vocab, options.cased));
    EncodeOptions encode_options;
    encode_options.add_special_tokens = options.special;
    encode_options.max_length = options.max_length_tokens;
    encode_options.with_offsets = options.json;
    simdjson::dom::parser parser;
    std::string line;
    Encoding encoding;
    std::string written;
    for (std::int64_t number = 1; std::getline(in, line); ++number) {
        constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
        if (number == 1 && std::string_view(line).substr(0, 3) == kByteOrderMark) {
            line.erase(0, kByteOrderMark.size());
        }
        encoding.ids.clear();
        encoding.offsets.clear();
        encoding.type_ids.clear();
        Status status = encode_line(tokenizer, encode_options, parser, line, encoding);
        if (!status) {
            return Error(std::move(status).error())
                .with_context(fmt::format("input line {}", number));
        }
        written.clear();
        if (options.json) {
            append_json_line(encoding, written);
        } else {
            append_readable_line(tokenizer, encoding, written);
        }
        out << written;
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
