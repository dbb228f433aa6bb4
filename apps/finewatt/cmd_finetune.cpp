// finewatt finetune: trains with the own engine (finewatt-train) under the meter.

#include "finewatt/base/file.h"
#include "finewatt/base/log.h"
#include "finewatt/engine_program.h"
#include "finewatt/metered_job.h"
#include "finewatt/progress_line.h"
#include "finewatt/record/json.h"
#include "finewatt/report/html_report.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "engine_options.h"
#include "model_name.h"

namespace finewatt::app {
namespace {

struct FinetuneCommand {
    EngineOptions engine;
    MeterFlags meter;
};

/// Exit status for a workload that is finewatt-train, whose own table is the same as ours.
int exit_status_of(const WorkloadEnd& end) {
    if (end.exit_status == kDone || end.exit_status == kWrongUsage ||
        end.exit_status == kBadInput) {
        return end.exit_status;
    }
    return kJobFailed;
}

/// Write the record and the report into the folder of the result; a report that cannot be made is
/// told, and does not fail the run.
void write_results(const std::filesystem::path& out, JobResult& result) {
    const std::filesystem::path record_path = out / "run.json";
    const std::filesystem::path report_path = out / "report.html";
    if (!std::filesystem::is_directory(out)) {
        return;  // a job that ended before it saved anything
    }
    result.record.artifacts = {out.string(), record_path.string(), report_path.string()};
    if (Status written = write_html_report(report_path, result.record, result.series); !written) {
        log_warning("the report could not be written: " + written.error().describe());
        result.record.artifacts.pop_back();
    }
    if (Status written = write_file_atomically(record_path, to_json(result.record, 2) + "\n");
        !written) {
        log_warning("the record could not be written: " + written.error().describe());
    }
}

/// How long an idle OpenMP thread spins before it sleeps, in turns of libgomp's loop. With
/// libgomp's long default, two training threads burn the time that other processes of a shared
/// machine want. libgomp reads the setting before main(), so it must be in the environment.
/// Measured on 2 cores under changing load from other jobs: 0.3 to 1.6 steps/s with the default,
/// 0.5 to 2.1 with this value; on quiet cores 2.2 to 2.4 with the default, 2.1 to 2.4 with this
/// value.
constexpr const char* kIdleSpins = "10000";

/// Return what the engine's environment needs, unless the user has chosen otherwise.
std::vector<std::pair<std::string, std::string>> engine_environment() {
    if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) {
        return {};
    }
    return {{"GOMP_SPINCOUNT", kIdleSpins}};
}

Result<JobOptions> make_finetune_job(const CommandContext& context, FinetuneCommand& command,
                                     const Clock& clock) {
    FINEWATT_ASSIGN(const std::string model_folder, resolve_model_name(command.engine.model));
    FINEWATT_ASSIGN(const std::string engine, find_engine(context.program_path));
    FINEWATT_ASSIGN(JobOptions job, make_job(context, command.meter, clock));
    if (!command.engine.out) {
        command.engine.out = (std::filesystem::path("finewatt-runs") / job.run_id).string();
    }
    job.kind = "fine-tuning";
    job.argv = {engine, "finetune"};
    job.environment = engine_environment();
    EngineOptions engine_options = command.engine;
    engine_options.model = model_folder;
    for (std::string& argument : to_arguments(engine_options)) {
        job.argv.push_back(std::move(argument));
    }
    for (const auto& setting : to_settings(command.engine)) {
        job.settings[setting.first] = setting_from_text(setting.second);
    }
    if (model_folder != command.engine.model) {
        // The name is what the user knows; the folder says which commit it stood for.
        job.settings["model_folder"] = setting_from_text(model_folder);
    }
    return job;
}

void finetune(CommandContext& context, FinetuneCommand& command) {
    // Outlives this call: a sensor that hangs is left behind with its clock.
    static const SystemClock clock;
    Result<JobOptions> job = make_finetune_job(context, command, clock);
    if (!job) {
        fail(context, kBadInput, job.error());
        return;
    }
    ProgressLine line(::isatty(STDERR_FILENO) == 1);
    if (!context.common.quiet) {
        job->on_progress = [&line](const JobProgress& progress) { line.show(progress); };
    }
    Result<JobResult> result = run_job(*job, clock);
    line.clear();
    if (!result) {
        const bool is_unmeasured =
            command.meter.require_measured && result.error().code() == ErrorCode::kUnsupported;
        fail(context, is_unmeasured ? kNothingMeasured : kBadInput, result.error());
        return;
    }
    context.exit_status = exit_status_of(result->end);
    if (context.exit_status == kBadInput || context.exit_status == kWrongUsage) {
        drop_journal(*result);  // the engine has said why; nothing was trained
        return;
    }
    write_results(*command.engine.out, *result);
    const Status stored = keep_run(context, *result);
    const Status shown = show_run(context, command.meter, result->record, false);
    const int own_status = context.exit_status;
    if (!stored) {
        fail(context, own_status != kDone ? own_status : kStoreFailed, stored.error());
    }
    if (!shown) {
        fail(context, own_status != kDone ? own_status : kBadInput, shown.error());
    }
}

}  // namespace

void register_finetune(CLI::App& app, CommandContext& context) {
    auto* command = app.add_subcommand("finetune", "Fine-tune an encoder under the meter");
    const auto options = std::make_shared<FinetuneCommand>();  // shared with the callback below
    add_engine_options(*command, options->engine);
    add_meter_flags(*command, options->meter);
    command->footer(
        "Example:\n"
        "  finewatt finetune --task classification --model MiniLM/ --data train.tsv \\\n"
        "      --eval-data test.tsv --epochs 1 --batch 32 --lr 5e-5 --place zip:15213\n"
        "Defaults are those of the Hugging Face example script run_glue. Without --out the model,\n"
        "the record (run.json) and the report (report.html) go to finewatt-runs/RUN_ID/.\n"
        "Ctrl-C once finishes the step and saves; twice ends at once.");
    command->callback([options, command, &context] {
        if (Status complete = complete_engine_options(*command, options->engine); !complete) {
            const bool is_usage = complete.error().code() == ErrorCode::kInvalidArgument;
            fail(context, is_usage ? kWrongUsage : kBadInput, complete.error());
            return;
        }
        finetune(context, *options);
    });
}

}  // namespace finewatt::app
