// The power of this machine's processors at full load, as far as names and core counts tell it.
//
// Main function: estimate_cpu_power. Not the load model: that is cpu_model_source.h.
#pragma once

#include "finewatt/record/channel.h"
#include "finewatt/sensor/cpu_info.h"

#include <string>

namespace finewatt {

/// Package power of the visible processors at full load. Plain watts, as the model multiplies them.
struct CpuPower {
    double max_w = 0;
    double max_w_low = 0;
    double max_w_high = 0;
    Provenance provenance = Provenance::kAssumed;
    std::string basis;  ///< what the figure comes from, one clause
};

/// TDP per physical core of server processors: 5 % and 95 % of the 139 models in
/// data/cpu_tdp/server_cpu_cores.csv joined with their TDP (scripts/analysis/
/// make_cpu_tdp_table.py, 2026-11-23; median 7.50 W, extremes 2.81
/// and 22.50 W).
inline constexpr double kTdpPerCoreLowW = 3.52;
inline constexpr double kTdpPerCoreHighW = 14.25;

/// Estimate from the TDP table. Never fails: without a known name it assumes TDP per core, says so
/// and gives a wide range.
///
/// On bare metal: TDP x sockets. In a virtual machine: TDP x (cores visible here / cores of the
/// processor). A virtual CPU may be a whole core or one of its two threads; unless the topology
/// shows threads, the range spans both and the middle is geometric.
CpuPower estimate_cpu_power(const CpuInfo& cpu);

}  // namespace finewatt
