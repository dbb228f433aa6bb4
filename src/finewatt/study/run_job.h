// run_job: executes one job under the meter and turns what happened into a run record.
//
// The steps, in order: discover sensors, start the meter, start the workload, follow its events and
// signals until it ends, stop the meter, assemble the record. Storing the record is
// study/keep_run.h. Not for grids of jobs.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/result.h"
#include "finewatt/base/sys_root.h"
#include "finewatt/carbon/carbon.h"
#include "finewatt/carbon/place.h"
#include "finewatt/meter/meter.h"
#include "finewatt/record/run.h"
#include "finewatt/sensor/gpu_process_reader.h"
#include "finewatt/study/calibrations.h"
#include "finewatt/study/event_reader.h"
#include "finewatt/study/workload.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace finewatt {

/// What a progress line shows; a snapshot of a running job.
struct JobProgress {
    double elapsed_s = 0;
    LiveFigures energy;
    std::string phase;  ///< innermost open phase, or empty
    std::optional<ProgressEvent> progress;
    std::optional<WorkEvent> work;
    std::optional<double> tokens_per_s;  ///< real tokens per second over the last seconds
    /// Time and energy expected at the end, from the progress so far; nothing before the workload
    /// has reported any.
    std::optional<double> expected_s;
    std::optional<Joules> expected_energy;
    std::optional<Joules> expected_energy_low;
    std::optional<Joules> expected_energy_high;
};

/// Makes a reader of GPU processes, as open_gpu_process_reader does.
using GpuProcessOpener =
    std::function<Result<std::unique_ptr<GpuProcessReader>>(const DiscoveryOptions& options)>;

/// What to run and how.
struct JobOptions {
    std::string run_id;
    std::optional<std::string> name;
    std::string kind = "command";
    std::vector<std::string> argv;
    std::vector<std::pair<std::string, std::string>> environment;  ///< added for the command
    SettingMap settings;
    SettingMap software;
    SysRoot sysroot;
    /// Wall meters to read beside the sensors, in the forms of sensor/wall_meter.h. Each must
    /// answer before the workload starts.
    std::vector<std::string> wall_meters;
    std::chrono::milliseconds interval{100};
    std::optional<std::filesystem::path> trace_path;
    std::filesystem::path journal_path;  ///< empty = no journal
    /// Where the meters of this node agree who counts what (meter/node_claims.h); empty = no
    /// claims.
    std::filesystem::path run_directory;
    bool all_sources = false;       ///< DiscoveryOptions::all_sources
    bool require_measured = false;  ///< refuse to start where only models give figures
    std::optional<Place> place;
    bool attribute = false;  ///< count the share of the run's own processes
    /// Opens the reader of GPU processes for `attribute`; empty = GPUs count as whole devices.
    GpuProcessOpener open_gpu_processes;
    /// Baselines and wall calibrations that may be applied; empty = none.
    StoredCalibrations calibrations;
    double calibration_max_age_days = kCalibrationMaxAgeDays;
    /// Called about every `progress_interval` from the calling thread; may be empty.
    std::function<void(const JobProgress&)> on_progress;
    std::chrono::milliseconds progress_interval{500};
};

/// What a job left.
struct JobResult {
    RunRecord record;
    std::vector<PowerSeries> series;
    WorkloadEnd end;
    bool was_interrupted = false;
    std::filesystem::path journal_path;
};

/// Return a setting with its natural type: an integer or a number where the text is one.
SettingValue setting_from_text(const std::string& text);

/// Run a job to its end. Blocks; SIGINT and SIGTERM are watched meanwhile: the first is passed on
/// to the workload and ends the job cleanly, the second kills it. Whatever happens to the workload,
/// what was measured is in the result.
///
/// Errors, all before the workload starts: unsupported when require_measured is set and no sensor
/// can be read; not found, permission or io when a wall meter does not answer or the command cannot
/// be started; those of the meter's journal and trace files.
Result<JobResult> run_job(const JobOptions& options, const Clock& clock);

}  // namespace finewatt
