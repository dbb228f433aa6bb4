// finewatt runs import: runs out of exports and out of the files of other tools.

#include "finewatt/base/file.h"
#include "finewatt/exchange/formats.h"
#include "finewatt/run_export_file.h"
#include "finewatt/runs_common.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <memory>

namespace finewatt::app {
namespace {

struct ImportOptions {
    std::vector<std::string> files;
    std::string format = "json";
    std::string utc_offset = "+00:00";
};

/// An error, and the exit status that it ends with: a bad file is the user's, a failed write the
/// ledger's.
struct ImportFailure {
    Error error;
    int exit_status = kBadInput;
};

/// Stores the runs of one file: all of them, or none.
class FileImport {
  public:
    explicit FileImport(Store& store) : store_(store) {}

    Status add(const RunRecord& run, std::span<const PowerSeries> series) {
        Result<ImportOutcome> outcome = store_.import_run(run, series);
        if (!outcome) {
            exit_status_ = ledger_exit_status(outcome.error());
            return std::move(outcome.error()).with_context(fmt::format("run {}", run.run_id));
        }
        if (*outcome == ImportOutcome::kStored) {
            stored_.push_back(run.run_id);
        } else {
            ++already_stored_;
        }
        return {};
    }

    /// Take the runs that are new out again, and return why.
    ImportFailure undo(Error error) {
        for (const std::string& id : stored_) {
            const Status erased = store_.erase(id);
            if (!erased && erased.error().code() != ErrorCode::kNotFound) {
                return {std::move(error).with_context(fmt::format(
                            "run {} stays stored ({}); import the file again to have the rest", id,
                            erased.error().describe())),
                        kStoreFailed};
            }
        }
        return {std::move(error), exit_status_};
    }

    std::size_t stored() const { return stored_.size(); }

    std::size_t already_stored() const { return already_stored_; }

  private:
    Store& store_;
    std::vector<std::string> stored_;
    std::size_t already_stored_ = 0;
    int exit_status_ = kBadInput;
};

/// finewatt's own format. Read twice: the first time to check it as a whole.
Status import_json(const std::string& file, FileImport& import) {
    FINEWATT_ASSIGN(const MappedFile mapped, MappedFile::open(file));
    const std::string_view text(reinterpret_cast<const char*>(mapped.bytes().data()),
                                mapped.bytes().size());
    FINEWATT_TRY(for_each_exported_run(text, file, [](ExportedRun&&) { return Status(); }));
    return for_each_exported_run(
        text, file, [&import](ExportedRun&& run) { return import.add(run.run, run.series); });
}

/// A format of another tool (exchange/formats.h).
Status import_foreign(const std::string& file, const std::string& format, const ReadOptions& read,
                      FileImport& import) {
    FINEWATT_ASSIGN(const std::vector<ImportedRun> runs, read_runs(format, file, read));
    for (const ImportedRun& one : runs) {
        FINEWATT_TRY_CONTEXT(import.add(one.run, {}), "{}: row {}", file, one.row);
    }
    return {};
}

/// Read "+05:30", "-08:00" or "Z". Error: invalid argument.
Result<std::chrono::minutes> parse_utc_offset(const std::string& text) {
    if (text == "Z") {
        return std::chrono::minutes(0);
    }
    const auto digit = [&text](std::size_t i) { return text[i] - '0'; };
    const auto is_digit = [&digit](std::size_t i) { return digit(i) >= 0 && digit(i) <= 9; };
    const bool has_form = text.size() == 6 && (text[0] == '+' || text[0] == '-') && is_digit(1) &&
                          is_digit(2) && text[3] == ':' && is_digit(4) && is_digit(5);
    const int hours = has_form ? 10 * digit(1) + digit(2) : 0;
    const int minutes = has_form ? 10 * digit(4) + digit(5) : 0;
    constexpr int kMostHours = 14;  // the Line Islands; no place is further from UTC
    if (!has_form || hours > kMostHours || minutes > 59) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "--utc-offset: expected hours and minutes such as +02:00 or -08:00, "
                              "found '{}'",
                              text);
    }
    return std::chrono::minutes((text[0] == '-' ? -1 : 1) * (60 * hours + minutes));
}

/// What `--format` takes.
std::vector<std::string> format_names() {
    std::vector<std::string> names{"json"};
    for (const Format& format : exchange_formats()) {
        if (format.can_read) {
            names.emplace_back(format.name);
        }
    }
    return names;
}

std::string format_help() {
    std::string text = "Formats:\n  json             what `finewatt runs export` writes\n";
    for (const Format& format : exchange_formats()) {
        if (format.can_read) {
            text += fmt::format("  {:<16} {}\n", format.name, format.description);
        }
    }
    return text;
}

/// What happened to the files, for the end.
struct ImportReport {
    nlohmann::ordered_json files = nlohmann::ordered_json::array();
    std::string text;
};

void tell(ImportReport& report, const std::string& file, const FileImport& import) {
    nlohmann::ordered_json one;
    one["file"] = file;
    one["stored"] = import.stored();
    one["already_stored"] = import.already_stored();
    report.files.push_back(std::move(one));
    report.text +=
        fmt::format("{}: {} run{} stored", file, import.stored(), import.stored() == 1 ? "" : "s");
    if (import.already_stored() > 0) {
        report.text += fmt::format(", {} already stored", import.already_stored());
    }
    report.text += "\n";
}

void import_runs(CommandContext& context, const ImportOptions& options) {
    const Result<std::unique_ptr<Store>> store = open_ledger(context);
    if (!store) {
        return fail(context, ledger_exit_status(store.error()), store.error());
    }
    const Result<std::chrono::minutes> utc_offset = parse_utc_offset(options.utc_offset);
    if (!utc_offset) {
        return fail(context, kBadInput, utc_offset.error());
    }
    ImportReport report;
    // One bad file does not hold up the others.
    for (const std::string& file : options.files) {
        FileImport import(**store);
        const Status status =
            options.format == "json"
                ? import_json(file, import)
                : import_foreign(file, options.format, {.utc_offset = *utc_offset}, import);
        if (status) {
            tell(report, file, import);
            continue;
        }
        const ImportFailure failure = import.undo(status.error());
        fail(context, std::max<int>(context.exit_status, failure.exit_status), failure.error);
        nlohmann::ordered_json one;
        one["file"] = file;
        one["error"] = failure.error.describe();
        report.files.push_back(std::move(one));
    }
    if (context.common.json) {
        nlohmann::ordered_json document;
        document["files"] = report.files;
        print_json(document);
    } else {
        print_text(stdout, report.text);
    }
}

}  // namespace

void add_runs_import(CLI::App& runs, CommandContext& context) {
    auto* command = runs.add_subcommand("import", "Store the runs of files, each run once");
    const auto options = std::make_shared<ImportOptions>();  // shared with the callback below
    command->add_option("file", options->files, "Files to read")->required()->take_all();
    command->add_option("--format", options->format, "See below")
        ->check(CLI::IsMember(format_names()))
        ->capture_default_str();
    command
        ->add_option("--utc-offset", options->utc_offset,
                     "Local time less UTC where the file was written, for times without a zone "
                     "(CodeCarbon)")
        ->type_name("+HH:MM")
        ->capture_default_str();
    command->footer(
        format_help() +
        "A file is stored as a whole or not at all. A run that is stored already is left "
        "as it is.\n"
        "Examples: finewatt runs import ledger.json\n"
        "          finewatt runs import --format codecarbon --utc-offset +02:00 emissions.csv");
    command->callback([options, &context] { import_runs(context, *options); });
}

}  // namespace finewatt::app
