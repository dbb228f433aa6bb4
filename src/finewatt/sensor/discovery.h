// Discovery: look for every sensor of the machine, choose per component (cpu, dram, gpu), and say
// why. `finewatt doctor` prints the reports; the meter polls the sources.
//
// Order per component: energy counter, power gauge, model. Measured always beats modelled.
#pragma once

#include "finewatt/sensor/probe.h"

#include <memory>
#include <string>
#include <vector>

namespace finewatt {

/// A component that exists and that nothing can measure or model. A total that should contain it
/// is unknown, never smaller.
struct UnmeasuredComponent {
    std::string component;  ///< "cpu", "dram" or "gpu"
    std::string device;     ///< e.g. a GPU's UUID
    std::string reason;
    std::string advice;
};

/// What was found. The sources may be polled by one thread.
struct Discovery {
    std::vector<std::unique_ptr<Source>> sources;  ///< usable ones; counters before models
    std::vector<SourceReport> reports;             ///< every source looked for, usable or not
    std::vector<UnmeasuredComponent> unmeasured;
};

/// Probe every source once and choose. Never fails: what cannot be used is in `reports`.
Discovery discover(const DiscoveryOptions& options);

}  // namespace finewatt
