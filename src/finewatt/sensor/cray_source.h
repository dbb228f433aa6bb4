// CraySource: the energy counters of HPE Cray nodes, /sys/cray/pm_counters.
//
// The node's controller renews all files about ten times a second and then counts `freshness` up.
// A file holds "12345 J 1671234567890123 us" (older systems: without the time). `energy` is the
// whole node; it contains cpu_energy, memory_energy and the accelerators. Source: HPE Cray System
// Management, "User Access to Compute Node Power Data". Not for power caps.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/file.h"
#include "finewatt/sensor/probe.h"
#include "finewatt/sensor/source.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// One counter channel per energy file, in joules; the node's power in watts where the node has no
/// energy file. Used by one thread at a time.
class CraySource : public Source {
  public:
    /// Open every energy file. One figure stands for all processors, so on a node with several
    /// sockets its device is "cpu", which covers "cpu0", "cpu1" and so on.
    static SourceProbe probe(const DiscoveryOptions& options);

    std::string_view name() const override { return "cray"; }

    std::span<const ChannelSpec> channels() const override { return channels_; }

    /// Outcomes: a file that vanished is gone; text of another form is a retry with EINVAL; figures
    /// that the controller has not renewed for a second are a retry with ETIMEDOUT; power far above
    /// the channel's ceiling is a retry with RANGE.
    void poll(std::span<Reading> readings) override;

  private:
    explicit CraySource(const Clock& clock) : clock_(clock) {}

    std::string read_freshness() const;

    const Clock& clock_;
    ScopedFd freshness_;
    std::string last_freshness_;  ///< text of the file; empty when it cannot be read
    MonoTime last_change_{};
    std::vector<ChannelSpec> channels_;
    std::vector<ScopedFd> files_;  ///< same order as channels_
};

/// Return the number of a counter file: digits, a space and `unit`, then nothing or a time stamp.
std::optional<std::uint64_t> parse_cray_value(std::string_view text, std::string_view unit);

}  // namespace finewatt
