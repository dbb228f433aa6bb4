// What `measure` and `finetune` share: the options of the meter, running a job with progress, and
// keeping what it left.
#pragma once

#include "finewatt/command.h"
#include "finewatt/study/run_job.h"

#include <optional>
#include <string>

namespace finewatt::app {

/// Options of every command that runs a job under the meter.
struct MeterFlags {
    std::string name;
    std::string interval = "100ms";
    std::string trace;
    std::string place;
    std::string record;
    bool require_measured = false;
    bool all_sources = false;
};

void add_meter_flags(CLI::App& command, MeterFlags& flags);

/// Return job options with the flags, run id and journal filled in. Errors: invalid argument (an
/// interval or place that cannot be read); not found (a place that no table has).
Result<JobOptions> make_job(const CommandContext& context, const MeterFlags& flags,
                            const Clock& clock);

/// Put the finished run into the ledger; its journal is then removed. On failure the journal stays
/// and the message names it.
Status keep_run(const CommandContext& context, const JobResult& result);

/// Remove the journal of a run that is not kept, such as one refused for bad input.
void drop_journal(const JobResult& result);

/// Print the record as --json, --record and the terminal ask for it. `to_stderr`: the summary for
/// people goes to standard error, because standard output is the measured command's.
Status show_run(const CommandContext& context, const MeterFlags& flags, const RunRecord& record,
                bool to_stderr);

}  // namespace finewatt::app
