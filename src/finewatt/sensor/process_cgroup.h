// RunCgroup: a control group (cgroup v2) of the run's own, whose CPU time the kernel counts
// exactly, short-lived and orphaned processes included.
//
// Main type: RunCgroup. Not for limits: no controller is switched on. Where no group can be made,
// process_tree.h counts. Source: Documentation/admin-guide/cgroup-v2.rst of Linux 6.1, "cpu.stat".
#pragma once

#include "finewatt/base/file.h"
#include "finewatt/base/result.h"
#include "finewatt/base/sys_root.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace finewatt {

/// One control group. Used by one thread at a time.
class RunCgroup {
  public:
    /// Make a group called `name` below the one this process is in. It is removed with the object,
    /// unless a process is still in it. Errors: unsupported without cgroup v2; permission where
    /// this user may not make groups (then a delegated group helps: `systemd-run --user --scope`);
    /// io.
    static Result<RunCgroup> create(const SysRoot& root, const std::string& name);

    /// Take the group that this process is in, when no other process is. Error: unsupported without
    /// cgroup v2, for the root group, or when the group has other members.
    static Result<RunCgroup> open_own(const SysRoot& root);

    RunCgroup(RunCgroup&& other) noexcept;
    RunCgroup& operator=(RunCgroup&& other) noexcept;
    RunCgroup(const RunCgroup&) = delete;
    RunCgroup& operator=(const RunCgroup&) = delete;
    ~RunCgroup();

    /// The group's folder, opened, for clone3 with CLONE_INTO_CGROUP.
    int fd() const { return folder_fd_.get(); }

    /// Whether the group was made for the run, so that this process is not in it.
    bool is_made() const { return is_made_; }

    const std::filesystem::path& folder() const { return folder_; }

    /// CPU time of the group since it was made, in seconds. Errors: not found, io, corrupt.
    Result<double> cpu_s() const;

  private:
    RunCgroup(std::filesystem::path folder, ScopedFd folder_fd, bool is_made)
        : folder_(std::move(folder)),
          folder_fd_(std::move(folder_fd)),
          is_made_(is_made) {}

    void remove();

    std::filesystem::path folder_;
    ScopedFd folder_fd_;
    bool is_made_ = false;
};

/// Read `usage_usec` of a cpu.stat. Error: corrupt, when it has none.
Result<std::uint64_t> parse_cgroup_usage_us(std::string_view text, std::string_view name);

}  // namespace finewatt
