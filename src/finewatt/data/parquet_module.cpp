// The Parquet module: rows of a Parquet file through Arrow C++. It is opened at run time
// (parquet_rows.cpp), and is the only file that knows Arrow.
#include "finewatt/data/parquet_module_internal.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/schema.h>

#include <algorithm>
#include <exception>
#include <limits>
#include <memory>
#include <utility>

namespace finewatt {
namespace {

using parquet::arrow::FileReader;

arrow::Result<std::unique_ptr<FileReader>> open_file(const std::string& file) {
    ARROW_ASSIGN_OR_RAISE(auto input, arrow::io::ReadableFile::Open(file));
    parquet::arrow::FileReaderBuilder builder;
    ARROW_RETURN_NOT_OK(builder.Open(std::move(input)));
    std::unique_ptr<FileReader> reader;
    ARROW_RETURN_NOT_OK(builder.Build(&reader));
    reader->set_use_threads(false);
    return reader;
}

// Value `i` of an array as a cell, or an error that says what is wrong with its type.
arrow::Status read_value(const arrow::Array& array, std::int64_t i, DataCell& cell);

template <class ArrayType>
arrow::Status read_text(const arrow::Array& array, std::int64_t i, DataCell& cell) {
    cell = std::string(static_cast<const ArrayType&>(array).GetView(i));
    return {};
}

template <class ArrayType>
arrow::Status read_integer(const arrow::Array& array, std::int64_t i, DataCell& cell) {
    const auto value = static_cast<const ArrayType&>(array).Value(i);
    if constexpr (std::is_same_v<ArrayType, arrow::UInt64Array>) {
        if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
            return arrow::Status::Invalid("expected a whole number below 2^63, found ", value);
        }
    }
    cell = static_cast<std::int64_t>(value);
    return {};
}

/// Move an item of a list to the list's end.
template <class Value>
arrow::Status append(DataCell&& item, std::vector<Value>& values) {
    Value* const value = std::get_if<Value>(&item);
    if (value == nullptr) {
        return arrow::Status::Invalid("expected a list without nulls or lists in it");
    }
    values.push_back(std::move(*value));
    return {};
}

bool holds_text(const arrow::DataType& type) {
    if (type.id() == arrow::Type::DICTIONARY) {
        return holds_text(*static_cast<const arrow::DictionaryType&>(type).value_type());
    }
    return arrow::is_base_binary_like(type.id()) || arrow::is_binary_view_like(type.id());
}

template <class Value>
arrow::Status read_items(const arrow::Array& items, std::int64_t begin, std::int64_t count,
                         DataCell& cell) {
    std::vector<Value> values;
    values.reserve(static_cast<std::size_t>(count));
    for (std::int64_t i = begin; i < begin + count; ++i) {
        DataCell item;
        ARROW_RETURN_NOT_OK(read_value(items, i, item));
        ARROW_RETURN_NOT_OK(append(std::move(item), values));
    }
    cell = std::move(values);
    return {};
}

template <class ArrayType>
arrow::Status read_list(const arrow::Array& array, std::int64_t i, DataCell& cell) {
    const auto& list = static_cast<const ArrayType&>(array);
    const std::int64_t begin = list.value_offset(i);
    const std::int64_t count = list.value_length(i);
    return holds_text(*list.value_type())
               ? read_items<std::string>(*list.values(), begin, count, cell)
               : read_items<std::int64_t>(*list.values(), begin, count, cell);
}

arrow::Status read_value(const arrow::Array& array, std::int64_t i, DataCell& cell) {
    if (array.IsNull(i)) {
        cell = std::monostate();
        return {};
    }
    switch (array.type_id()) {
        case arrow::Type::STRING:
        case arrow::Type::BINARY:
            return read_text<arrow::BinaryArray>(array, i, cell);
        case arrow::Type::LARGE_STRING:
        case arrow::Type::LARGE_BINARY:
            return read_text<arrow::LargeBinaryArray>(array, i, cell);
        case arrow::Type::STRING_VIEW:
        case arrow::Type::BINARY_VIEW:
            return read_text<arrow::BinaryViewArray>(array, i, cell);
        case arrow::Type::DICTIONARY: {
            const auto& coded = static_cast<const arrow::DictionaryArray&>(array);
            return read_value(*coded.dictionary(), coded.GetValueIndex(i), cell);
        }
        case arrow::Type::BOOL:
            return read_integer<arrow::BooleanArray>(array, i, cell);
        case arrow::Type::INT8:
            return read_integer<arrow::Int8Array>(array, i, cell);
        case arrow::Type::INT16:
            return read_integer<arrow::Int16Array>(array, i, cell);
        case arrow::Type::INT32:
            return read_integer<arrow::Int32Array>(array, i, cell);
        case arrow::Type::INT64:
            return read_integer<arrow::Int64Array>(array, i, cell);
        case arrow::Type::UINT8:
            return read_integer<arrow::UInt8Array>(array, i, cell);
        case arrow::Type::UINT16:
            return read_integer<arrow::UInt16Array>(array, i, cell);
        case arrow::Type::UINT32:
            return read_integer<arrow::UInt32Array>(array, i, cell);
        case arrow::Type::UINT64:
            return read_integer<arrow::UInt64Array>(array, i, cell);
        case arrow::Type::LIST:
            return read_list<arrow::ListArray>(array, i, cell);
        case arrow::Type::LARGE_LIST:
            return read_list<arrow::LargeListArray>(array, i, cell);
        case arrow::Type::FIXED_SIZE_LIST:
            return read_list<arrow::FixedSizeListArray>(array, i, cell);
        default:
            return arrow::Status::TypeError(
                "expected strings, whole numbers or lists of them, found ",
                array.type()->ToString());
    }
}

/// Return the column of a name, one inside a struct by "a.b".
arrow::Result<std::shared_ptr<arrow::ChunkedArray>> find_column(const arrow::Table& table,
                                                                const std::string& name) {
    if (auto column = table.GetColumnByName(name)) {
        return column;
    }
    const std::size_t dot = name.find('.');
    const auto outer = table.GetColumnByName(name.substr(0, dot));
    if (dot == std::string::npos || !outer || outer->type()->id() != arrow::Type::STRUCT) {
        return arrow::Status::KeyError("expected a column of this name, found none");
    }
    const auto& type = static_cast<const arrow::StructType&>(*outer->type());
    const int field = type.GetFieldIndex(name.substr(dot + 1));
    if (field < 0) {
        return arrow::Status::KeyError("expected a field of this name, found none");
    }
    arrow::ArrayVector chunks;
    for (const auto& chunk : outer->chunks()) {
        // Flattened: null where the struct is null.
        ARROW_ASSIGN_OR_RAISE(
            auto values, static_cast<const arrow::StructArray&>(*chunk).GetFlattenedField(field));
        chunks.push_back(std::move(values));
    }
    return arrow::ChunkedArray::Make(std::move(chunks), type.field(field)->type());
}

/// Parquet numbers the leaves of nested columns; return those that a chosen column holds.
std::vector<int> leaves_of(const parquet::SchemaDescriptor& schema,
                           const std::vector<std::string>& names) {
    std::vector<int> leaves;
    for (int i = 0; i < schema.num_columns(); ++i) {
        const std::string path = schema.Column(i)->path()->ToDotString();
        const bool is_chosen =
            std::any_of(names.begin(), names.end(), [&](const std::string& name) {
                return path == name || path.rfind(name + ".", 0) == 0;
            });
        if (is_chosen) {
            leaves.push_back(i);
        }
    }
    return leaves;
}

arrow::Status fill_column(const arrow::ChunkedArray& column, std::size_t cell,
                          std::vector<DataRow>& rows) {
    std::size_t row = 0;
    for (const auto& chunk : column.chunks()) {
        // What a broken file could make unsafe: offsets beyond the values, strings not in UTF-8.
        ARROW_RETURN_NOT_OK(chunk->ValidateFull());
        for (std::int64_t i = 0; i < chunk->length(); ++i, ++row) {
            const arrow::Status status = read_value(*chunk, i, rows[row].cells[cell]);
            if (!status.ok()) {
                return status.WithMessage("row ", row + 1, ": ", status.message());
            }
        }
    }
    return {};
}

arrow::Status read_columns(const std::string& file, ParquetColumns& columns) {
    ARROW_ASSIGN_OR_RAISE(const auto reader, open_file(file));
    std::shared_ptr<arrow::Schema> schema;
    ARROW_RETURN_NOT_OK(reader->GetSchema(&schema));
    for (const auto& field : schema->fields()) {
        columns.names.push_back(field->name());
        if (field->type()->id() == arrow::Type::STRUCT) {
            for (const auto& inner : field->type()->fields()) {
                columns.names.push_back(field->name() + "." + inner->name());
            }
        }
    }
    if (const auto& metadata = schema->metadata()) {
        const int index = metadata->FindKey("huggingface");
        columns.huggingface = index < 0 ? std::string() : metadata->value(index);
    }
    return {};
}

arrow::Status read_rows(const std::string& file, const std::vector<std::string>& names,
                        std::vector<DataRow>& rows) {
    ARROW_ASSIGN_OR_RAISE(const auto reader, open_file(file));
    const auto& schema = *reader->parquet_reader()->metadata()->schema();
    ARROW_ASSIGN_OR_RAISE(const auto table, reader->ReadTable(leaves_of(schema, names)));
    rows.resize(static_cast<std::size_t>(table->num_rows()));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        rows[i].number = i + 1;
        rows[i].cells.resize(names.size());
    }
    for (std::size_t cell = 0; cell < names.size(); ++cell) {
        auto column = find_column(*table, names[cell]);
        const arrow::Status status =
            column.ok() ? fill_column(**column, cell, rows) : column.status();
        if (!status.ok()) {
            return status.WithMessage("column '", names[cell], "': ", status.message());
        }
    }
    return {};
}

/// Do it, and turn what went wrong into a failure.
template <class Action>
bool run(ParquetFailure& failure, const Action& action) {
    try {
        const arrow::Status status = action();
        if (status.ok()) {
            return true;
        }
        const bool is_choice = status.IsTypeError() || status.IsKeyError();
        failure = {is_choice ? ErrorCode::kInvalidArgument : ErrorCode::kCorrupt, status.message()};
    } catch (const std::exception& error) {
        failure = {ErrorCode::kCorrupt, error.what()};
    }
    return false;
}

}  // namespace
}  // namespace finewatt

extern "C" {

[[gnu::visibility("default")]] int finewatt_parquet_version();
[[gnu::visibility("default")]] bool finewatt_parquet_columns(const std::string& file,
                                                             finewatt::ParquetColumns& columns,
                                                             finewatt::ParquetFailure& failure);
[[gnu::visibility("default")]] bool finewatt_parquet_rows(const std::string& file,
                                                          const std::vector<std::string>& names,
                                                          std::vector<finewatt::DataRow>& rows,
                                                          finewatt::ParquetFailure& failure);

int finewatt_parquet_version() {
    return finewatt::kParquetModuleVersion;
}

bool finewatt_parquet_columns(const std::string& file, finewatt::ParquetColumns& columns,
                              finewatt::ParquetFailure& failure) {
    return finewatt::run(failure, [&] { return finewatt::read_columns(file, columns); });
}

bool finewatt_parquet_rows(const std::string& file, const std::vector<std::string>& names,
                           std::vector<finewatt::DataRow>& rows,
                           finewatt::ParquetFailure& failure) {
    return finewatt::run(failure, [&] { return finewatt::read_rows(file, names, rows); });
}

}  // extern "C"
