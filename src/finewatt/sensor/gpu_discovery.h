// Looks for every GPU of the machine and for the best way to read each: the vendor's library, else
// a model, else a line that says the GPU is unmeasured. A GPU is never left out in silence.
//
// Main function: probe_gpus. Not for GPUs that hwmon shows (hwmon files are a source of their own),
// nor for graphics inside a processor, whose energy is in the package.
#pragma once

#include "finewatt/sensor/probe.h"

#include <vector>

namespace finewatt {

/// Probe NVML, AMD SMI (else ROCm SMI) and Level Zero, each only where its device node exists, and
/// use the GPU model for a GPU that its library cannot read. Sources: "nvml" and "nvml-power",
/// "amdsmi" or "rocm-smi", "level-zero", "gpu-model". ChannelSpec::device is the UUID of an NVIDIA
/// GPU and the PCI address ("0000:c1:00.0") of all others. Never fails: what cannot be used is in
/// the reports, and what nothing can tell is unmeasured.
std::vector<SourceProbe> probe_gpus(const DiscoveryOptions& options);

}  // namespace finewatt
