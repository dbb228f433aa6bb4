// The GPUs that NVML lists, and which of them this process may use (CUDA_VISIBLE_DEVICES).
//
// Main types: nvml::Gpu, nvml::GpuList. Not for reading energy: nvml_source.cpp.
#pragma once

#include "finewatt/sensor/gpu_probe_internal.h"
#include "finewatt/sensor/nvml_library_internal.h"
#include "finewatt/sensor/nvml_visible.h"

#include <optional>
#include <string>
#include <vector>

namespace finewatt::nvml {

/// One physical GPU.
struct Gpu {
    Device handle = nullptr;
    std::string name;
    std::string uuid;
    std::string pci_address;   ///< "0000:c1:00.0", or empty
    std::string architecture;  ///< "ampere", or empty
    std::optional<double> limit_w;
    bool is_selected = true;
    bool has_mig_slices = false;  ///< it is cut into slices
};

/// All GPUs, in NVML's order.
struct GpuList {
    std::vector<Gpu> gpus;
    std::string driver;
    std::vector<UnreadGpu> unread;       ///< GPUs that gave no handle or no UUID
    std::optional<std::string> failure;  ///< why even their number is unknown
    /// What CUDA_VISIBLE_DEVICES did; empty without the variable.
    std::string visible_note;
    std::string visible_advice;
};

/// Name of the library to open: FINEWATT_NVML_LIBRARY, else libnvidia-ml.so.1.
std::string library_name(const EnvLookup& env);

/// List the GPUs and mark those that CUDA shows.
GpuList list_gpus(const Library& library, const EnvLookup& env);

}  // namespace finewatt::nvml
