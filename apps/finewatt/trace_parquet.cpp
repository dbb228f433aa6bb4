#include "finewatt/trace_parquet.h"

#include <filesystem>
#include <utility>

namespace finewatt::app {
namespace {

/// Beside the program (a build folder), or in ../lib/finewatt (an installation).
std::filesystem::path module_path() {
    std::error_code error;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
    const auto beside = program.parent_path() / kTraceModuleName;
    if (std::filesystem::is_regular_file(beside, error)) {
        return beside;
    }
    return program.parent_path().parent_path() / "lib" / "finewatt" / kTraceModuleName;
}

}  // namespace

Result<TraceParquetWriter::Module> TraceParquetWriter::open_module() {
    const std::filesystem::path path = module_path();
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error)) {
        return FINEWATT_ERROR(kUnsupported,
                              "writing Parquet: expected the module {} beside the program or in "
                              "../lib/finewatt, found none; run scripts/setup and build with the "
                              "preset release (it needs the pyarrow wheel), or use --format json",
                              kTraceModuleName);
    }
    Result<DynLib> library = DynLib::open(path.string());
    if (!library) {
        return FINEWATT_ERROR(kUnsupported,
                              "writing Parquet: {}; its Arrow comes from the pyarrow wheel: run "
                              "scripts/setup and build again, or use --format json",
                              library.error().describe());
    }
    const auto version = library->symbol<TraceVersionFunction>("finewatt_trace_version");
    const auto open = library->symbol<TraceOpenFunction>("finewatt_trace_open");
    const auto add = library->symbol<TraceAddFunction>("finewatt_trace_add");
    const auto close = library->symbol<TraceCloseFunction>("finewatt_trace_close");
    const auto drop = library->symbol<TraceDropFunction>("finewatt_trace_drop");
    const bool is_whole = version != nullptr && open != nullptr && add != nullptr &&
                          close != nullptr && drop != nullptr;
    if (!is_whole || version() != kTraceModuleVersion) {
        return FINEWATT_ERROR(kUnsupported,
                              "writing Parquet: expected a {} of version {}, found another one; "
                              "build the program and the module together",
                              kTraceModuleName, kTraceModuleVersion);
    }
    return Module{*std::move(library), open, add, close, drop};
}

Result<TraceParquetWriter> TraceParquetWriter::open(const TracePiece& sink) {
    FINEWATT_ASSIGN(Module module, open_module());
    std::string failure;
    TraceFile* const file = module.open(sink, failure);
    if (file == nullptr) {
        return FINEWATT_ERROR(kInternal, "writing Parquet: {}", failure);
    }
    return TraceParquetWriter(std::move(module), file);
}

TraceParquetWriter::TraceParquetWriter(Module module, TraceFile* file)
    : module_(std::move(module)),
      file_(file, module_.drop) {}

Status TraceParquetWriter::add(const std::string& run_id, const PowerSeries& series) {
    if (series.t_s.size() != series.power_w.size()) {
        return FINEWATT_ERROR(kInternal,
                              "writing Parquet: run {}: channel {}: expected as many times as "
                              "powers, found {} and {}",
                              run_id, series.channel, series.t_s.size(), series.power_w.size());
    }
    std::string failure;
    if (!module_.add(*file_, run_id, series, failure)) {
        return FINEWATT_ERROR(kIo, "writing Parquet: run {}: {}", run_id, failure);
    }
    return {};
}

Status TraceParquetWriter::finish() {
    std::string failure;
    if (!module_.close(*file_, failure)) {
        return FINEWATT_ERROR(kIo, "writing Parquet: {}", failure);
    }
    return {};
}

}  // namespace finewatt::app
