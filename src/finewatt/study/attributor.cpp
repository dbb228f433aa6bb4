#include "finewatt/study/attributor.h"

#include "finewatt/sensor/process_stat.h"

#include <fmt/format.h>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace finewatt {
namespace {

double seconds_of(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

double own_cpu_s() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

/// Follow the tree where it can be seen: below the root that was asked for when that shows the same
/// process (same start), else in this process's own /proc, which always shows its children.
std::optional<ProcessTree> open_tree(const SysRoot& root, std::int64_t pid) {
    const Result<ProcessStat> own = read_process_stat(SysRoot(), pid);
    const Result<ProcessStat> there = read_process_stat(root, pid);
    const bool is_same = own && there && own->start_ticks == there->start_ticks;
    Result<ProcessTree> tree = ProcessTree::open(is_same || !own ? root : SysRoot(), pid);
    return tree ? std::optional<ProcessTree>(*std::move(tree)) : std::nullopt;
}

}  // namespace

Attributor Attributor::prepare(const SysRoot& root, const std::string& run_id,
                               std::unique_ptr<GpuProcessReader> gpus, std::string gpu_reason,
                               const Clock& clock) {
    Attributor made(root, clock);
    made.gpus_ = std::move(gpus);
    made.gpu_reason_ = std::move(gpu_reason);
    if (made.gpus_ != nullptr) {
        // Use up to now is not the run's.
        if (const auto first = made.gpus_->read(); !first) {
            made.gpus_.reset();
            made.gpu_reason_ = first.error().describe();
        }
        made.last_gpu_read_ = clock.mono_now();
    }
    if (!made.use_cgroup(RunCgroup::create(root, "finewatt-" + run_id))) {
        made.use_cgroup(RunCgroup::open_own(root));
    }
    // Last, so that finding the way is not inside.
    if (const Result<double> busy_s = read_machine_busy_s(root)) {
        made.machine_begin_s_ = *busy_s;
    } else {
        made.machine_reason_ = busy_s.error().describe();
    }
    return made;
}

bool Attributor::use_cgroup(Result<RunCgroup> group) {
    if (!group) {
        return false;
    }
    const Result<double> begin_s = group->cpu_s();
    if (!begin_s) {
        return false;
    }
    cgroup_ = *std::move(group);
    cgroup_begin_s_ = *begin_s;
    own_begin_s_ = own_cpu_s();
    return true;
}

std::optional<int> Attributor::cgroup_fd() const {
    return cgroup_ && cgroup_->is_made() ? std::optional<int>(cgroup_->fd()) : std::nullopt;
}

void Attributor::start(std::int64_t pid, bool is_in_cgroup) {
    is_in_cgroup_ = cgroup_ && (is_in_cgroup || !cgroup_->is_made());
    tree_ = open_tree(root_, pid);
    pids_.insert(pid);
}

void Attributor::sample() {
    if (tree_ && tree_->read()) {
        for (const std::int64_t pid : tree_->live_pids()) {
            pids_.insert(pid);
        }
    }
    sample_gpus();
}

void Attributor::sample_gpus() {
    if (gpus_ == nullptr) {
        return;
    }
    const Result<std::vector<GpuProcessUse>> uses = gpus_->read();
    const MonoTime now = clock_->mono_now();
    if (!uses) {
        if (uses.error().code() == ErrorCode::kUnsupported) {
            gpu_reason_ = uses.error().describe();
            gpus_.reset();
        }
        return;  // any other failure: the next reading speaks of this time too
    }
    const double since_s = as_seconds(now - last_gpu_read_);
    last_gpu_read_ = now;
    for (const GpuProcessUse& use : *uses) {
        const double busy_s = std::max(use.busy_share, 0.0) * since_s;
        GpuTime& time = gpu_times_[use.device];
        time.all_s += busy_s;
        time.own_s += pids_.contains(use.pid) ? busy_s : 0;
    }
}

void Attributor::put_cpu(MeasuredShares& shares, std::optional<double> waited_cpu_s) const {
    const double tick_s = 1 / clock_ticks_per_second();
    const long cpus = std::max(::sysconf(_SC_NPROCESSORS_ONLN), 1L);
    shares.machine_cpu_s_error = static_cast<double>(cpus) * tick_s;
    if (is_in_cgroup_) {
        if (const Result<double> now_s = cgroup_->cpu_s()) {
            const double own_s = cgroup_->is_made() ? 0 : own_cpu_s() - own_begin_s_;
            shares.method = "cgroup";
            shares.cpu_s = std::max(*now_s - cgroup_begin_s_ - own_s, 0.0);
            return;
        }
    }
    if (tree_) {
        shares.method = "process-tree";
        shares.cpu_s = std::max(tree_->cpu_s(), waited_cpu_s.value_or(0));
        // User and system time of each process are rounded down to ticks.
        shares.cpu_s_missing = 2 * tick_s * static_cast<double>(tree_->processes_seen());
        return;
    }
    shares.method = "waited-children";
    shares.cpu_s = waited_cpu_s;
    if (!shares.cpu_s) {
        shares.cpu_reason = "the run's processes cannot be seen in /proc";
    }
}

void Attributor::put_gpus(MeasuredShares& shares) const {
    if (gpus_ == nullptr) {
        shares.gpu_reason = gpu_reason_;
        return;
    }
    GpuTime all;
    for (const auto& gpu : gpu_times_) {
        const double share = gpu.second.all_s > 0 ? gpu.second.own_s / gpu.second.all_s : 0;
        shares.gpu[gpu.first] = {share, share, share};
        all.own_s += gpu.second.own_s;
        all.all_s += gpu.second.all_s;
    }
    if (all.all_s > 0) {
        shares.gpu_share = all.own_s / all.all_s;
    }
}

MeasuredShares Attributor::finish(std::optional<double> waited_cpu_s) {
    MeasuredShares shares;
    put_cpu(shares, waited_cpu_s);
    put_gpus(shares);
    const Result<double> busy_s = read_machine_busy_s(root_);
    if (busy_s && machine_begin_s_) {
        shares.machine_cpu_s = std::max(*busy_s - *machine_begin_s_, 0.0);
    } else {
        shares.cpu_reason = busy_s ? machine_reason_ : busy_s.error().describe();
    }
    return shares;
}

}  // namespace finewatt
