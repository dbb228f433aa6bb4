#include "finewatt/metered_job.h"

#include "finewatt/base/file.h"
#include "finewatt/base/log.h"
#include "finewatt/meter/journal.h"
#include "finewatt/meter/node_claims.h"
#include "finewatt/record/json.h"
#include "finewatt/record/ulid.h"
#include "finewatt/report/summary.h"
#include "finewatt/sensor/gpu_process_reader.h"
#include "finewatt/sensor/probe.h"
#include "finewatt/sensor/wall_meter.h"
#include "finewatt/store/store.h"
#include "finewatt/study/keep_run.h"
#include "finewatt/study/recover_run.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace finewatt::app {
namespace {

/// Read "100ms", "1s", "0.5s" or "250us".
Result<std::chrono::milliseconds> parse_interval(const std::string& text) {
    double number = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    const std::string_view unit(parsed.ptr, static_cast<std::size_t>(end - parsed.ptr));
    const double factor = unit == "ms" ? 1 : unit == "s" ? 1000 : 0;
    const double ms = number * factor;
    if (parsed.ec != std::errc() || !(ms >= 1 && ms <= 3'600'000)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "--interval: expected 1ms to 3600s, like 100ms or 1s, found '{}'",
                              text);
    }
    return std::chrono::milliseconds(static_cast<std::int64_t>(ms));
}

/// Return the folder of journals, made when it is not there.
Result<std::filesystem::path> journal_folder() {
    FINEWATT_ASSIGN(const std::filesystem::path folder, default_journal_folder(::getenv));
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (failed) {
        return error_from_errno(failed.value(), "journal: create " + folder.string());
    }
    if (::access(folder.c_str(), W_OK) != 0) {
        return error_from_errno(errno, "journal: write in " + folder.string());
    }
    return folder;
}

/// Baselines are always applied; of the wall calibrations those that the user left.
Status choose_calibrations(const MeterFlags& flags, JobOptions& job) {
    Result<StoredCalibrations> stored = stored_calibrations();
    const bool is_named = flags.calibration != "auto" && flags.calibration != "none";
    if (!stored) {
        if (is_named) {
            return Error(std::move(stored).error());
        }
        return {};  // without a home there is nothing to apply
    }
    job.calibrations = *std::move(stored);
    if (flags.calibration == "none") {
        job.calibrations.wall.clear();
    } else if (is_named) {
        FINEWATT_TRY_CONTEXT(keep_wall_calibration(job.calibrations, flags.calibration),
                             "--calibration");
    }
    return {};
}

}  // namespace

Result<StoredCalibrations> stored_calibrations() {
    FINEWATT_ASSIGN(const std::filesystem::path folder, default_calibration_folder(::getenv));
    FINEWATT_ASSIGN(StoredCalibrations stored, load_calibrations(folder));
    for (const std::string& warning : stored.warnings) {
        log_warning("calibration left out: " + warning);
    }
    return stored;
}

void add_meter_flags(CLI::App& command, MeterFlags& flags) {
    command.add_option("--name", flags.name, "Name of the run in the ledger");
    command.add_option("--interval", flags.interval, "Time between samples, e.g. 100ms or 1s")
        ->capture_default_str();
    command.add_option("--trace", flags.trace, "Write every reading into this file (JSON lines)")
        ->type_name("FILE");
    command
        .add_option("--place", flags.place,
                    fmt::format("Where the energy was used, for carbon: {}. Environment: "
                                "FINEWATT_PLACE",
                                place_forms()))
        ->envname("FINEWATT_PLACE");
    command.add_option("--record", flags.record, "Write the run record (JSON) into this file")
        ->type_name("FILE");
    command.add_flag("--attribute", flags.attribute,
                     "Also give the share of the command's own processes, by CPU and GPU time");
    command
        .add_option("--calibration", flags.calibration,
                    "Wall calibration to apply: auto (the newest that fits), none, or an id")
        ->capture_default_str()
        ->type_name("ID");
    command
        .add_option("--calibration-max-age", flags.calibration_max_age_days,
                    "Days after which a baseline or calibration is refused. Environment: "
                    "FINEWATT_CALIBRATION_MAX_AGE")
        ->envname("FINEWATT_CALIBRATION_MAX_AGE")
        ->check(CLI::PositiveNumber)
        ->capture_default_str()
        ->type_name("DAYS");
    add_wall_flag(command, flags.wall_meters);
    command.add_flag("--require-measured", flags.require_measured,
                     "Do not start (exit status 3) where only models would give figures");
    command.add_flag("--all-sources", flags.all_sources,
                     "Read every usable sensor, also those that a better one makes unnecessary, to "
                     "compare them; a total still counts one per domain and device");
}

void add_wall_flag(CLI::App& command, std::vector<std::string>& wall_meters) {
    command
        .add_option(
            "--wall", wall_meters,
            "Read a wall meter or the whole node too; may be given once per outlet. Forms:\n" +
                std::string(wall_meter_forms()))
        ->type_name("METER")
        ->allow_extra_args(false);
}

Result<JobOptions> make_job(const CommandContext& context, const MeterFlags& flags,
                            const Clock& clock) {
    JobOptions job;
    UlidGenerator ids(clock);
    FINEWATT_ASSIGN(job.run_id, ids.next());
    if (!flags.name.empty()) {
        job.name = flags.name;
    }
    FINEWATT_ASSIGN(job.interval, parse_interval(flags.interval));
    if (!flags.place.empty()) {
        FINEWATT_ASSIGN(job.place, parse_place(flags.place));
        // Looked up now, so that a wrong place costs no job.
        FINEWATT_TRY(grid_factor(*job.place, {}));
    }
    if (!flags.trace.empty()) {
        job.trace_path = flags.trace;
    }
    if (!context.common.sysroot.empty()) {
        job.sysroot = SysRoot(context.common.sysroot);
    }
    FINEWATT_TRY(parse_wall_meters(flags.wall_meters));
    job.wall_meters = flags.wall_meters;
    job.require_measured = flags.require_measured;
    job.all_sources = flags.all_sources;
    job.attribute = flags.attribute;
    job.calibration_max_age_days = flags.calibration_max_age_days;
    FINEWATT_TRY(choose_calibrations(flags, job));
    const Result<std::filesystem::path> folder = journal_folder();
    if (folder) {
        job.journal_path = *folder / (job.run_id + ".jsonl");
    } else {
        log_warning(folder.error().describe() + "; a killed run would lose what it measured");
    }
    job.run_directory = node_run_directory(read_environment, read_boot_id().value_or(""));
    job.open_gpu_processes = open_gpu_process_reader;
    job.software["finewatt"] = FINEWATT_VERSION;
    return job;
}

Status keep_run(const CommandContext& context, const JobResult& result) {
    return finewatt::keep_run(result, [&context]() -> Result<std::unique_ptr<Store>> {
        std::string url = context.common.store_url;
        if (url.empty()) {
            FINEWATT_ASSIGN(url, default_store_url(::getenv));
        }
        return open_store(url);
    });
}

void drop_journal(const JobResult& result) {
    if (!result.journal_path.empty()) {
        static_cast<void>(remove_journal(result.journal_path));
    }
}

Status show_run(const CommandContext& context, const MeterFlags& flags, const RunRecord& record,
                bool to_stderr) {
    if (!flags.record.empty()) {
        FINEWATT_TRY(write_file_atomically(flags.record, to_json(record, 2) + "\n"));
    }
    if (context.common.json) {
        if (flags.record.empty()) {
            print_line(stdout, to_json(record));
        }
        return {};
    }
    if (context.common.quiet) {
        return {};
    }
    SummaryOptions options;
    options.width = static_cast<std::size_t>(terminal_columns());
    options.use_colour = may_colour(to_stderr ? STDERR_FILENO : STDOUT_FILENO);
    print_text(to_stderr ? stderr : stdout, render_summary(record, options));
    return {};
}

}  // namespace finewatt::app
