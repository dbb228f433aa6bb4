// Which GPUs CUDA shows a process: CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER, after the rules of
// the CUDA C++ Programming Guide, "CUDA Environment Variables".
//
// Main function: select_visible_gpus. Not for listing GPUs: nvml_devices_internal.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace finewatt {

/// What tells one GPU from another.
struct CudaGpu {
    std::string name;
    std::string uuid;         ///< "GPU-8a7d..."
    std::string pci_address;  ///< "0000:c1:00.0", or empty when unknown
};

/// Return which of the GPUs CUDA will show, in the order given. A list holds indices, UUIDs or
/// unique prefixes of UUIDs; the first invalid entry (-1, say) ends it; an empty list hides all;
/// without a list all are visible. Indices count in PCI order when CUDA_DEVICE_ORDER is PCI_BUS_ID,
/// and when all GPUs have one name. Nothing when an index cannot be mapped: CUDA's own order of
/// different GPUs (FASTEST_FIRST) cannot be known from outside.
/// `visible` and `order` are the values of CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER.
std::optional<std::vector<bool>> select_visible_gpus(const std::vector<CudaGpu>& gpus,
                                                     const std::optional<std::string>& visible,
                                                     const std::optional<std::string>& order);

/// Return whether the list hides every GPU: it is empty, or its first entry is a negative number.
/// For machines whose GPUs cannot be listed.
bool hides_all_gpus(const std::optional<std::string>& visible);

}  // namespace finewatt
