// Records with realistic numbers, for the golden tests of report/ and for looking at its pages.
//
// The numbers are invented but consistent: parts add up to totals, phases fill the run.
#pragma once

#include "finewatt/record/run.h"

#include <string>
#include <vector>

namespace finewatt::report_examples {

struct Example {
    std::string name;
    RunRecord run;
    std::vector<PowerSeries> power;
};

/// Two minutes of fine-tuning on a machine without counters: everything modelled, place unknown.
Example modelled_fine_tuning();
/// Nine hours on a server with counters and a GPU, with carbon, calibration and a lost stretch.
Example measured_server_run();
/// A command of two seconds with 20 samples and no phases.
Example short_command();
/// A run that failed before anything could be read; no samples, everything unknown.
Example run_without_samples();
/// Names and reasons that try to steer a terminal or to inject markup.
Example hostile_run();

/// All of them.
std::vector<Example> all_examples();

/// Five repeats of one fine-tuning with different seeds, and another setting of it, with tokens.
std::vector<Example> repeated_runs();

/// 24 hours at 10 Hz on three channels: 864,000 samples each.
Example day_long_run(int index);

/// The runs of examples, in the order of reports.
std::vector<RunRecord> runs_of(const std::vector<Example>& examples);

}  // namespace finewatt::report_examples
