#include "finewatt/base/dyn_lib.h"
#include "finewatt/base/utf8.h"
#include "finewatt/data/parquet_module_internal.h"
#include "finewatt/data/parquet_rows_internal.h"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <utility>

namespace finewatt {
namespace {

using nlohmann::json;

constexpr const char* kModuleVariable = "FINEWATT_PARQUET_MODULE";

/// Where the module may be: where the user says, beside the program (a build folder), or in
/// ../lib/finewatt (an installation).
std::vector<std::filesystem::path> module_places() {
    const char* named = std::getenv(kModuleVariable);  // NOLINT(concurrency-mt-unsafe): only read
    if (named != nullptr) {
        return {named};
    }
    std::error_code error;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
    const auto folder = program.parent_path();
    return {folder / kParquetModuleName,
            folder.parent_path() / "lib" / "finewatt" / kParquetModuleName};
}

/// The opened module.
struct ParquetModule {
    DynLib library;
    ParquetColumnsFunction read_columns = nullptr;
    ParquetRowsFunction read_rows = nullptr;
};

Result<DynLib> open_library() {
    const std::vector<std::filesystem::path> places = module_places();
    for (const std::filesystem::path& place : places) {
        std::error_code error;
        if (!std::filesystem::is_regular_file(place, error)) {
            continue;
        }
        Result<DynLib> library = DynLib::open(place.string());
        if (!library) {
            return FINEWATT_ERROR(
                kUnsupported,
                "reading Parquet: {}; its Arrow comes from the pyarrow wheel: run "
                "scripts/setup and build again, or convert the file to .jsonl",
                library.error().describe());
        }
        return library;
    }
    return FINEWATT_ERROR(kUnsupported,
                          "reading Parquet: expected the module {}, found none; run scripts/setup "
                          "and build with the preset release (it needs the pyarrow wheel), name "
                          "the module in {}, or convert the file to .jsonl",
                          places.front().string(), kModuleVariable);
}

Result<ParquetModule> open_module() {
    FINEWATT_ASSIGN(DynLib library, open_library());
    const auto version = library.symbol<ParquetVersionFunction>("finewatt_parquet_version");
    const auto columns = library.symbol<ParquetColumnsFunction>("finewatt_parquet_columns");
    const auto rows = library.symbol<ParquetRowsFunction>("finewatt_parquet_rows");
    if (version == nullptr || columns == nullptr || rows == nullptr ||
        version() != kParquetModuleVersion) {
        return FINEWATT_ERROR(kUnsupported,
                              "reading Parquet: expected a {} of version {}, found another one; "
                              "build the program and the module together",
                              kParquetModuleName, kParquetModuleVersion);
    }
    return ParquetModule{std::move(library), columns, rows};
}

/// Return the class names of a column in the metadata of Hugging Face's datasets: {"info":
/// {"features": {column: {"_type": "ClassLabel", "names": [...]}}}}; of a list's items, {"feature":
/// {...}} or [{...}] around it. Empty where it has none. Source: datasets 4, features.py.
std::vector<std::string> class_names(const json& metadata, const std::string& column) {
    const auto pointer =
        json::json_pointer("/info/features") / column;  // a column with a dot has no class
    if (!metadata.contains(pointer)) {
        return {};
    }
    json feature = metadata[pointer];
    if (feature.is_array() && feature.size() == 1) {
        feature = json(feature[0]);
    } else if (feature.is_object() && feature.contains("feature")) {
        feature = json(feature["feature"]);
    }
    std::vector<std::string> names;
    if (feature.is_object() && feature.value("_type", json()) == "ClassLabel" &&
        feature.value("names", json()).is_array()) {
        for (const json& name : feature["names"]) {
            names.push_back(name.is_string() ? name.get<std::string>() : name.dump());
        }
    }
    return names;
}

/// The name of a class number. -1 stands for "no label" in such files, and gives "".
Result<std::string> class_name(const std::vector<std::string>& names, std::int64_t number) {
    if (number == -1) {
        return std::string();
    }
    if (number < 0 || static_cast<std::size_t>(number) >= names.size()) {
        return FINEWATT_ERROR(kCorrupt,
                              "expected a class number below {} (or -1 for none), found {}",
                              names.size(), number);
    }
    return names[static_cast<std::size_t>(number)];
}

/// Put class names in the place of class numbers.
Status name_classes(const std::vector<std::string>& names, DataCell& cell) {
    if (const auto* number = std::get_if<std::int64_t>(&cell)) {
        FINEWATT_ASSIGN(std::string name, class_name(names, *number));
        if (name.empty()) {
            cell = std::monostate();
        } else {
            cell = std::move(name);
        }
    } else if (const auto* numbers = std::get_if<std::vector<std::int64_t>>(&cell)) {
        std::vector<std::string> texts;
        for (const std::int64_t item : *numbers) {
            FINEWATT_ASSIGN(std::string name, class_name(names, item));
            texts.push_back(std::move(name));
        }
        cell = std::move(texts);
    }
    return {};
}

Error failure_error(ParquetFailure&& failure) {
    return Error(failure.code,
                 failure.code == ErrorCode::kCorrupt
                     ? "expected a whole Parquet file, found: " + std::move(failure.message)
                     : std::move(failure.message));
}

Status name_all_classes(const std::vector<std::string>& columns, const json& metadata,
                        std::vector<DataRow>& rows) {
    for (std::size_t cell = 0; cell < columns.size(); ++cell) {
        const std::vector<std::string> names = class_names(metadata, columns[cell]);
        if (names.empty()) {
            continue;
        }
        for (DataRow& row : rows) {
            FINEWATT_TRY_CONTEXT(name_classes(names, row.cells[cell]), "row {}: column '{}'",
                                 row.number, columns[cell]);
        }
    }
    return {};
}

}  // namespace

Result<std::vector<DataRow>> read_parquet_rows(const std::filesystem::path& file,
                                               const ColumnChooser& choose) {
    std::error_code error;
    if (!std::filesystem::exists(file, error)) {
        return FINEWATT_ERROR(kNotFound, "expected a Parquet file, found none");
    }
    FINEWATT_ASSIGN(const ParquetModule module, open_module());
    ParquetColumns columns;
    ParquetFailure failure;
    if (!module.read_columns(file.string(), columns, failure)) {
        return failure_error(std::move(failure));
    }
    FINEWATT_ASSIGN(const std::vector<std::string> chosen, choose(columns.names));
    std::vector<DataRow> rows;
    if (!module.read_rows(file.string(), chosen, rows, failure)) {
        return failure_error(std::move(failure));
    }
    const json metadata = json::parse(columns.huggingface, nullptr, false);
    if (metadata.is_object()) {
        FINEWATT_TRY(name_all_classes(chosen, metadata, rows));
    }
    return rows;
}

}  // namespace finewatt
