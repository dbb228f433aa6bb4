// Rows of a Parquet file, in the cells that the readers of JSON and tables give.
//
// Arrow is not linked: a module of its own (parquet_module.cpp) is opened at run time, so the
// program works without it, and then only cannot read Parquet.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/dataset_rows_internal.h"

#include <filesystem>
#include <vector>

namespace finewatt {

/// Read the chosen columns: strings, whole numbers (true and false are 1 and 0) and lists of them;
/// dictionary-encoded or not, in any compression that Arrow knows. A struct's field is offered as
/// `a.b`. Nulls are empty cells. Numbers that the file's "huggingface" metadata calls classes come
/// as the names of the classes, -1 as an empty cell. Rows are numbered from 1.
///
/// Errors: not found; unsupported, with what to do, where the module is missing or another one;
/// invalid argument for a column of another type; corrupt for what is not a whole Parquet file, a
/// list with nulls in it, text that is not UTF-8, or a number without a class. They do not name
/// the file.
Result<std::vector<DataRow>> read_parquet_rows(const std::filesystem::path& file,
                                               const ColumnChooser& choose);

}  // namespace finewatt
