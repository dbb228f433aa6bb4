// GpuProcessReader: which process keeps a GPU busy, and for what share of the time. For attributing
// a GPU's energy to a process tree; not for energy itself.
//
// Source: nvmlDeviceGetProcessUtilization of the NVML API (SM utilisation per process).
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/sensor/probe.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace finewatt {

/// What one process did on one GPU since the last read.
struct GpuProcessUse {
    std::string device;     ///< the GPU's UUID, as in ChannelSpec::device
    std::int64_t pid = 0;   ///< in the host's PID namespace
    double busy_share = 0;  ///< share of the time in which its kernels ran, 0..1
};

/// Reads per-process use of the GPUs that CUDA_VISIBLE_DEVICES leaves. Used by one thread at a
/// time.
class GpuProcessReader {
  public:
    virtual ~GpuProcessReader() = default;

    /// Return the use since the last call (since the opening for the first). A process without
    /// kernels in that time may be missing. Errors: unsupported where the driver cannot tell (then
    /// only the whole device is known), io.
    virtual Result<std::vector<GpuProcessUse>> read() = 0;
};

/// Return a reader for the NVIDIA GPUs of this machine. Errors: not found where there is no GPU
/// library or no visible GPU; unsupported, naming the GPU, where the driver cannot tell for every
/// one of them (then a process that is missing would look idle, so none is read).
Result<std::unique_ptr<GpuProcessReader>> open_gpu_process_reader(const DiscoveryOptions& options);

}  // namespace finewatt
