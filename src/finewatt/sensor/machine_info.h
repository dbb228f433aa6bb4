// What a record says of the machine it ran on. Read from the kernel through SysRoot; GPUs are
// passed in, as discovery.h found them.
//
// Not for measuring: nothing here is polled.
#pragma once

#include "finewatt/sensor/probe.h"

#include <map>
#include <string>
#include <vector>

namespace finewatt {

/// Return what is known of the machine. Keys, each absent when unknown: cpu_model, cpu_vendor,
/// logical_cpus, physical_cores, cpu_sockets, memory_bytes, hypervisor ("yes" or "no"), kernel,
/// hostname (plain, as the kernel gives it; exports that leave the machine should drop it),
/// boot_id, gpu_0_name, gpu_0_uuid, gpu_0_driver, …
std::map<std::string, std::string> machine_info(const DiscoveryOptions& options,
                                                const std::vector<GpuInfo>& gpus);

}  // namespace finewatt
