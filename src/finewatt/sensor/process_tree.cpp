#include "finewatt/sensor/process_tree.h"

#include <fmt/format.h>

#include <system_error>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <limits>
#include <utility>

namespace finewatt {

Result<ProcessTree> ProcessTree::open(SysRoot root, std::int64_t pid) {
    FINEWATT_ASSIGN(const ProcessStat first, read_process_stat(root, pid));
    return ProcessTree(std::move(root), first);
}

ProcessTree::ProcessTree(SysRoot root, const ProcessStat& first)
    : root_(std::move(root)),
      first_{first.pid, first.start_ticks} {
    members_[first_] = {std::nullopt, first.own_ticks, first.waited_ticks};
    highest_ticks_ = first.own_ticks + first.waited_ticks;
    seen_ = 1;
}

/// Return those of `processes` that belong to the tree: members seen before, and descendants of
/// members along living parents.
ProcessTree::Members ProcessTree::members_of(const std::vector<ProcessStat>& processes) const {
    std::map<std::int64_t, const ProcessStat*> by_pid;
    std::multimap<std::int64_t, const ProcessStat*> by_parent;
    for (const ProcessStat& process : processes) {
        by_pid[process.pid] = &process;
        by_parent.emplace(process.parent, &process);
    }
    Members now;
    std::vector<Key> open;
    const auto add = [&](const ProcessStat& process, std::optional<Key> parent) {
        const Key key{process.pid, process.start_ticks};
        if (now.contains(key)) {
            return;
        }
        if (const auto before = members_.find(key); before != members_.end()) {
            parent = before->second.parent;
        }
        now[key] = {parent, process.own_ticks, process.waited_ticks};
        open.push_back(key);
    };
    for (const auto& member : members_) {
        const auto found = by_pid.find(member.first.pid);
        if (found != by_pid.end() && found->second->start_ticks == member.first.start_ticks) {
            add(*found->second, member.second.parent);
        }
    }
    while (!open.empty()) {
        const Key parent = open.back();
        open.pop_back();
        const auto children = by_parent.equal_range(parent.pid);
        for (auto child = children.first; child != children.second; ++child) {
            // A child is never older than its parent; an older one belongs to an earlier owner of
            // the parent's id.
            if (child->second->start_ticks >= parent.start_ticks) {
                add(*child->second, parent);
            }
        }
    }
    return now;
}

/// Take out what ended while /proc was listed. A parent read late may have an ended child in its
/// own figure already; the child must then not count beside it. A member that is there, and only
/// cannot be read at the moment, keeps its last figures.
void ProcessTree::drop_ended(Members& now) const {
    for (auto member = now.begin(); member != now.end();) {
        member = has_ended(member->first) ? now.erase(member) : std::next(member);
    }
    for (const auto& member : members_) {
        if (!now.contains(member.first) && !has_ended(member.first)) {
            now.insert(member);
        }
    }
}

bool ProcessTree::has_ended(const Key& key) const {
    const Result<ProcessStat> stat = read_process_stat(root_, key.pid);
    if (!stat) {
        // A process that ends while its file is read gives ESRCH, an io error.
        std::error_code unknown;
        return !std::filesystem::exists(root_.path(fmt::format("/proc/{}", key.pid)), unknown) &&
               !unknown;
    }
    return stat->start_ticks != key.start_ticks;
}

/// Return by how much the waited-for time of `ancestor` has grown up to this moment; the largest
/// number when it has just ended and its figure cannot be known.
std::uint64_t ProcessTree::waited_since_last(const Key& ancestor) const {
    const Result<ProcessStat> stat = read_process_stat(root_, ancestor.pid);
    if (!stat || stat->start_ticks != ancestor.start_ticks) {
        return std::numeric_limits<std::uint64_t>::max();
    }
    const auto last = members_.find(ancestor);
    const std::uint64_t before = last == members_.end() ? 0 : last->second.waited_ticks;
    return stat->waited_ticks - std::min(stat->waited_ticks, before);
}

/// Return the ticks of members that are gone since the last reading, as far as no living ancestor
/// in the tree has them among its waited-for children. Ancestors are read after the gone were
/// missed, so whatever they waited for is in their figure.
std::uint64_t ProcessTree::lost_ticks(const Members& now) const {
    std::map<std::optional<Key>, std::uint64_t> gone_below;
    for (const auto& member : members_) {
        if (now.contains(member.first)) {
            continue;
        }
        std::optional<Key> ancestor = member.second.parent;
        while (ancestor && !now.contains(*ancestor)) {
            const auto above = members_.find(*ancestor);
            ancestor = above == members_.end() ? std::nullopt : above->second.parent;
        }
        gone_below[ancestor] += member.second.own_ticks + member.second.waited_ticks;
    }
    std::uint64_t lost = 0;
    for (const auto& gone : gone_below) {
        const std::uint64_t waited = gone.first ? waited_since_last(*gone.first) : 0;
        lost += gone.second - std::min(gone.second, waited);
    }
    return lost;
}

Status ProcessTree::read() {
    FINEWATT_ASSIGN(const std::vector<ProcessStat> processes, read_all_processes(root_));
    Members now = members_of(processes);
    drop_ended(now);
    retained_ticks_ += lost_ticks(now);
    std::uint64_t ticks = retained_ticks_;
    for (const auto& member : now) {
        ticks += member.second.own_ticks + member.second.waited_ticks;
        seen_ += members_.contains(member.first) ? 0U : 1U;
    }
    members_ = std::move(now);
    highest_ticks_ = std::max(highest_ticks_, ticks);
    return {};
}

double ProcessTree::cpu_s() const {
    return static_cast<double>(highest_ticks_) / clock_ticks_per_second();
}

std::vector<std::int64_t> ProcessTree::live_pids() const {
    std::vector<std::int64_t> pids;
    for (const auto& member : members_) {
        pids.push_back(member.first.pid);
    }
    return pids;
}

}  // namespace finewatt
