// What the commands share that run the engine (finewatt-train) under the meter: finetune and infer.
#pragma once

#include "finewatt/metered_job.h"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt::app {

/// Return job options for the engine: as make_job, with the program and its environment. Errors: as
/// make_job and find_engine.
Result<JobOptions> make_engine_job(const CommandContext& context, const MeterFlags& flags,
                                   const Clock& clock);

/// Let the job run `finewatt-train SUBCOMMAND ARGUMENTS` and note its settings.
void set_engine_command(JobOptions& job, std::string_view subcommand,
                        const std::vector<std::string>& arguments,
                        const std::map<std::string, std::string>& settings);

/// Run the job with a progress line, let `finish` write what belongs to its result, store the run
/// and show it. Bad input and wrong usage of the engine leave nothing behind. Sets the exit status.
void run_engine_job(CommandContext& context, const MeterFlags& flags, JobOptions job,
                    const Clock& clock, const std::function<void(JobResult&)>& finish);

}  // namespace finewatt::app
