#include "finewatt/engine_job.h"

#include "finewatt/engine_program.h"
#include "finewatt/progress_line.h"

#include <unistd.h>

#include <cstdlib>
#include <utility>

namespace finewatt::app {
namespace {

/// Exit status for a workload that is finewatt-train, whose own table is the same as ours.
int exit_status_of(const WorkloadEnd& end) {
    if (end.exit_status == kDone || end.exit_status == kWrongUsage ||
        end.exit_status == kBadInput) {
        return end.exit_status;
    }
    return kJobFailed;
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

/// Store the run and show it; a failure keeps the status of the job where that failed, too.
void keep_and_show(CommandContext& context, const MeterFlags& flags, JobResult& result) {
    const Status stored = keep_run(context, result);
    const Status shown = show_run(context, flags, result.record, false);
    const int own_status = context.exit_status;
    if (!stored) {
        fail(context, own_status != kDone ? own_status : kStoreFailed, stored.error());
    }
    if (!shown) {
        fail(context, own_status != kDone ? own_status : kBadInput, shown.error());
    }
}

}  // namespace

Result<JobOptions> make_engine_job(const CommandContext& context, const MeterFlags& flags,
                                   const Clock& clock) {
    FINEWATT_ASSIGN(const std::string engine, find_engine(context.program_path));
    FINEWATT_ASSIGN(JobOptions job, make_job(context, flags, clock));
    job.argv = {engine};
    job.environment = engine_environment();
    return job;
}

void set_engine_command(JobOptions& job, std::string_view subcommand,
                        const std::vector<std::string>& arguments,
                        const std::map<std::string, std::string>& settings) {
    job.argv.emplace_back(subcommand);
    job.argv.insert(job.argv.end(), arguments.begin(), arguments.end());
    for (const auto& setting : settings) {
        job.settings[setting.first] = setting_from_text(setting.second);
    }
}

void run_engine_job(CommandContext& context, const MeterFlags& flags, JobOptions job,
                    const Clock& clock, const std::function<void(JobResult&)>& finish) {
    ProgressLine line(::isatty(STDERR_FILENO) == 1);
    if (!context.common.quiet) {
        job.on_progress = [&line](const JobProgress& progress) { line.show(progress); };
    }
    Result<JobResult> result = run_job(job, clock);
    line.clear();
    if (!result) {
        const bool is_unmeasured =
            flags.require_measured && result.error().code() == ErrorCode::kUnsupported;
        fail(context, is_unmeasured ? kNothingMeasured : kBadInput, result.error());
        return;
    }
    context.exit_status = exit_status_of(result->end);
    if (context.exit_status == kBadInput || context.exit_status == kWrongUsage) {
        drop_journal(*result);  // the engine has said why; nothing was computed
        return;
    }
    finish(*result);
    keep_and_show(context, flags, *result);
}

}  // namespace finewatt::app
