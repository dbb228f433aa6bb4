// What the program and the module that writes traces as Parquet say to each other. The module
// (trace_parquet_module.cpp) is a shared library of its own, since it alone needs Arrow;
// trace_parquet.cpp opens it at run time.
//
// Both are built together with one compiler, so C++ types may cross; the version keeps a module of
// another build out.
#pragma once

#include "finewatt/record/run.h"

#include <functional>
#include <string>
#include <string_view>

namespace finewatt::app {

/// Changes with this header and with PowerSeries.
inline constexpr int kTraceModuleVersion = 1;
inline constexpr const char* kTraceModuleName = "libfinewatt_trace_parquet.so";

/// Takes a piece of the file; false when it could not be written.
using TracePiece = std::function<bool(std::string_view bytes)>;

/// A file that is being written; the module's own.
struct TraceFile;

// Each returns false (or null) and fills `failure` where it cannot. They throw nothing. close()
// writes the end of the file; drop() frees it, in either case.
using TraceVersionFunction = int (*)();
using TraceOpenFunction = TraceFile* (*)(const TracePiece& sink, std::string& failure);
using TraceAddFunction = bool (*)(TraceFile& file, const std::string& run_id,
                                  const PowerSeries& series, std::string& failure);
using TraceCloseFunction = bool (*)(TraceFile& file, std::string& failure);
using TraceDropFunction = void (*)(TraceFile* file);

}  // namespace finewatt::app
