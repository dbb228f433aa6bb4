// The GPUs that the kernel shows, with or without a vendor's library: /proc/driver/nvidia/gpus and
// the vendor ids under /sys/class/drm.
//
// Main function: list_pci_gpus. Not for reading energy. Sources: NVIDIA driver README, "proc file
// system interface"; Linux, drivers/gpu/drm/amd/pm/amdgpu_pm.c (hwmon_attributes_visible).
#pragma once

#include "finewatt/base/sys_root.h"

#include <string>
#include <vector>

namespace finewatt {

enum class GpuVendor { kNvidia, kAmd, kIntel };

std::string_view gpu_vendor_name(GpuVendor vendor);

/// A GPU on the PCI bus.
struct PciGpu {
    GpuVendor vendor{};
    std::string pci_address;        ///< "0000:c1:00.0"
    std::string device_id;          ///< "0x20b0", or empty
    std::string name;               ///< NVIDIA only; else empty
    std::string uuid;               ///< NVIDIA only; else empty
    bool is_integrated = false;     ///< inside the processor; its energy is part of the package
    bool has_hwmon_energy = false;  ///< hwmon_source can read it (AMD, Intel)
};

/// List the GPUs of the three vendors, each once, ordered by PCI address. What cannot be read is
/// left out.
std::vector<PciGpu> list_pci_gpus(const SysRoot& root);

}  // namespace finewatt
