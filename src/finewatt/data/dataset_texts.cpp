#include "finewatt/data/dataset_rows_internal.h"
#include "finewatt/data/dataset_texts_internal.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace finewatt {
namespace {

using Names = std::vector<std::string>;

/// The columns that were chosen, and where their cells are.
struct ChosenColumns {
    ColumnNames names;
    bool has_label = false;
};

bool has(const Names& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool has_texts(const Names& names, const ColumnNames& columns) {
    return has(names, columns.text) && (!columns.pair || has(names, *columns.pair));
}

Error missing_column(const Names& names, const ColumnNames& columns) {
    std::string_view missing = columns.label;
    if (!has(names, columns.text)) {
        missing = columns.text;
    } else if (columns.pair && !has(names, *columns.pair)) {
        missing = *columns.pair;
    }
    return FINEWATT_ERROR(kInvalidArgument,
                          "header: expected a column '{}', found none; the columns are: {}; name "
                          "the right one with --text-column, --text-pair-column or --label-column",
                          missing, fmt::join(names, ", "));
}

Result<ChosenColumns> choose(const Names& names, const DatasetOptions& options) {
    for (const ColumnNames& columns : options.columns) {
        if (has_texts(names, columns) && has(names, columns.label)) {
            return ChosenColumns{columns, true};
        }
    }
    for (const ColumnNames& columns : options.columns) {
        if (options.label_rule == LabelRule::kOptional && has_texts(names, columns)) {
            return ChosenColumns{columns, false};
        }
    }
    return missing_column(names, options.columns.front());
}

bool is_absent(const DataCell& cell) {
    const auto* text = std::get_if<std::string>(&cell);
    return std::holds_alternative<std::monostate>(cell) || (text != nullptr && text->empty());
}

Result<LabelledText> take_row(const DataRow& row, const ChosenColumns& columns, LabelRule rule) {
    LabelledText taken;
    taken.place = fmt::format("row {}", row.number);
    std::size_t cell = 0;
    FINEWATT_ASSIGN(taken.text, text_of(row, cell++, columns.names.text));
    if (columns.names.pair) {
        FINEWATT_ASSIGN(taken.pair, text_of(row, cell++, *columns.names.pair));
    }
    if (columns.has_label && !(rule == LabelRule::kOptional && is_absent(row.cells[cell]))) {
        FINEWATT_ASSIGN(taken.label, label_of(row, cell, columns.names.label));
    }
    return taken;
}

}  // namespace

Result<std::vector<LabelledText>> read_table_texts(const std::filesystem::path& file,
                                                   const DatasetOptions& options) {
    ChosenColumns columns;
    FINEWATT_ASSIGN(const std::vector<DataRow> rows,
                    read_data_rows(file, [&](const Names& names) -> Result<Names> {
                        FINEWATT_ASSIGN(columns, choose(names, options));
                        Names wanted = {columns.names.text};
                        if (columns.names.pair) {
                            wanted.push_back(*columns.names.pair);
                        }
                        if (columns.has_label) {
                            wanted.push_back(columns.names.label);
                        }
                        return wanted;
                    }));
    std::vector<LabelledText> texts;
    texts.reserve(rows.size());
    for (const DataRow& row : rows) {
        FINEWATT_ASSIGN(LabelledText taken, take_row(row, columns, options.label_rule));
        texts.push_back(std::move(taken));
    }
    return texts;
}

}  // namespace finewatt
