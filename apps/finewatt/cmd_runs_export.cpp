// finewatt runs export: runs as files, finewatt's own without loss and those of other tools.

#include "finewatt/exchange/formats.h"
#include "finewatt/export_output.h"
#include "finewatt/run_export_file.h"
#include "finewatt/runs_common.h"
#include "finewatt/trace_parquet.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <utility>

namespace finewatt::app {
namespace {

constexpr std::string_view kJson = "json";
constexpr std::string_view kParquet = "parquet";

struct ExportOptions {
    std::vector<std::string> keys;
    RunFilterOptions filter;
    bool is_all = false;
    std::string out;
    std::string format{kJson};
    bool is_append = false;
};

/// What `--format` takes, with what the help page says of it: the own formats, then those of other
/// tools (exchange/formats.h).
std::vector<std::pair<std::string, std::string>> known_formats() {
    std::vector<std::pair<std::string, std::string>> formats{
        {std::string(kJson),
         "whole runs with their samples, without loss; `finewatt runs import` reads it"},
        {std::string(kParquet), "the samples alone, a row each; needs the Parquet module"}};
    for (const Format& format : exchange_formats()) {
        if (format.can_write) {
            formats.emplace_back(format.name, format.description);
        }
    }
    return formats;
}

/// Writes chosen runs in one format.
class Exporter {
  public:
    Exporter(Store& store, const ExportOptions& options, std::vector<std::string> ids)
        : store_(store),
          options_(options),
          ids_(std::move(ids)) {}

    Status run() {
        if (options_.format == kJson) {
            return run_json();
        }
        return options_.format == kParquet ? run_parquet() : run_foreign();
    }

    /// The exit status for the error that run() returned: an output that cannot be written is no
    /// failure of the store.
    int exit_status_of(const Error& error) const {
        return is_output_error_ ? kBadInput : ledger_exit_status(error);
    }

  private:
    /// Pass on what an output said, and remember that it was the output.
    template <class R>
    R from_output(R result) {
        is_output_error_ = is_output_error_ || !result.has_value();
        return result;
    }

    Status run_json() {
        FINEWATT_ASSIGN(ExportOutput output, from_output(ExportOutput::open(options_.out)));
        RunExportWriter writer(FINEWATT_VERSION, [&](std::string_view text) {
            return from_output(output.write(text));
        });
        for (const std::string& id : ids_) {
            FINEWATT_ASSIGN(const RunRecord run, store_.get(id));
            FINEWATT_ASSIGN(const std::vector<PowerSeries> series, store_.power_series(id));
            FINEWATT_TRY(writer.add(run, series));
        }
        FINEWATT_TRY(writer.finish());
        return from_output(output.finish());
    }

    Status run_parquet() {
        FINEWATT_ASSIGN(ExportOutput output, from_output(ExportOutput::open(options_.out)));
        Status written;
        const TracePiece sink = [&](std::string_view bytes) {
            written = output.write(bytes);
            return written.has_value();
        };
        FINEWATT_ASSIGN(TraceParquetWriter writer, from_output(TraceParquetWriter::open(sink)));
        for (const std::string& id : ids_) {
            FINEWATT_ASSIGN(const std::vector<PowerSeries> series, store_.power_series(id));
            for (const PowerSeries& one : series) {
                const Status added = from_output(writer.add(id, one));
                // The output's own words say more than Arrow's.
                FINEWATT_TRY(written);
                FINEWATT_TRY(added);
            }
        }
        const Status finished = from_output(writer.finish());
        FINEWATT_TRY(written);
        FINEWATT_TRY(finished);
        return from_output(output.finish());
    }

    Status run_foreign() {
        FINEWATT_ASSIGN(const std::vector<RunRecord> runs, store_.get_all(ids_));
        if (options_.is_append) {
            return from_output(append_runs(options_.format, runs, options_.out));
        }
        FINEWATT_ASSIGN(const std::string text, from_output(write_runs(options_.format, runs)));
        FINEWATT_ASSIGN(ExportOutput output, from_output(ExportOutput::open(options_.out)));
        FINEWATT_TRY(from_output(output.write(text)));
        return from_output(output.finish());
    }

    Store& store_;
    const ExportOptions& options_;
    std::vector<std::string> ids_;
    bool is_output_error_ = false;
};

Status check_options(const ExportOptions& options) {
    const int ways = (options.keys.empty() ? 0 : 1) + (is_filter_given(options.filter) ? 1 : 0) +
                     (options.is_all ? 1 : 0);
    if (ways != 1) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "export: expected runs, or options that choose some (such as --tag), "
                              "or --all, found {}",
                              ways == 0 ? "none of them" : "several of them");
    }
    const bool is_own = options.format == kJson || options.format == kParquet;
    if (options.is_append && (is_own || options.out.empty())) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "export: --append needs --out FILE and a --format that can be added "
                              "to, such as codecarbon");
    }
    return {};
}

Result<std::vector<std::string>> chosen_ids(Store& store, const ExportOptions& options) {
    if (!options.keys.empty()) {
        return find_runs(store, options.keys);
    }
    const SystemClock clock;
    FINEWATT_ASSIGN(RunFilter filter, make_filter(options.filter, clock));
    filter.is_ascending = true;  // oldest first, as they were made
    FINEWATT_ASSIGN(std::vector<std::string> ids, store.list_ids(filter));
    if (ids.empty() && !options.is_all) {
        return FINEWATT_ERROR(kNotFound,
                              "export: expected runs that pass the filter, found none; `finewatt "
                              "runs list` shows what there is");
    }
    return ids;
}

void tell_file(const CommandContext& context, const ExportOptions& options, std::size_t runs) {
    if (options.out.empty() || options.out == "-") {
        return;
    }
    if (context.common.json) {
        nlohmann::ordered_json document;
        document["runs"] = runs;
        document["format"] = options.format;
        document["file"] = options.out;
        print_json(document);
    } else {
        print_line(stdout, fmt::format("{} run{} in {}", runs, runs == 1 ? "" : "s", options.out));
    }
}

void export_runs(CommandContext& context, const ExportOptions& options) {
    const auto refuse = [&context](const Error& error) {
        fail(context, ledger_exit_status(error), error);
    };
    if (Status checked = check_options(options); !checked) {
        return fail(context, kWrongUsage, checked.error());
    }
    const Result<std::unique_ptr<Store>> store = open_ledger(context);
    if (!store) {
        return refuse(store.error());
    }
    const auto ids = chosen_ids(**store, options);
    if (!ids) {
        return refuse(ids.error());
    }
    Exporter exporter(**store, options, *ids);
    if (Status exported = exporter.run(); !exported) {
        return fail(context, exporter.exit_status_of(exported.error()), exported.error());
    }
    tell_file(context, options, ids->size());
}

}  // namespace

void add_runs_export(CLI::App& runs, CommandContext& context) {
    auto* command = runs.add_subcommand("export", "Write runs to a file or standard output");
    const auto options = std::make_shared<ExportOptions>();  // shared with the callback below
    std::vector<std::string> names;
    std::string formats = "Formats:\n";
    for (const auto& format : known_formats()) {
        names.push_back(format.first);
        formats += fmt::format("  {:<16} {}\n", format.first, format.second);
    }
    command->add_option("run", options->keys, "Run ids, beginnings of ids, or names")->take_all();
    command->add_flag("--all", options->is_all, "Every run of the ledger");
    add_filter_options(*command, options->filter);
    command->add_option("-o,--out", options->out, "File to write; without it standard output")
        ->type_name("FILE");
    command->add_option("--format", options->format, "See below")
        ->check(CLI::IsMember(names))
        ->capture_default_str();
    command->add_flag("--append", options->is_append, "Add to the file instead of writing it anew");
    command->footer(formats +
                    "A file appears when it is whole, or not at all.\n"
                    "Examples: finewatt runs export --all --out ledger.json\n"
                    "          finewatt runs export --tag paper --format codecarbon --out "
                    "emissions.csv");
    command->callback([options, &context] { export_runs(context, *options); });
}

}  // namespace finewatt::app
