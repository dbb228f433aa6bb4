// finewatt measure: runs any command under the meter and stores the run.

#include "finewatt/metered_job.h"

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>

#include <memory>

namespace finewatt::app {
namespace {

void measure(CommandContext& context, const MeterFlags& flags) {
    if (context.measured_command.empty()) {
        fail(context, kWrongUsage,
             FINEWATT_ERROR(kInvalidArgument,
                            "measure: expected a command after `--`, found none; for example: "
                            "finewatt measure -- python train.py"));
        return;
    }
    // Outlives this call: a sensor that hangs is left behind with its clock.
    static const SystemClock clock;
    Result<JobOptions> job = make_job(context, flags, clock);
    if (!job) {
        fail(context, kBadInput, job.error());
        return;
    }
    job->kind = "command";
    job->argv = context.measured_command;
    job->settings["command"] = fmt::format("{}", fmt::join(context.measured_command, " "));
    Result<JobResult> result = run_job(*job, clock);
    if (!result) {
        const bool is_unmeasured =
            flags.require_measured && result.error().code() == ErrorCode::kUnsupported;
        fail(context, is_unmeasured ? kNothingMeasured : kBadInput, result.error());
        return;
    }
    context.exit_status = result->end.exit_status;
    const Status stored = keep_run(context, *result);
    const Status shown = show_run(context, flags, result->record, true);
    // The command's own status goes first; ours is told when that was a success.
    const int own_status = context.exit_status;
    if (!stored) {
        fail(context, own_status != 0 ? own_status : kStoreFailed, stored.error());
    }
    if (!shown) {
        fail(context, own_status != 0 ? own_status : kBadInput, shown.error());
    }
}

}  // namespace

void register_measure(CLI::App& app, CommandContext& context) {
    auto* command = app.add_subcommand("measure", "Run any command under the meter, store the run");
    const auto flags = std::make_shared<MeterFlags>();  // shared with the callback below
    add_meter_flags(*command, *flags);
    command->footer(
        "Usage with a command: finewatt measure [OPTIONS] -- CMD [ARG...]\n"
        "Examples:\n"
        "  finewatt measure -- python train.py\n"
        "  finewatt measure --name rte --place zip:15213 --json -- ./job.sh\n"
        "The command keeps its standard output; with --json the record follows as the last line.\n"
        "It may mark phases: JSON lines on the descriptor FINEWATT_EVENT_FD, or, in a shell\n"
        "script, `finewatt phase begin NAME` and `finewatt phase end NAME`.\n"
        "Exit status: the command's own (128+N for signal N); 4 when it cannot be started.");
    command->callback([flags, &context] { measure(context, *flags); });
}

}  // namespace finewatt::app
