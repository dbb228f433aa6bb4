// What AMD SMI and ROCm SMI have in common: the counter's unit, cards of two dies, partitions of a
// card, and the channels made of them.
//
// Main function: add_amd_gpus. Not for calling the libraries: amdsmi_source.cpp,
// rocm_smi_source.cpp.
#pragma once

#include "finewatt/sensor/gpu_probe_internal.h"
#include "finewatt/sensor/gpu_source_internal.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace finewatt {

/// One device that the library lists: a card, a die of a card, or a partition of a card.
struct AmdGpu {
    std::string pci_address;  ///< empty when unknown
    unsigned partition = 0;   ///< the first of a card is 0
    std::string name;
    std::string uuid;
    std::optional<double> limit_w;
    GpuRead energy;                    ///< raw accumulator; null when the library lacks the call
    double counter_resolution_uj = 0;  ///< what the library says of the accumulator
    GpuAnswer first_energy;
    GpuRead power;           ///< null when it cannot be read
    std::string power_unit;  ///< "W" or "mW"
    GpuAnswer first_power;
    std::string refusals;  ///< why energy or power was dropped
};

/// Say in `probe` why there are no AMD GPUs, when the driver's device /dev/kfd is not there; true
/// when it is.
bool has_amd_driver(const SysRoot& root, GpuVendorProbe& probe);

/// The PCI addresses of AMD graphics inside processors, whose libraries show the processor's power.
std::vector<std::string> integrated_amd_gpus(const SysRoot& root);

/// What one read of an accumulator gave.
struct AmdEnergy {
    GpuAnswer answer;
    double resolution_uj = 0;
    std::string failure;  ///< the library's text; empty after a success
};

/// Read the accumulator once, and keep the call when it may work again.
void set_energy(AmdGpu& gpu, const std::function<AmdEnergy()>& ask);

/// Read the power once, and keep the call when it may work again. `unit` is "W" or "mW".
void set_power(AmdGpu& gpu, GpuRead ask, const std::string& unit);

/// Note why a reading of this GPU is not used.
void add_refusal(AmdGpu& gpu, const std::string& text);

/// Split the number that amdsmi_get_gpu_bdf_id and rsmi_dev_pci_id_get give: domain in bits 32-63,
/// partition in 28-31, bus in 8-15, device in 3-7, function in 0-2. Sets address and partition.
void set_pci_id(AmdGpu& gpu, std::uint64_t bdfid);

/// Return joules per tick of an accumulator. The libraries say 15.3 or 15.259 uJ for what Linux
/// states as 2^-16 J (amdgpu, struct gpu_metrics_v1_4: "Energy (15.259uJ (2^-16) units)"), so
/// values within 0.5 % of that become 2^-16 J; others are taken as they are. Nothing when it is no
/// size.
std::optional<double> joules_per_tick(double counter_resolution_uj);

/// How the library and the machine look, for add_amd_gpus.
struct AmdLibrary {
    const char* source_name = "";
    std::string note;                     ///< begins the report
    std::vector<std::string> integrated;  ///< integrated_amd_gpus()
};

/// Make one source of all devices and add it, its report and the GPUs to `probe`. Only the first
/// partition of a card gets channels; the second die of a card, which reads 0, belongs to the
/// first; graphics inside a processor belongs to its package.
void add_amd_gpus(GpuVendorProbe& probe, const AmdLibrary& library, const Clock& clock,
                  std::vector<AmdGpu> gpus);

}  // namespace finewatt
