// finewatt runs export: runs as files, finewatt's own without loss and those of other tools.

#include "finewatt/base/pending_file.h"
#include "finewatt/exchange/formats.h"
#include "finewatt/run_export_file.h"
#include "finewatt/runs_common.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cerrno>
#include <memory>
#include <optional>

namespace finewatt::app {
namespace {

struct ExportOptions {
    std::vector<std::string> keys;
    RunFilterOptions filter;
    bool is_all = false;
    std::string out;
    std::string format = "json";
    bool is_append = false;
};

/// Where an export goes: a file that takes its place when it is whole, or standard output, which
/// sees nothing before all is there.
class ExportOutput {
  public:
    static Result<ExportOutput> open(const std::string& path) {
        ExportOutput output;
        if (!path.empty() && path != "-") {
            FINEWATT_ASSIGN(PendingFile file, PendingFile::create(path));
            output.file_.emplace(std::move(file));
            return output;
        }
        output.spool_.reset(std::tmpfile());
        if (!output.spool_) {
            return error_from_errno(errno, "make a temporary file for the export");
        }
        return output;
    }

    Status write(std::string_view text) {
        if (file_) {
            return file_->write(text);
        }
        if (std::fwrite(text.data(), 1, text.size(), spool_.get()) != text.size()) {
            return error_from_errno(errno, "write a temporary file for the export");
        }
        return {};
    }

    Status finish() {
        if (file_) {
            return file_->commit();
        }
        std::rewind(spool_.get());
        std::array<char, 1 << 16> piece{};
        while (const std::size_t count = std::fread(piece.data(), 1, piece.size(), spool_.get())) {
            print_text(stdout, {piece.data(), count});
        }
        if (std::ferror(spool_.get()) != 0) {
            return error_from_errno(errno, "read a temporary file for the export");
        }
        return {};
    }

  private:
    struct CloseFile {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };

    ExportOutput() = default;

    std::optional<PendingFile> file_;
    std::unique_ptr<std::FILE, CloseFile> spool_;
};

/// finewatt's own format: whole runs with samples, one after another.
Status export_json(Store& store, const std::vector<std::string>& ids,
                   const ExportOptions& options) {
    FINEWATT_ASSIGN(ExportOutput output, ExportOutput::open(options.out));
    RunExportWriter writer(FINEWATT_VERSION,
                           [&output](std::string_view text) { return output.write(text); });
    for (const std::string& id : ids) {
        FINEWATT_ASSIGN(const RunRecord run, store.get(id));
        FINEWATT_ASSIGN(const std::vector<PowerSeries> series, store.power_series(id));
        FINEWATT_TRY(writer.add(run, series));
    }
    FINEWATT_TRY(writer.finish());
    return output.finish();
}

/// A format of another tool (exchange/formats.h).
Status export_foreign(Store& store, const std::vector<std::string>& ids,
                      const ExportOptions& options) {
    FINEWATT_ASSIGN(const std::vector<RunRecord> runs, store.get_all(ids));
    if (options.is_append) {
        return append_runs(options.format, runs, options.out);
    }
    FINEWATT_ASSIGN(const std::string text, write_runs(options.format, runs));
    FINEWATT_ASSIGN(ExportOutput output, ExportOutput::open(options.out));
    FINEWATT_TRY(output.write(text));
    return output.finish();
}

/// What `--format` takes.
std::vector<std::string> format_names() {
    std::vector<std::string> names{"json"};
    for (const Format& format : exchange_formats()) {
        if (format.can_write) {
            names.emplace_back(format.name);
        }
    }
    return names;
}

std::string format_help() {
    std::string text =
        "Formats:\n  json  whole runs with their samples, without loss; `finewatt runs "
        "import` reads it\n";
    for (const Format& format : exchange_formats()) {
        if (format.can_write) {
            text += fmt::format("  {}  {}\n", format.name, format.description);
        }
    }
    return text;
}

Status check_options(const ExportOptions& options) {
    const bool is_filtered = is_filter_given(options.filter);
    const int ways =
        (options.keys.empty() ? 0 : 1) + (is_filtered ? 1 : 0) + (options.is_all ? 1 : 0);
    if (ways != 1) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "export: expected runs, or options that choose some (such as --tag), "
                              "or --all, found {}",
                              ways == 0 ? "none of them" : "several of them");
    }
    if (options.is_append && (options.format == "json" || options.out.empty())) {
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

Status export_runs(const CommandContext& context, const ExportOptions& options) {
    FINEWATT_ASSIGN(const std::unique_ptr<Store> store, open_ledger(context));
    FINEWATT_ASSIGN(const std::vector<std::string> ids, chosen_ids(*store, options));
    FINEWATT_TRY(options.format == "json" ? export_json(*store, ids, options)
                                          : export_foreign(*store, ids, options));
    if (options.out.empty() || options.out == "-") {
        return {};
    }
    if (context.common.json) {
        nlohmann::ordered_json document;
        document["runs"] = ids.size();
        document["format"] = options.format;
        document["file"] = options.out;
        print_json(document);
    } else {
        print_line(stdout, fmt::format("{} run{} in {}", ids.size(), ids.size() == 1 ? "" : "s",
                                       options.out));
    }
    return {};
}

void export_and_tell(CommandContext& context, const ExportOptions& options) {
    if (Status checked = check_options(options); !checked) {
        fail(context, kWrongUsage, checked.error());
    } else if (Status exported = export_runs(context, options); !exported) {
        fail(context, ledger_exit_status(exported.error()), exported.error());
    }
}

}  // namespace

void add_runs_export(CLI::App& runs, CommandContext& context) {
    auto* command = runs.add_subcommand("export", "Write runs to a file or standard output");
    const auto options = std::make_shared<ExportOptions>();  // shared with the callback below
    command->add_option("run", options->keys, "Run ids, beginnings of ids, or names")->take_all();
    command->add_flag("--all", options->is_all, "Every run of the ledger");
    add_filter_options(*command, options->filter);
    command->add_option("-o,--out", options->out, "File to write; without it standard output")
        ->type_name("FILE");
    command->add_option("--format", options->format, "See below")
        ->check(CLI::IsMember(format_names()))
        ->capture_default_str();
    command->add_flag("--append", options->is_append, "Add to the file instead of writing it anew");
    command->footer(format_help() +
                    "A file appears when it is whole, or not at all.\n"
                    "Examples: finewatt runs export --all --out ledger.json\n"
                    "          finewatt runs export --tag paper --format codecarbon --out "
                    "emissions.csv");
    command->callback([options, &context] { export_and_tell(context, *options); });
}

}  // namespace finewatt::app
