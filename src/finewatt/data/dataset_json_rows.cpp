#include "finewatt/base/utf8.h"
#include "finewatt/data/dataset_rows_internal.h"

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <simdjson.h>

#include <algorithm>
#include <utility>

namespace finewatt {
namespace {

namespace dom = simdjson::dom;

std::string_view type_name(dom::element value) {
    switch (value.type()) {
        case dom::element_type::ARRAY:
            return "an array";
        case dom::element_type::OBJECT:
            return "an object";
        case dom::element_type::INT64:
        case dom::element_type::UINT64:
        case dom::element_type::DOUBLE:
            return "a number";
        case dom::element_type::STRING:
            return "a string";
        case dom::element_type::BOOL:
            return "true or false";
        case dom::element_type::NULL_VALUE:
            break;
    }
    return "null";
}

/// Return the value of a column. Error: the row, and the keys that it has.
Result<dom::element> find_key(dom::object object, const std::string& name, std::size_t number) {
    dom::element value;
    if (object.at_key(name).get(value) == simdjson::SUCCESS) {
        return value;
    }
    std::vector<std::string_view> keys;
    for (const dom::key_value_pair& entry : object) {
        keys.push_back(entry.key);
    }
    return FINEWATT_ERROR(kInvalidArgument,
                          "row {}: expected a column '{}', found none; the columns are: {}; choose "
                          "one of them",
                          number, name, fmt::join(keys, ", "));
}

Result<std::string> read_text(dom::object object, const std::string& name, std::size_t number) {
    FINEWATT_ASSIGN(const dom::element value, find_key(object, name, number));
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) {
        return FINEWATT_ERROR(kCorrupt, "row {}: column '{}': expected a string, found {}", number,
                              name, type_name(value));
    }
    return std::string(text);
}

/// Return a label's name; whole numbers are labels too.
Result<std::string> read_label(dom::object object, const std::string& name, std::size_t number) {
    FINEWATT_ASSIGN(const dom::element value, find_key(object, name, number));
    std::int64_t integer = 0;
    if (value.get(integer) == simdjson::SUCCESS) {
        return std::to_string(integer);
    }
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) {
        return FINEWATT_ERROR(kCorrupt,
                              "row {}: column '{}': expected a label (a string or a whole number), "
                              "found {}",
                              number, name, type_name(value));
    }
    return std::string(text);
}

Result<DataRow> read_row(dom::element element, const ColumnNames& columns, std::size_t number) {
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) {
        return FINEWATT_ERROR(kCorrupt, "row {}: expected an object, found {}", number,
                              type_name(element));
    }
    DataRow row;
    row.number = number;
    FINEWATT_ASSIGN(row.text, read_text(object, columns.text, number));
    if (columns.pair) {
        FINEWATT_ASSIGN(row.pair, read_text(object, *columns.pair, number));
    }
    FINEWATT_ASSIGN(row.label, read_label(object, columns.label, number));
    return row;
}

/// Say where a text stops being JSON. simdjson does not tell the place, so the slower library is
/// asked, in this case only.
std::string explain_broken_json(std::string_view text, simdjson::error_code code) {
    try {
        const auto unused = nlohmann::json::parse(text.begin(), text.end());
    } catch (const nlohmann::json::exception& error) {
        return error.what();
    }
    return simdjson::error_message(code);
}

/// Name the line of the first byte that is not UTF-8: in a .json file rows cannot be told apart
/// before the text is parsed.
Status check_utf8_by_line(std::string_view text) {
    const auto position = find_invalid_utf8(text);
    if (!position) {
        return {};
    }
    const std::string_view before = text.substr(0, *position);
    return FINEWATT_ERROR(kCorrupt, "line {}: expected UTF-8 text, found byte 0x{:02X}",
                          1 + std::count(before.begin(), before.end(), '\n'),
                          static_cast<unsigned char>(text[*position]));
}

}  // namespace

Result<std::vector<DataRow>> read_json_rows(std::string_view text, const ColumnNames& columns) {
    FINEWATT_TRY(check_utf8_by_line(text));
    dom::parser parser;
    dom::element document;
    if (const auto code = parser.parse(text.data(), text.size()).get(document)) {
        return FINEWATT_ERROR(kCorrupt, "expected JSON, found: {}",
                              explain_broken_json(text, code));
    }
    dom::array items;
    if (document.get(items) != simdjson::SUCCESS) {
        return FINEWATT_ERROR(kCorrupt,
                              "expected an array of objects, found {}; a file with one object a "
                              "line is named .jsonl",
                              type_name(document));
    }
    std::vector<DataRow> rows;
    for (const dom::element item : items) {
        FINEWATT_ASSIGN(DataRow row, read_row(item, columns, rows.size() + 1));
        rows.push_back(std::move(row));
    }
    return rows;
}

Result<std::vector<DataRow>> read_jsonl_rows(std::string_view text, const ColumnNames& columns) {
    // The parser may read a little past a line's end, so the text is copied once with padding.
    const simdjson::padded_string padded(text);
    std::string_view rest(padded);
    dom::parser parser;
    std::vector<DataRow> rows;
    for (std::size_t number = 1; !rest.empty(); ++number) {
        const std::size_t end = rest.find('\n');
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
            continue;
        }
        if (const auto position = find_invalid_utf8(line)) {
            return FINEWATT_ERROR(kCorrupt,
                                  "row {}: expected UTF-8 text, found byte 0x{:02X} at position {}",
                                  number, static_cast<unsigned char>(line[*position]), *position);
        }
        dom::element element;
        constexpr bool kCopy = false;
        if (const auto code = parser.parse(line.data(), line.size(), kCopy).get(element)) {
            return FINEWATT_ERROR(kCorrupt, "row {}: expected JSON, found: {}", number,
                                  explain_broken_json(line, code));
        }
        FINEWATT_ASSIGN(DataRow row, read_row(element, columns, number));
        rows.push_back(std::move(row));
    }
    return rows;
}

}  // namespace finewatt
