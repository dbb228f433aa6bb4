// Zeus's window log: start_time,window_name,elapsed_time,gpu0_energy,… (s, name, s, J).
//
// Source: ml-energy/zeus, zeus/monitor/energy.py (ZeusMonitor, log_file). One file becomes one run
// with a phase for each window. The file knows GPUs only, so the run's domains are "gpu" alone.
#pragma once

#include "finewatt/exchange/formats.h"

#include <string_view>
#include <vector>

namespace finewatt::exchange {

/// Read a log. Windows may nest; those inside others are phases, and no part of the total. A start
/// time below 10^9 is the machine's clock since its start (older Zeus), which names no date: the
/// run then starts at 1970-01-01 plus that time, and a note says so. Errors: corrupt, also for a
/// log without GPU columns or without windows.
Result<std::vector<ImportedRun>> read_zeus_log(std::string_view text, std::string_view file_name,
                                               const ReadOptions& options);

}  // namespace finewatt::exchange
