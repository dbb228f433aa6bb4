// Measuring the machine at rest: mean power of each channel, with its range.
//
// Main function: measure_idle. What later runs make of it is calibrations.h.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/result.h"
#include "finewatt/meter/meter.h"
#include "finewatt/record/calibration.h"
#include "finewatt/sensor/probe.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace finewatt {

/// A machine whose CPUs are busy for more than this share of the time is not at rest. One busy core
/// of 20; a desktop without work shows 1 to 3 %. Our choice.
inline constexpr double kIdleBusyShare = 0.05;

/// Watches how busy all CPUs of a machine are, from its making on. Used by one thread at a time.
class LoadWatch {
  public:
    /// `clock` must outlive the watch.
    LoadWatch(const SysRoot& root, const Clock& clock);

    /// Return the busy share, 0..1; nothing when /proc cannot be read.
    std::optional<double> busy_share() const;

  private:
    SysRoot root_;
    const Clock* clock_;
    double cpus_ = 0;
    std::optional<double> begin_busy_s_;
    MonoTime begin_{};
};

/// "the CPUs were busy for 12.0 % of the time, at rest they are below 5 %"
std::string busy_text(double share);

/// Waits for a while; returns false when the user wants to stop. Tests move a clock instead.
using Waiter = std::function<bool(std::chrono::nanoseconds)>;

struct IdleOptions {
    std::chrono::nanoseconds duration = std::chrono::seconds(60);
    std::chrono::nanoseconds interval = std::chrono::milliseconds(100);  ///< between samples
    bool is_forced = false;  ///< measure a busy machine too, with a note
};

/// Measure for `duration`. Looks at the load for a second first, and again over the whole time.
/// `gpus` are those of discovery, for the machine's identity. id and version are left empty.
///
/// Errors: busy when the machine is not at rest and is_forced is not set, with the load;
/// cancelled when the waiter says so; unsupported when no channel gave a power.
Result<IdleBaseline> measure_idle(std::vector<std::unique_ptr<Source>> sources,
                                  const DiscoveryOptions& sensors, const std::vector<GpuInfo>& gpus,
                                  const IdleOptions& options, const Waiter& wait);

/// Return the range of a channel's mean power at rest: from the lower to the upper of the range of
/// its energy over the time, and of the means over six parts of the time.
ChannelIdle idle_of(const ComponentEnergy& component, double duration_s,
                    const std::vector<PowerSeries>& series);

}  // namespace finewatt
