// Power traces of runs as one Parquet file, a row a sample: run_id, channel, component, provenance,
// t_s, power_w. For pandas, DuckDB and the like; records do not fit in and are exported as JSON.
//
// Main type: TraceParquetWriter. It needs the module libfinewatt_trace_parquet.so, which is built
// where Arrow is (cmake/FinewattArrow.cmake).
#pragma once

#include "finewatt/base/dyn_lib.h"
#include "finewatt/base/result.h"
#include "finewatt/record/run.h"
#include "finewatt/trace_parquet_module.h"

#include <memory>
#include <string>

namespace finewatt::app {

/// Writes one file. Call add() for each run, then finish().
class TraceParquetWriter {
  public:
    /// Begin a file whose bytes go to `sink`. Error: unsupported where there is no module.
    static Result<TraceParquetWriter> open(const TracePiece& sink);

    /// Write a run's samples; a series whose columns differ in length is an internal error. Errors:
    /// io from the sink.
    Status add(const std::string& run_id, const PowerSeries& series);

    /// Write the end of the file.
    Status finish();

  private:
    struct Module {
        DynLib library;
        TraceOpenFunction open = nullptr;
        TraceAddFunction add = nullptr;
        TraceCloseFunction close = nullptr;
        TraceDropFunction drop = nullptr;
    };

    static Result<Module> open_module();

    TraceParquetWriter(Module module, TraceFile* file);

    Module module_;
    std::unique_ptr<TraceFile, TraceDropFunction> file_;
};

}  // namespace finewatt::app
