#include "finewatt/base/ascii.h"
#include "finewatt/exchange/foreign_table_internal.h"
#include "finewatt/exchange/texts_internal.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>

namespace finewatt::exchange {
namespace {

/// A field as a message may show it.
std::string shown(std::string_view field) {
    constexpr std::size_t kLongest = 60;
    return field.size() <= kLongest ? safe_text(field) : safe_text(field.substr(0, kLongest)) + "…";
}

std::string shown(const std::vector<std::string>& names) {
    return shown(fmt::format("{}", fmt::join(names, ", ")));
}

Status check_header(const std::vector<std::string>& header, std::string_view name,
                    const ForeignLayout& layout) {
    std::set<std::string_view> seen;
    for (const std::string& column : header) {
        if (!seen.insert(column).second) {
            return FINEWATT_ERROR(kCorrupt,
                                  "{}: column '{}' is there twice; expected each name once. "
                                  "Remove one of the two",
                                  name, shown(column));
        }
    }
    for (const std::string_view column : layout.required) {
        if (seen.count(column) > 0) {
            continue;
        }
        const bool has_semicolons = header.size() == 1 && header[0].find(';') != std::string::npos;
        return FINEWATT_ERROR(
            kCorrupt, "{}: expected a column '{}' as {} writes it, found: {}{}", name, column,
            layout.tool, shown(header),
            has_semicolons ? ". The fields are separated by semicolons; save the file with commas"
                           : "");
    }
    return {};
}

}  // namespace

Result<ForeignTable> ForeignTable::parse(std::string_view text, std::string name,
                                         const ForeignLayout& layout) {
    CsvTable table;
    FINEWATT_TRY(for_each_csv_row(
        text, name, [&](std::size_t number, std::vector<std::string>&& fields) -> Status {
            if (number == 1) {
                table.header = std::move(fields);
                return check_header(table.header, name, layout);
            }
            if (fields.size() != table.header.size()) {
                return FINEWATT_ERROR(kCorrupt,
                                      "{}: row {}: expected {} fields as in the header, found {}; "
                                      "{}. Nothing was read; remove or mend that row",
                                      name, number, table.header.size(), fields.size(),
                                      layout.ragged_hint);
            }
            table.rows.push_back(std::move(fields));
            return {};
        }));
    if (table.header.empty()) {
        return FINEWATT_ERROR(kCorrupt,
                              "{}: expected a header as {} writes it, found an empty file", name,
                              layout.tool);
    }
    return ForeignTable(std::move(table), std::move(name));
}

bool ForeignTable::has_column(std::string_view column) const {
    return std::find(table_.header.begin(), table_.header.end(), column) != table_.header.end();
}

std::optional<std::string> ForeignTable::text(std::size_t row, std::string_view column) const {
    const auto found = std::find(table_.header.begin(), table_.header.end(), column);
    if (found == table_.header.end()) {
        return std::nullopt;
    }
    const std::string& field =
        table_.rows[row][static_cast<std::size_t>(found - table_.header.begin())];
    return field.empty() ? std::nullopt : std::optional<std::string>(field);
}

Result<std::optional<double>> ForeignTable::amount(std::size_t row, std::string_view column) const {
    const std::optional<std::string> field = text(row, column);
    if (!field || ascii_lower(*field) == "nan") {
        return std::optional<double>();
    }
    const std::optional<double> value = parse_number(*field);
    if (!value || *value < 0) {
        return error_in(row, fmt::format("expected a number of 0 or more in column '{}', found '{}'"
                                         "; mend or remove that row",
                                         column, shown(*field)));
    }
    return value;
}

Result<double> ForeignTable::needed_amount(std::size_t row, std::string_view column) const {
    FINEWATT_ASSIGN(const std::optional<double> value, amount(row, column));
    if (!value) {
        return error_in(row, fmt::format("expected a number in column '{}', found nothing; "
                                         "mend or remove that row",
                                         column));
    }
    return *value;
}

Error ForeignTable::error_in(std::size_t row, std::string_view message) const {
    return FINEWATT_ERROR(kCorrupt, "{}: row {}: {}", name_, row_number(row), message);
}

}  // namespace finewatt::exchange
