// What to do where a sensor exists but may not be read: one line of advice per kind of sensor, and
// the udev rule that lets a group read the energy counters.
//
// Not for finding out whether a sensor may be read: the sources do that.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/sensor/probe.h"

#include <string>
#include <string_view>

namespace finewatt {

/// Return the commands that let this program open perf events: a capability on the program's real
/// path, or the setting of the kernel; with Docker's option when this is a container.
std::string perf_advice(const DiscoveryOptions& options);

/// Return the commands that make energy_uj readable, for a group through the udev rule, or for all.
std::string powercap_advice(const DiscoveryOptions& options);

/// Return the commands that make /dev/cpu/N/msr readable for this program.
std::string msr_advice(const DiscoveryOptions& options);

/// Return what a container must mount to see the host's sensors; empty outside of containers.
std::string container_advice(const DiscoveryOptions& options);

/// Return the text of a udev rule that gives `group` the right to read the energy counters of
/// powercap and of the driver amd_energy, with the steps to install it as comments. Error: invalid
/// argument, when `group` is no name that groupadd accepts.
Result<std::string> udev_rule_text(std::string_view group);

}  // namespace finewatt
