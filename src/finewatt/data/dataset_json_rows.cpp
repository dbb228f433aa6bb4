#include "finewatt/data/dataset_rows_internal.h"
#include "finewatt/data/json_error_internal.h"

#include <simdjson.h>

#include <cmath>
#include <optional>
#include <utility>

namespace finewatt {
namespace {

namespace dom = simdjson::dom;

std::string_view type_name(dom::element value) {
    switch (value.type()) {
        case dom::element_type::ARRAY:
            return "a list of other or of mixed things";
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

/// Return a whole number; some writers put class 1 as 1.0.
std::optional<std::int64_t> as_integer(dom::element value) {
    std::int64_t integer = 0;
    if (value.get(integer) == simdjson::SUCCESS) {
        return integer;
    }
    double real = 0;
    constexpr double kExact = 9007199254740992.0;  // 2^53: whole doubles below it are exact
    if (value.get(real) == simdjson::SUCCESS && std::trunc(real) == real &&
        std::fabs(real) < kExact) {
        return static_cast<std::int64_t>(real);
    }
    return std::nullopt;
}

/// Return a list as a cell, or nothing when its values are not all strings or all whole numbers.
std::optional<DataCell> as_list(dom::array values) {
    std::vector<std::string> texts;
    std::vector<std::int64_t> integers;
    std::size_t count = 0;
    for (const dom::element value : values) {
        ++count;
        std::string_view text;
        if (value.get(text) == simdjson::SUCCESS) {
            texts.emplace_back(text);
        } else if (const auto integer = as_integer(value)) {
            integers.push_back(*integer);
        }
    }
    if (texts.size() == count) {
        return DataCell(std::move(texts));
    }
    if (integers.size() == count) {
        return DataCell(std::move(integers));
    }
    return std::nullopt;
}

/// Return a value as a cell, or nothing when it is none of a cell's types.
std::optional<DataCell> as_cell(dom::element value) {
    std::string_view text;
    dom::array values;
    if (value.is_null()) {
        return DataCell();
    }
    if (value.get(text) == simdjson::SUCCESS) {
        return DataCell(std::string(text));
    }
    if (value.get(values) == simdjson::SUCCESS) {
        return as_list(values);
    }
    if (const auto integer = as_integer(value)) {
        return DataCell(*integer);
    }
    return std::nullopt;
}

/// Find a key, or the key `b` in the object under the key `a` for a column `a.b`.
std::optional<dom::element> find_value(dom::object object, std::string_view name) {
    dom::element value;
    if (object.at_key(name).get(value) == simdjson::SUCCESS) {
        return value;
    }
    const std::size_t dot = name.find('.');
    dom::object inner;
    if (dot != std::string_view::npos &&
        object.at_key(name.substr(0, dot)).get(inner) == simdjson::SUCCESS &&
        inner.at_key(name.substr(dot + 1)).get(value) == simdjson::SUCCESS) {
        return value;
    }
    return std::nullopt;
}

std::vector<std::string> column_names(dom::object object) {
    std::vector<std::string> names;
    for (const dom::key_value_pair& entry : object) {
        names.emplace_back(entry.key);
        dom::object inner;
        if (entry.value.get(inner) != simdjson::SUCCESS) {
            continue;
        }
        for (const dom::key_value_pair& nested : inner) {
            names.push_back(fmt::format("{}.{}", entry.key, nested.key));
        }
    }
    return names;
}

/// Takes objects one by one and keeps the chosen columns.
class ObjectCollector {
  public:
    explicit ObjectCollector(const ColumnChooser& choose) : choose_(choose) {}

    Status take(std::size_t number, dom::element element) {
        dom::object object;
        if (element.get(object) != simdjson::SUCCESS) {
            return FINEWATT_ERROR(kCorrupt, "row {}: expected an object, found {}", number,
                                  type_name(element));
        }
        if (rows_.empty()) {
            FINEWATT_ASSIGN(columns_, choose_(column_names(object)));
        }
        DataRow row;
        row.number = number;
        row.cells.reserve(columns_.size());
        for (const std::string& name : columns_) {
            const std::optional<dom::element> value = find_value(object, name);
            std::optional<DataCell> cell = value ? as_cell(*value) : DataCell();
            if (!cell) {
                return FINEWATT_ERROR(
                    kCorrupt,
                    "row {}: column '{}': expected a string, a whole number, or a "
                    "list of either, found {}",
                    number, name, type_name(*value));
            }
            row.cells.push_back(*std::move(cell));
        }
        rows_.push_back(std::move(row));
        return {};
    }

    std::vector<DataRow> finish() && { return std::move(rows_); }

  private:
    const ColumnChooser& choose_;
    std::vector<std::string> columns_{};
    std::vector<DataRow> rows_{};
};

}  // namespace

Result<std::vector<DataRow>> read_json_rows(std::string_view text, const ColumnChooser& choose) {
    dom::parser parser;
    dom::element document;
    if (const auto code = parser.parse(text.data(), text.size()).get(document)) {
        return FINEWATT_ERROR(kCorrupt, "expected JSON, found: {}",
                              explain_broken_json(text, simdjson::error_message(code)));
    }
    dom::array items;
    if (document.get(items) != simdjson::SUCCESS) {
        return FINEWATT_ERROR(kCorrupt,
                              "expected an array of objects, found {}; a file with one object a "
                              "line is named .jsonl",
                              type_name(document));
    }
    ObjectCollector collector(choose);
    std::size_t number = 0;
    for (const dom::element item : items) {
        ++number;
        FINEWATT_TRY(collector.take(number, item));
    }
    return std::move(collector).finish();
}

Result<std::vector<DataRow>> read_jsonl_rows(std::string_view text, const ColumnChooser& choose) {
    // The parser may read a little past a line's end, so the text is copied once with padding.
    const simdjson::padded_string padded(text);
    std::string_view rest(padded);
    dom::parser parser;
    ObjectCollector collector(choose);
    for (std::size_t number = 1; !rest.empty(); ++number) {
        const std::size_t end = rest.find('\n');
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
            continue;
        }
        dom::element element;
        constexpr bool kCopy = false;
        if (const auto code = parser.parse(line.data(), line.size(), kCopy).get(element)) {
            return FINEWATT_ERROR(kCorrupt, "row {}: expected JSON, found: {}", number,
                                  explain_broken_json(line, simdjson::error_message(code)));
        }
        FINEWATT_TRY(collector.take(number, element));
    }
    return std::move(collector).finish();
}

}  // namespace finewatt
