// Discovery: look for every sensor of the machine, choose per component (cpu, dram, gpu), and say
// why. `finewatt doctor` prints the reports; the meter polls the sources.
//
// Order per component and device: energy counter, averaged power, momentary power, model. Measured
// always beats modelled. The order of the sensors is one table in discovery.cpp.
#pragma once

#include "finewatt/sensor/probe.h"

#include <memory>
#include <string>
#include <vector>

namespace finewatt {

/// What was found. The sources may be polled by one thread.
struct Discovery {
    std::vector<std::unique_ptr<Source>> sources;  ///< those to poll; best first, models last
    std::vector<SourceReport> reports;             ///< every source looked for, usable or not
    std::vector<UnmeasuredComponent> unmeasured;   ///< what a total must not silently lack
    std::vector<GpuInfo> gpus;                     ///< for machine_info()
};

/// Probe every source once and choose. Sources that a better one makes unnecessary are not among
/// `sources`, unless `all_sources` is set. Each channel's reason names the better sensors that
/// could not serve. Never fails: what cannot be used is in `reports`.
Discovery discover(const DiscoveryOptions& options);

}  // namespace finewatt
