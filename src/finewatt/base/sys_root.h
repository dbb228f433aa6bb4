// SysRoot: the prefix put before /sys, /proc and /dev, for containers that mount the host's trees
// elsewhere and for tests on fake kernel trees.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

namespace finewatt {

/// A prefix for kernel paths; empty means the machine's own tree.
class SysRoot {
  public:
    SysRoot() = default;

    explicit SysRoot(std::filesystem::path prefix) : prefix_(std::move(prefix)) {}

    /// Return the prefix joined with an absolute kernel path: ("/host", "/proc/stat") gives
    /// "/host/proc/stat".
    std::filesystem::path path(const std::string& absolute) const {
        return prefix_.empty() ? std::filesystem::path(absolute)
                               : std::filesystem::path(prefix_.string() + absolute);
    }

    bool is_real() const { return prefix_.empty(); }

  private:
    std::filesystem::path prefix_;
};

}  // namespace finewatt
