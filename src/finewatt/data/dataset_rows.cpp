#include "finewatt/data/dataset_rows_internal.h"
#include "finewatt/data/parquet_rows_internal.h"
#include "finewatt/data/text_file_internal.h"

#include <array>
#include <utility>

namespace finewatt {
namespace {

using RowReader = Result<std::vector<DataRow>> (*)(std::string_view, const ColumnChooser&);

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

Result<RowReader> find_reader(const std::string& extension) {
    for (const Format& format : kFormats) {
        if (format.extension == extension) {
            return format.read;
        }
    }
    return FINEWATT_ERROR(kInvalidArgument,
                          "expected a file name that ends in .tsv, .csv, .json or .jsonl (or these "
                          "with .gz) or in .parquet, found '{}'; rename or convert the file",
                          extension);
}

Result<std::vector<DataRow>> read_text_rows(const std::filesystem::path& file,
                                            const ColumnChooser& choose) {
    FINEWATT_ASSIGN(const RowReader read_rows, find_reader(data_extension(file)));
    FINEWATT_ASSIGN(const std::string text, read_text_file(file));
    return read_rows(text, choose);
}

bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
}

std::string_view cell_type(const DataCell& cell) {
    constexpr std::array<std::string_view, std::variant_size_v<DataCell>> kNames = {
        "nothing", "a string", "a number", "a list of strings", "a list of numbers"};
    return kNames.at(cell.index());
}

Error wrong_type(const DataRow& row, std::size_t cell, std::string_view name,
                 std::string_view expected) {
    return FINEWATT_ERROR(kCorrupt, "row {}: column '{}': expected {}, found {}", row.number, name,
                          expected, cell_type(row.cells[cell]));
}

Error empty_text(const DataRow& row, std::string_view name) {
    return FINEWATT_ERROR(kInvalidArgument,
                          "row {}: column '{}': expected a text, found an empty one; remove the "
                          "row or fill it in",
                          row.number, name);
}

/// A list with values of type Value; `Other` is the other type of lists.
template <class Value, class Other>
Result<std::vector<Value>> list_of(const DataRow& row, std::size_t cell, std::string_view name,
                                   std::string_view expected) {
    if (const auto* values = std::get_if<std::vector<Value>>(&row.cells[cell])) {
        return *values;
    }
    const auto* others = std::get_if<std::vector<Other>>(&row.cells[cell]);
    if (others != nullptr && others->empty()) {
        return std::vector<Value>();
    }
    return wrong_type(row, cell, name, expected);
}

}  // namespace

std::string data_extension(const std::filesystem::path& file) {
    const bool is_compressed = file.extension() == ".gz";
    return (is_compressed ? file.stem() : file).extension().string();
}

Result<std::vector<DataRow>> read_data_rows(const std::filesystem::path& file,
                                            const ColumnChooser& choose) {
    FINEWATT_ASSIGN(std::vector<DataRow> rows, file.extension() == ".parquet"
                                                   ? read_parquet_rows(file, choose)
                                                   : read_text_rows(file, choose));
    if (rows.empty()) {
        return FINEWATT_ERROR(kCorrupt, "expected rows of data, found none");
    }
    return rows;
}

Result<std::string> text_of(const DataRow& row, std::size_t cell, std::string_view name) {
    const auto* text = std::get_if<std::string>(&row.cells[cell]);
    if (text == nullptr) {
        return wrong_type(row, cell, name, "a string");
    }
    if (is_blank(*text)) {
        return empty_text(row, name);
    }
    return *text;
}

Result<std::string> label_of(const DataRow& row, std::size_t cell, std::string_view name) {
    if (const auto* number = std::get_if<std::int64_t>(&row.cells[cell])) {
        return std::to_string(*number);
    }
    const auto* text = std::get_if<std::string>(&row.cells[cell]);
    if (text == nullptr) {
        return wrong_type(row, cell, name, "a label (a string or a whole number)");
    }
    if (text->empty()) {
        return empty_text(row, name);
    }
    return *text;
}

Result<std::vector<std::string>> texts_of(const DataRow& row, std::size_t cell,
                                          std::string_view name) {
    return list_of<std::string, std::int64_t>(row, cell, name, "a list of strings");
}

Result<std::vector<std::int64_t>> integers_of(const DataRow& row, std::size_t cell,
                                              std::string_view name) {
    return list_of<std::int64_t, std::string>(row, cell, name, "a list of whole numbers");
}

}  // namespace finewatt
