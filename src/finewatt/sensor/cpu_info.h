// What /proc/cpuinfo says of the processors: name, sockets, cores, and whether a hypervisor hides
// the real machine.
//
// Main type: CpuInfo. Not for power: that is cpu_power.h.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/base/sys_root.h"

#include <string>
#include <string_view>

namespace finewatt {

/// The processors that this machine, or virtual machine, shows.
struct CpuInfo {
    std::string model;            ///< "model name" as the kernel gives it; empty when it has none
    std::string vendor;           ///< "vendor_id"; empty when it has none
    unsigned family = 0;          ///< "cpu family" (x86); 0 when it has none
    unsigned model_number = 0;    ///< "model" (x86); 0 when it has none
    unsigned logical_cpus = 0;    ///< number of processors listed, at least 1
    unsigned sockets = 1;         ///< distinct "physical id"
    unsigned physical_cores = 0;  ///< "cpu cores" x sockets; 0 when unknown
    unsigned threads_per_core = 1;
    bool is_virtual = false;  ///< the flags hold "hypervisor" (x86)

    bool is_intel() const { return vendor == "GenuineIntel"; }

    /// AMD, or Hygon, whose processors are AMD's.
    bool is_amd() const { return vendor == "AuthenticAMD" || vendor == "HygonGenuine"; }
};

/// Parse the text of /proc/cpuinfo. Error: corrupt, when no processor is listed.
Result<CpuInfo> parse_cpu_info(std::string_view text);

/// Read and parse /proc/cpuinfo under `root`. Errors: not found, permission, io, corrupt.
Result<CpuInfo> read_cpu_info(const SysRoot& root);

}  // namespace finewatt
