// What the program and the Parquet module say to each other. The module (parquet_module.cpp) is a
// shared library of its own, since it alone needs Arrow; parquet_rows.cpp opens it at run time.
//
// Both are built together with one compiler, so C++ types may cross; the version keeps a module of
// another build out.
#pragma once

#include "finewatt/base/error.h"
#include "finewatt/data/dataset_rows_internal.h"

#include <string>
#include <vector>

namespace finewatt {

/// Changes with this header and with DataRow.
inline constexpr int kParquetModuleVersion = 1;
inline constexpr const char* kParquetModuleName = "libfinewatt_parquet.so";

/// Why the module did not do it.
struct ParquetFailure {
    ErrorCode code = ErrorCode::kInternal;
    std::string message;
};

/// A file's columns, those inside a struct as "a.b" too, and the text that Hugging Face's datasets
/// leaves in the file's metadata about them (empty: none).
struct ParquetColumns {
    std::vector<std::string> names;
    std::string huggingface;
};

/// Each returns false and fills `failure` where it cannot. They throw nothing.
using ParquetVersionFunction = int (*)();
using ParquetColumnsFunction = bool (*)(const std::string& file, ParquetColumns& columns,
                                        ParquetFailure& failure);
using ParquetRowsFunction = bool (*)(const std::string& file, const std::vector<std::string>& names,
                                     std::vector<DataRow>& rows, ParquetFailure& failure);

}  // namespace finewatt
