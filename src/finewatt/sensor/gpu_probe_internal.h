// What the adapter of one GPU vendor hands to gpu_discovery: sources, reports, and the GPUs it saw
// but could not read, for the GPU model. And the small parts that all adapters share.
//
// Main type: GpuVendorProbe. Not for choosing: gpu_discovery.cpp.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/sensor/probe.h"

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace finewatt {

/// A GPU that exists and has neither a counter nor a power reading.
struct UnreadGpu {
    std::string device;             ///< as ChannelSpec::device
    std::string pci_address;        ///< "0000:c1:00.0"; empty when unknown
    std::string name;               ///< empty when unknown
    std::optional<double> limit_w;  ///< power limit in force; nothing = ask the TDP table
    /// Share of the time in which kernels ran, 0..1; nothing when one read fails. Null when the
    /// library cannot tell at all.
    std::function<std::optional<double>()> busy_share;
    std::string reason;  ///< why it cannot be read
    std::string advice;
};

/// What one vendor's adapter found.
struct GpuVendorProbe {
    std::vector<std::unique_ptr<Source>> sources;
    std::vector<SourceReport> reports;
    std::vector<GpuInfo> gpus;
    std::vector<UnreadGpu> unread;
    /// PCI addresses of all GPUs that the library showed, read, unread or hidden.
    std::vector<std::string> seen_pci_addresses;
    /// Set when the library could not be used; then the GPUs that the kernel shows are unread.
    std::optional<std::string> failure;
    std::string failure_advice;
};

/// Find all NVIDIA, AMD or Intel GPUs through their libraries.
GpuVendorProbe probe_nvml(const DiscoveryOptions& options);
GpuVendorProbe probe_amdsmi(const DiscoveryOptions& options);
GpuVendorProbe probe_rocm_smi(const DiscoveryOptions& options);
GpuVendorProbe probe_level_zero(const DiscoveryOptions& options);

/// Measures what opening a vendor's library cost: time by the clock, memory by /proc/self/statm.
class LibraryCost {
  public:
    explicit LibraryCost(const Clock& clock);

    /// Return e.g. "opened in 12.1 ms with 21.4 MiB" for the time since the construction.
    std::string text() const;

  private:
    const Clock& clock_;
    MonoTime begin_;
    double resident_mib_;
};

/// Return a sentence when one of these variables hides GPUs from the program, since only CUDA's is
/// followed; else "". E.g. "; HIP_VISIBLE_DEVICES=0 is not followed: all GPUs are measured".
std::string ignored_mask_note(const EnvLookup& env, std::initializer_list<const char*> names);

/// Return how a library stands that could not be opened: denied, not installed, or broken.
SourceStatus status_of_failed_open(const Error& error);

/// Return "0000:c1:00.0".
std::string pci_address_text(unsigned domain, unsigned bus, unsigned device, unsigned function);

/// Return a PCI address as the kernel writes it: four digits of domain, lower case. NVML writes
/// "00000000:C1:00.0".
std::string kernel_pci_address(std::string_view address);

}  // namespace finewatt
