// NvmlSource: energy counters and power of NVIDIA GPUs, through libnvidia-ml opened at run time.
//
// Per GPU: the counter nvmlDeviceGetTotalEnergyConsumption (mJ since driver load), and beside it
// the instant power (field 186, else nvmlDeviceGetPowerUsage) in mW. Source: NVML API reference,
// docs.nvidia.com/deploy/nvml-api. Not for utilisation or limits.
#pragma once

#include "finewatt/sensor/probe.h"
#include "finewatt/sensor/source.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// Counter and gauge channels of the GPUs that CUDA_VISIBLE_DEVICES leaves visible. Used by one
/// thread at a time.
class NvmlSource : public Source {
  public:
    /// Open the library when /dev/nvidiactl exists under the root. Its name is libnvidia-ml.so.1,
    /// or what FINEWATT_NVML_LIBRARY says. A GPU with neither counter nor power is listed as
    /// unmeasured.
    static SourceProbe probe(const DiscoveryOptions& options);

    ~NvmlSource() override;

    std::string_view name() const override { return "nvml"; }

    std::span<const ChannelSpec> channels() const override { return channels_; }

    /// Outcomes: a lost GPU, one that needs a reset and a function that is not supported any more
    /// are gone; a time-out (ETIMEDOUT), a missing permission (EACCES) and all else (EIO) are
    /// retries.
    void poll(std::span<Reading> readings) override;

  private:
    struct State;

    explicit NvmlSource(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
    std::vector<ChannelSpec> channels_;
};

/// Return which of the GPUs CUDA will show, in NVML's order. Follows CUDA's rules: a list of
/// indices, UUIDs or unique prefixes of UUIDs; the first invalid entry ends the list; an empty list
/// hides all; without a list all are visible. Nothing when an index cannot be mapped: CUDA's order
/// is NVML's only if CUDA_DEVICE_ORDER is PCI_BUS_ID or all GPUs have one name.
/// `visible` and `order` are the values of CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER.
std::optional<std::vector<bool>> select_visible_gpus(const std::vector<GpuInfo>& gpus,
                                                     const std::optional<std::string>& visible,
                                                     const std::optional<std::string>& order);

}  // namespace finewatt
