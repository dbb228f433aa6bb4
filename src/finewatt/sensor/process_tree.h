// ProcessTree: CPU time of one process and all its descendants, also of those that ended.
//
// Main type: ProcessTree. It is read now and then (once a second and at the edges of a run); CPU
// time of children that lived and ended in between is in their parent's figure once the parent
// waited for them. Not for shares of energy: study/attribution.h. The exact way, where the kernel
// and the rights allow it, is process_cgroup.h.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/base/sys_root.h"
#include "finewatt/sensor/process_stat.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace finewatt {

/// Follows the tree below one process. The figure is a lower bound that never decreases: nothing is
/// counted twice, and what is lost is the last stretch of a process that nobody in the tree waited
/// for, and a child that nobody waited for and that lived between two readings. A process whose
/// parent ended stays in the tree. Used by one thread at a time.
class ProcessTree {
  public:
    /// Follow `pid` below `root`. Errors: not found or permission when the process cannot be seen
    /// (another PID namespace, a hidden /proc, or it has ended).
    static Result<ProcessTree> open(SysRoot root, std::int64_t pid);

    /// Read the tree once. Error: that of read_all_processes; the figures then stay as they were.
    Status read();

    /// CPU time of the tree so far, in seconds.
    double cpu_s() const;

    /// Processes that were alive at the last reading, by id.
    std::vector<std::int64_t> live_pids() const;

    /// Number of processes ever seen in the tree.
    std::size_t processes_seen() const { return seen_; }

  private:
    /// One process: its id is used again, id and start time are not.
    struct Key {
        std::int64_t pid = 0;
        std::uint64_t start_ticks = 0;
        friend auto operator<=>(const Key&, const Key&) = default;
    };

    struct Member {
        std::optional<Key> parent;  ///< within the tree, when first seen
        std::uint64_t own_ticks = 0;
        std::uint64_t waited_ticks = 0;
    };

    using Members = std::map<Key, Member>;

    ProcessTree(SysRoot root, const ProcessStat& first);

    Members members_of(const std::vector<ProcessStat>& processes) const;
    void drop_ended(Members& now) const;
    bool has_ended(const Key& key) const;
    std::uint64_t lost_ticks(const Members& now) const;
    std::uint64_t waited_since_last(const Key& ancestor) const;

    SysRoot root_;
    Key first_;
    Members members_;
    std::uint64_t retained_ticks_ = 0;  ///< of processes that are gone and in no other figure
    std::uint64_t highest_ticks_ = 0;
    std::size_t seen_ = 0;
};

}  // namespace finewatt
