// Reading the cells of the tables inside the program.
#pragma once

#include "finewatt/base/result.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt::carbon_tables {

/// Read a cell that holds one number and nothing else. Error: corrupt.
template <class Number>
Result<Number> parse_table_number(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) {
        return FINEWATT_ERROR(kCorrupt, "expected a number, found '{}'", text);
    }
    return number;
}

/// Split a cell like "RFCE/RFCW"; an empty one has no names.
inline std::vector<std::string> split_names(std::string_view names) {
    std::vector<std::string> found;
    while (!names.empty()) {
        const std::string_view name = names.substr(0, names.find('/'));
        names.remove_prefix(std::min(names.size(), name.size() + 1));
        found.emplace_back(name);
    }
    return found;
}

}  // namespace finewatt::carbon_tables
