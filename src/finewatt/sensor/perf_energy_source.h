// PerfEnergySource: the RAPL energy counters as perf events of the PMUs `power` and `power_core`.
//
// Needs CAP_PERFMON or /proc/sys/kernel/perf_event_paranoid below 1, no root. Each count starts at
// 0 when it is opened and dies with this process. Source: arch/x86/events/rapl.c of Linux.
// Not for other perf events; the same counters in powercap are powercap_source.h.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/file.h"
#include "finewatt/sensor/probe.h"
#include "finewatt/sensor/source.h"

#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace finewatt {

/// One counter channel per event and package (or die), in ticks of 2^-32 J. Used by one thread at a
/// time.
class PerfEnergySource : public Source {
  public:
    /// Read the PMU's folders, open its events. Devices have the names that powercap gives them
    /// ("cpu0", "cpu0-die1", "platform"). The PMU `power_core` (one counter per core, AMD) becomes
    /// one channel per package, and only with options.all_sources: it lies inside the package. AMD
    /// before Linux 5.17 is refused, as its counts are wrong there.
    static SourceProbe probe(const DiscoveryOptions& options);

    std::string_view name() const override { return "perf"; }

    std::span<const ChannelSpec> channels() const override { return channels_; }

    /// Outcomes: a CPU that went away is gone; other failed reads are retries with their errno.
    void poll(std::span<Reading> readings) override;

    bool is_prompt() const override { return true; }

  private:
    friend class PerfBuilder;

    PerfEnergySource(const Clock& clock, PerfCalls calls)
        : clock_(clock),
          calls_(std::move(calls)) {}

    const Clock& clock_;
    PerfCalls calls_;
    std::vector<ChannelSpec> channels_;
    std::vector<std::vector<ScopedFd>> counts_;  ///< per channel; their sum is the reading
};

/// Return the system calls of this machine.
PerfCalls kernel_perf_calls();

}  // namespace finewatt
