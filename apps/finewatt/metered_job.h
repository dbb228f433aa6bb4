// What `measure` and `finetune` share: the options of the meter, running a job with progress, and
// keeping what it left.
#pragma once

#include "finewatt/command.h"
#include "finewatt/study/run_job.h"

#include <optional>
#include <string>
#include <vector>

namespace finewatt::app {

/// Options of every command that runs a job under the meter.
struct MeterFlags {
    std::string name;
    std::string interval = "100ms";
    std::string trace;
    std::string place;
    std::string record;
    std::vector<std::string> wall_meters;
    bool require_measured = false;
    bool all_sources = false;
    bool attribute = false;
    std::string calibration = "auto";
    double calibration_max_age_days = kCalibrationMaxAgeDays;
};

void add_meter_flags(CLI::App& command, MeterFlags& flags);

/// Add --wall, which may be given more than once.
void add_wall_flag(CLI::App& command, std::vector<std::string>& wall_meters);

/// Return job options with the flags, run id and journal filled in. Errors: invalid argument (an
/// interval, place or wall meter that cannot be read); not found (a place that no table has).
Result<JobOptions> make_job(const CommandContext& context, const MeterFlags& flags,
                            const Clock& clock);

/// Read the stored baselines and calibrations. Error: not found when there is no home for them;
/// permission or io when they cannot be listed. Damaged files are told, and left out.
Result<StoredCalibrations> stored_calibrations();

/// Put the finished run into the ledger; its journal is then removed. On failure the run is kept
/// beside its journal for `finewatt runs recover`, and the message names the place.
Status keep_run(const CommandContext& context, const JobResult& result);

/// Remove the journal of a run that is not kept, such as one refused for bad input.
void drop_journal(const JobResult& result);

/// Print the record as --json, --record and the terminal ask for it. `to_stderr`: the summary for
/// people goes to standard error, because standard output is the measured command's.
Status show_run(const CommandContext& context, const MeterFlags& flags, const RunRecord& record,
                bool to_stderr);

}  // namespace finewatt::app
