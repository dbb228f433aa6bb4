// The module that writes power traces as Parquet, through Arrow C++. It is opened at run time
// (trace_parquet.cpp); data/parquet_module.cpp is its brother that reads.
#include "finewatt/trace_parquet_module.h"

#include <arrow/api.h>
#include <arrow/io/interfaces.h>
#include <arrow/util/compression.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>

namespace finewatt::app {
namespace {

/// Hands what Arrow writes to the program.
class SinkStream : public arrow::io::OutputStream {
  public:
    explicit SinkStream(TracePiece sink) : sink_(std::move(sink)) {}

    arrow::Status Close() override {
        is_closed_ = true;
        return {};
    }

    bool closed() const override { return is_closed_; }

    arrow::Result<std::int64_t> Tell() const override { return written_; }

    arrow::Status Write(const void* bytes, std::int64_t count) override {
        if (!sink_({static_cast<const char*>(bytes), static_cast<std::size_t>(count)})) {
            return arrow::Status::IOError("the output could not be written");
        }
        written_ += count;
        return {};
    }

    using arrow::io::OutputStream::Write;

  private:
    TracePiece sink_;
    std::int64_t written_ = 0;
    bool is_closed_ = false;
};

std::shared_ptr<arrow::Schema> trace_schema() {
    const auto text = [](const char* name) { return arrow::field(name, arrow::utf8(), false); };
    const auto number = [](const char* name) {
        return arrow::field(name, arrow::float64(), false);
    };
    return arrow::schema({text("run_id"), text("channel"), text("component"), text("provenance"),
                          number("t_s"), number("power_w")},
                         arrow::key_value_metadata({{"finewatt_traces", "1"}}));
}

std::shared_ptr<parquet::WriterProperties> trace_properties() {
    parquet::WriterProperties::Builder builder;
    // Times and powers seldom repeat.
    builder.disable_dictionary("t_s")->disable_dictionary("power_w");
    if (arrow::util::Codec::IsAvailable(arrow::Compression::ZSTD)) {
        builder.compression(arrow::Compression::ZSTD);
    }
    return builder.build();
}

/// Return a column that says the same in each row.
arrow::Result<std::shared_ptr<arrow::Array>> repeated(const std::string& text, std::int64_t count) {
    arrow::StringBuilder builder;
    ARROW_RETURN_NOT_OK(builder.Reserve(count));
    ARROW_RETURN_NOT_OK(builder.ReserveData(count * static_cast<std::int64_t>(text.size())));
    for (std::int64_t i = 0; i < count; ++i) {
        builder.UnsafeAppend(text);
    }
    return builder.Finish();
}

arrow::Result<std::shared_ptr<arrow::Array>> numbers(const double* first, std::int64_t count) {
    arrow::DoubleBuilder builder;
    ARROW_RETURN_NOT_OK(builder.AppendValues(first, count));
    return builder.Finish();
}

}  // namespace

struct TraceFile {
    std::shared_ptr<arrow::Schema> schema;
    std::unique_ptr<parquet::arrow::FileWriter> writer;
};

namespace {

arrow::Result<std::unique_ptr<TraceFile>> open_trace(const TracePiece& sink) {
    auto file = std::make_unique<TraceFile>();
    file->schema = trace_schema();
    // With its own schema in the metadata, the types come back as they are here.
    const auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
    ARROW_ASSIGN_OR_RAISE(
        file->writer, parquet::arrow::FileWriter::Open(*file->schema, arrow::default_memory_pool(),
                                                       std::make_shared<SinkStream>(sink),
                                                       trace_properties(), arrow_properties));
    return file;
}

/// Write a series, some rows at a time.
arrow::Status add_series(TraceFile& file, const std::string& run_id, const PowerSeries& series) {
    constexpr std::size_t kRows = 1 << 16;
    for (std::size_t begin = 0; begin < series.t_s.size(); begin += kRows) {
        const auto count = static_cast<std::int64_t>(std::min(kRows, series.t_s.size() - begin));
        arrow::ArrayVector columns;
        for (const std::string* text :
             {&run_id, &series.channel, &series.component, &series.provenance}) {
            ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), repeated(*text, count));
        }
        for (const std::vector<double>* column : {&series.t_s, &series.power_w}) {
            ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), numbers(column->data() + begin, count));
        }
        const auto batch = arrow::RecordBatch::Make(file.schema, count, std::move(columns));
        ARROW_RETURN_NOT_OK(file.writer->WriteRecordBatch(*batch));
    }
    return {};
}

/// Do it, and turn what went wrong into a failure.
template <class Action>
bool run(std::string& failure, const Action& action) {
    try {
        const arrow::Status status = action();
        failure = status.ok() ? std::string() : status.message();
        return status.ok();
    } catch (const std::exception& error) {
        failure = error.what();
        return false;
    }
}

}  // namespace
}  // namespace finewatt::app

using finewatt::PowerSeries;
using finewatt::app::TraceFile;
using finewatt::app::TracePiece;

extern "C" {

[[gnu::visibility("default")]] int finewatt_trace_version();
[[gnu::visibility("default")]] TraceFile* finewatt_trace_open(const TracePiece& sink,
                                                              std::string& failure);
[[gnu::visibility("default")]] bool finewatt_trace_add(TraceFile& file, const std::string& run_id,
                                                       const PowerSeries& series,
                                                       std::string& failure);
[[gnu::visibility("default")]] bool finewatt_trace_close(TraceFile& file, std::string& failure);
[[gnu::visibility("default")]] void finewatt_trace_drop(TraceFile* file);

int finewatt_trace_version() {
    return finewatt::app::kTraceModuleVersion;
}

TraceFile* finewatt_trace_open(const TracePiece& sink, std::string& failure) {
    std::unique_ptr<TraceFile> file;
    finewatt::app::run(failure, [&] {
        ARROW_ASSIGN_OR_RAISE(file, finewatt::app::open_trace(sink));
        return arrow::Status::OK();
    });
    return file.release();
}

bool finewatt_trace_add(TraceFile& file, const std::string& run_id, const PowerSeries& series,
                        std::string& failure) {
    return finewatt::app::run(failure,
                              [&] { return finewatt::app::add_series(file, run_id, series); });
}

bool finewatt_trace_close(TraceFile& file, std::string& failure) {
    return finewatt::app::run(failure, [&] { return file.writer->Close(); });
}

void finewatt_trace_drop(TraceFile* file) {
    delete file;
}

}  // extern "C"
