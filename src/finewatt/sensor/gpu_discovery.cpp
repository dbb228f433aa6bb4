#include "finewatt/sensor/gpu_discovery.h"

#include "finewatt/sensor/gpu_model_source_internal.h"
#include "finewatt/sensor/gpu_pci_internal.h"
#include "finewatt/sensor/gpu_probe_internal.h"
#include "finewatt/sensor/nvml_visible.h"

#include <algorithm>
#include <utility>

namespace finewatt {
namespace {

/// Turn one vendor's findings into probes: one per source, the first with all the reports.
void add_probes(std::vector<SourceProbe>& probes, GpuVendorProbe& found) {
    SourceProbe probe;
    probe.reports = std::move(found.reports);
    probe.gpus = std::move(found.gpus);
    for (std::unique_ptr<Source>& source : found.sources) {
        if (probe.source) {
            probes.push_back(std::exchange(probe, {}));
        }
        probe.source = std::move(source);
    }
    probes.push_back(std::move(probe));
}

bool has_seen(const GpuVendorProbe& found, const PciGpu& gpu) {
    const auto& seen = found.seen_pci_addresses;
    const bool has_uuid = !gpu.uuid.empty() &&
                          std::any_of(found.gpus.begin(), found.gpus.end(),
                                      [&](const GpuInfo& info) { return info.uuid == gpu.uuid; });
    return has_uuid || std::find(seen.begin(), seen.end(), gpu.pci_address) != seen.end();
}

UnreadGpu unread_of(const PciGpu& gpu, const GpuVendorProbe& found) {
    UnreadGpu unread;
    unread.device = gpu.uuid.empty() ? gpu.pci_address : gpu.uuid;
    unread.pci_address = gpu.pci_address;
    unread.name = gpu.name;
    unread.reason = fmt::format(
        "{} at {} ({})",
        gpu.name.empty() ? fmt::format("{} GPU {}", gpu_vendor_name(gpu.vendor), gpu.device_id)
                         : gpu.name,
        gpu.pci_address, found.failure.value_or("its vendor's library does not list it"));
    unread.advice = found.failure ? found.failure_advice : "see the kernel log: dmesg";
    return unread;
}

/// Add a GPU that the vendor's library did not describe. When the library listed one without a name
/// or an address (a lost GPU), it is that one.
void add_undescribed(const PciGpu& gpu, GpuVendorProbe& found) {
    UnreadGpu unread = unread_of(gpu, found);
    const auto nameless =
        std::find_if(found.unread.begin(), found.unread.end(),
                     [](const UnreadGpu& known) { return known.pci_address.empty(); });
    if (nameless == found.unread.end()) {
        found.unread.push_back(std::move(unread));
        return;
    }
    unread.reason += "; " + nameless->reason;
    unread.advice = nameless->advice;
    *nameless = std::move(unread);
}

/// The GPUs that the kernel shows and the vendor's library does not are unread too. Those in a
/// processor are part of its package, and those with hwmon files are read by the hwmon source.
void complete_unread(const std::vector<PciGpu>& pci_gpus, GpuVendor vendor, GpuVendorProbe& found) {
    for (const PciGpu& gpu : pci_gpus) {
        if (gpu.vendor != vendor) {
            continue;
        }
        if (gpu.is_integrated || gpu.has_hwmon_energy) {
            std::erase_if(found.unread, [&](const UnreadGpu& unread) {
                return unread.pci_address == gpu.pci_address;
            });
        } else if (!has_seen(found, gpu)) {
            add_undescribed(gpu, found);
        }
    }
}

/// NVIDIA's library is there and broken, and the kernel names no GPU either.
void add_nameless(GpuVendorProbe& found, bool has_node) {
    if (found.failure && has_node && found.unread.empty()) {
        UnreadGpu unread;
        unread.device = "nvidia";
        unread.reason = *found.failure;
        unread.advice = found.failure_advice;
        found.unread.push_back(std::move(unread));
    }
}

void move_unread(GpuVendorProbe& from, std::vector<UnreadGpu>& to) {
    std::move(from.unread.begin(), from.unread.end(), std::back_inserter(to));
}

}  // namespace

std::vector<SourceProbe> probe_gpus(const DiscoveryOptions& options) {
    const std::vector<PciGpu> pci_gpus = list_pci_gpus(options.root);
    std::vector<SourceProbe> probes;
    std::vector<UnreadGpu> unread;

    GpuVendorProbe nvidia = probe_nvml(options);
    if (nvidia.failure && hides_all_gpus(options.env("CUDA_VISIBLE_DEVICES"))) {
        nvidia.reports.back().why += "; CUDA_VISIBLE_DEVICES hides all GPUs";
    } else {
        complete_unread(pci_gpus, GpuVendor::kNvidia, nvidia);
        std::error_code missing;
        add_nameless(nvidia, std::filesystem::exists(options.root.path("/dev/nvidiactl"), missing));
    }
    move_unread(nvidia, unread);
    add_probes(probes, nvidia);

    GpuVendorProbe amd = probe_amdsmi(options);
    if (amd.failure) {
        GpuVendorProbe older = probe_rocm_smi(options);
        older.reports.insert(older.reports.begin(), amd.reports.begin(), amd.reports.end());
        amd = std::move(older);
    }
    complete_unread(pci_gpus, GpuVendor::kAmd, amd);
    move_unread(amd, unread);
    add_probes(probes, amd);

    GpuVendorProbe intel = probe_level_zero(options);
    complete_unread(pci_gpus, GpuVendor::kIntel, intel);
    move_unread(intel, unread);
    add_probes(probes, intel);

    if (!unread.empty()) {
        probes.push_back(probe_gpu_model(options, unread));
    }
    return probes;
}

}  // namespace finewatt
