// Attribution: the part of a machine's energy that goes to one tree of processes, out of shares of
// CPU and GPU time.
//
// Main function: attribute_energy. Pure arithmetic; counting the time is attributor.h. Not for the
// machine's own total, which stays as it is. Rule: docs/measuring.md, "Whose energy".
#pragma once

#include "finewatt/record/calibration.h"
#include "finewatt/record/run.h"

#include <map>
#include <optional>
#include <span>
#include <string>

namespace finewatt {

/// A share with its range; 0 <= low <= best <= high <= 1.
struct ShareRange {
    double best = 0;
    double low = 0;
    double high = 0;
};

/// What was counted while the run went on.
struct MeasuredShares {
    std::string method;  ///< "cgroup", "process-tree" or "waited-children"
    std::optional<double> cpu_s;
    std::optional<double> machine_cpu_s;
    /// What may be missing in cpu_s, and by how much machine_cpu_s may be off, in seconds.
    double cpu_s_missing = 0;
    double machine_cpu_s_error = 0;
    std::optional<std::string> cpu_reason;  ///< why the CPU share is unknown
    /// By device. No process kept a GPU busy that is missing here.
    std::map<std::string, ShareRange> gpu;
    /// Why GPUs that are missing above count as a whole instead, from nothing to all of them.
    std::optional<std::string> gpu_reason;
    /// Busy time of the run's processes and of all, over all GPUs; for the share that is shown.
    std::optional<double> gpu_share;
};

/// Return the run's share of the busy CPU time; nothing when it is unknown or nothing was busy.
/// Never above 1: /proc/stat counts in ticks and may show less than its processes used.
std::optional<ShareRange> cpu_share_of(const MeasuredShares& shares);

/// Split the energy of each counted component into energy at rest (the baseline's power times
/// `duration_s`), which is nobody's, and an active part, of which the run gets its share: of CPU
/// time for package, memory, psys and node; of that GPU's time for a GPU.
///
/// Without a baseline the run gets its share of the whole; the range then goes down to its share of
/// what is left when rest is as high as the lowest power seen over a second allows. `series` serves
/// that alone. Provenance is derived; a total that is unknown gives unknown figures with a reason.
Attribution attribute_energy(const EnergySummary& energy, double duration_s,
                             const MeasuredShares& shares, const IdleBaseline* baseline,
                             std::span<const PowerSeries> series);

/// Return the lowest mean power over stretches of a second or more: rest can be no higher. Nothing
/// when there are fewer than two such stretches.
std::optional<double> lowest_power_w(const PowerSeries& series);

}  // namespace finewatt
