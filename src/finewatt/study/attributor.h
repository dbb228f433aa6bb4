// Attributor: counts, while a run goes on, the CPU and GPU time of the run's processes and of the
// whole machine.
//
// Main type: Attributor. In order of preference: a control group made for the run, the control
// group this process is alone in, the process tree, the waited-for children. What the counts mean
// in joules is attribution.h.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/sys_root.h"
#include "finewatt/sensor/gpu_process_reader.h"
#include "finewatt/sensor/process_cgroup.h"
#include "finewatt/sensor/process_tree.h"
#include "finewatt/study/attribution.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace finewatt {

/// How often sample() is worth calling: children that live longer than this and that nobody waits
/// for are seen.
inline constexpr std::chrono::seconds kAttributionPeriod{1};

/// Used by one thread, in the order prepare, start, sample (any number of times), finish. The
/// control group goes with the object, so let it live until the run has ended.
class Attributor {
  public:
    /// Read the machine's busy time and find the way to count. `gpus` may be null; then GPUs count
    /// as whole devices, for `gpu_reason`. `clock` must outlive the attributor. Never fails: what
    /// cannot be counted is in the result, with a reason.
    static Attributor prepare(const SysRoot& root, const std::string& run_id,
                              std::unique_ptr<GpuProcessReader> gpus, std::string gpu_reason,
                              const Clock& clock);

    /// Folder of the control group to start the run in (for clone3); nothing when there is none.
    std::optional<int> cgroup_fd() const;

    /// The run has started as `pid`; `is_in_cgroup` when it began its life in cgroup_fd().
    void start(std::int64_t pid, bool is_in_cgroup);

    /// Count once. The last time while the run's first process has ended and is not waited for.
    void sample();

    /// Return what was counted. `waited_cpu_s` is what waiting for the first process gave.
    MeasuredShares finish(std::optional<double> waited_cpu_s);

  private:
    Attributor(SysRoot root, const Clock& clock) : root_(std::move(root)), clock_(&clock) {}

    bool use_cgroup(Result<RunCgroup> group);
    void sample_gpus();
    void put_cpu(MeasuredShares& shares, std::optional<double> waited_cpu_s) const;
    void put_gpus(MeasuredShares& shares) const;

    SysRoot root_;
    const Clock* clock_;
    std::optional<double> machine_begin_s_;
    std::string machine_reason_;
    std::optional<RunCgroup> cgroup_;
    double cgroup_begin_s_ = 0;
    double own_begin_s_ = 0;  ///< CPU time of this process, when it is in the group too
    bool is_in_cgroup_ = false;
    std::optional<ProcessTree> tree_;
    std::set<std::int64_t> pids_;  ///< ever seen in the tree

    std::unique_ptr<GpuProcessReader> gpus_;
    std::string gpu_reason_;
    MonoTime last_gpu_read_{};

    struct GpuTime {
        double own_s = 0;
        double all_s = 0;
    };

    std::map<std::string, GpuTime> gpu_times_;
};

}  // namespace finewatt
