#include "finewatt/data/dataset.h"

#include "finewatt/data/dataset_rows_internal.h"
#include "finewatt/data/text_file_internal.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace finewatt {
namespace {

using RowReader = Result<std::vector<DataRow>> (*)(std::string_view, const ColumnNames&);

/// A file name's ending and the reader for it.
struct Format {
    std::string_view extension;
    RowReader read;
};

constexpr std::array<Format, 4> kFormats = {{
    {".tsv", read_tsv_rows},
    {".csv", read_csv_rows},
    {".json", read_json_rows},
    {".jsonl", read_jsonl_rows},
}};

/// Return the reader for a file's name, after a ".gz" has been taken off.
Result<RowReader> find_reader(const std::filesystem::path& plain_name) {
    const std::string extension = plain_name.extension().string();
    for (const Format& format : kFormats) {
        if (format.extension == extension) {
            return format.read;
        }
    }
    return FINEWATT_ERROR(kInvalidArgument,
                          "expected a file name that ends in .tsv, .csv, .json or .jsonl (or these "
                          "with .gz), found '{}'; rename or convert the file",
                          extension);
}

bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
}

Status check_not_empty(const DataRow& row, const ColumnNames& columns) {
    std::string_view empty_column;
    if (is_blank(row.text)) {
        empty_column = columns.text;
    } else if (row.pair && is_blank(*row.pair)) {
        empty_column = *columns.pair;
    } else if (row.label.empty()) {
        empty_column = columns.label;
    } else {
        return {};
    }
    return FINEWATT_ERROR(
        kInvalidArgument,
        "row {}: column '{}': expected a text, found an empty one; remove the row "
        "or fill it in",
        row.number, empty_column);
}

std::optional<std::int64_t> as_integer(std::string_view text) {
    std::int64_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

/// Return the different labels in order: numbers by value when all are numbers, else by their
/// text. For valid UTF-8 the order of bytes is that of code points, as in Python's sort.
/// Source: transformers, examples/pytorch/text-classification/run_glue.py (label_list.sort()).
std::vector<std::string> collect_label_names(const std::vector<DataRow>& rows) {
    std::set<std::string> names;
    for (const DataRow& row : rows) {
        names.insert(row.label);
    }
    std::vector<std::string> sorted(names.begin(), names.end());
    const bool are_numbers = std::all_of(sorted.begin(), sorted.end(), [](const std::string& name) {
        return as_integer(name).has_value();
    });
    if (are_numbers) {
        std::stable_sort(sorted.begin(), sorted.end(),
                         [](const std::string& a, const std::string& b) {
                             return *as_integer(a) < *as_integer(b);
                         });
    }
    return sorted;
}

Result<std::map<std::string, std::int32_t>> index_labels(const std::vector<std::string>& names) {
    std::map<std::string, std::int32_t> ids;
    for (const std::string& name : names) {
        if (!ids.emplace(name, static_cast<std::int32_t>(ids.size())).second) {
            return FINEWATT_ERROR(kInvalidArgument, "label names: '{}' is given twice", name);
        }
    }
    return ids;
}

/// Turn rows into examples whose labels are numbers.
Result<Dataset> label_rows(std::vector<DataRow>&& rows, std::vector<std::string> label_names) {
    FINEWATT_ASSIGN(const auto ids, index_labels(label_names));
    Dataset dataset;
    dataset.examples.reserve(rows.size());
    for (DataRow& row : rows) {
        const auto it = ids.find(row.label);
        if (it == ids.end()) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "row {}: label '{}' is not known; the labels are: {}", row.number,
                                  row.label, fmt::join(label_names, ", "));
        }
        dataset.examples.push_back({std::move(row.text), std::move(row.pair), it->second});
    }
    dataset.label_names = std::move(label_names);
    return dataset;
}

Result<Dataset> read_data(const std::filesystem::path& file, const ColumnNames& columns,
                          const std::optional<std::vector<std::string>>& label_names) {
    const bool is_compressed = file.extension() == ".gz";
    FINEWATT_ASSIGN(const RowReader read_rows, find_reader(is_compressed ? file.stem() : file));
    FINEWATT_ASSIGN(const std::string text, read_text_file(file));
    FINEWATT_ASSIGN(std::vector<DataRow> rows, read_rows(text, columns));
    if (rows.empty()) {
        return FINEWATT_ERROR(kCorrupt, "expected rows of data, found none");
    }
    for (const DataRow& row : rows) {
        FINEWATT_TRY(check_not_empty(row, columns));
    }
    if (label_names) {
        return label_rows(std::move(rows), *label_names);
    }
    std::vector<std::string> collected = collect_label_names(rows);
    if (collected.size() < 2) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "column '{}': expected at least two classes, found only '{}'; check "
                              "that it is the label column",
                              columns.label, collected.front());
    }
    return label_rows(std::move(rows), std::move(collected));
}

}  // namespace

Result<Dataset> read_classification_data(
    const std::filesystem::path& file, const ColumnNames& columns,
    const std::optional<std::vector<std::string>>& label_names) {
    Result<Dataset> dataset = read_data(file, columns, label_names);
    if (!dataset) {
        return Error(std::move(dataset).error()).with_context(file.string());
    }
    return dataset;
}

}  // namespace finewatt
