#include "finewatt/base/ascii.h"
#include "finewatt/sensor/gpu_pci_internal.h"
#include "finewatt/sensor/gpu_probe_internal.h"
#include "finewatt/sensor/kernel_text_internal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

namespace finewatt {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> entries_of(const fs::path& folder) {
    std::vector<fs::path> entries;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        entries.push_back(it->path());
    }
    return entries;
}

/// The value of "Key:   value" or "KEY=value" in a text of such lines.
std::string value_of(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        if (line.starts_with(key)) {
            return std::string(trimmed(line.substr(key.size())));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return "";
}

std::optional<GpuVendor> vendor_of(std::string_view id) {
    constexpr std::array<std::pair<std::string_view, GpuVendor>, 3> kIds{
        {{"0x10de", GpuVendor::kNvidia},
         {"0x1002", GpuVendor::kAmd},
         {"0x8086", GpuVendor::kIntel}}};
    for (const auto& [text, vendor] : kIds) {
        if (id == text) {
            return vendor;
        }
    }
    return std::nullopt;
}

bool has_entry(const fs::path& path) {
    std::error_code error;
    return fs::exists(path, error);
}

/// Fill in what the hwmon folder of a card tells. An amdgpu card that is part of a processor shows
/// the voltage of a north bridge (in1), and has no power cap of its own.
void read_hwmon(const fs::path& device, PciGpu& gpu) {
    for (const fs::path& hwmon : entries_of(device / "hwmon")) {
        const bool has_power =
            has_entry(hwmon / "power1_average") || has_entry(hwmon / "power1_input");
        gpu.has_hwmon_energy =
            gpu.has_hwmon_energy || has_power || has_entry(hwmon / "energy1_input");
        const bool is_part =
            has_entry(hwmon / "in1_input") || (has_power && !has_entry(hwmon / "power1_cap"));
        gpu.is_integrated = gpu.is_integrated || (gpu.vendor == GpuVendor::kAmd && is_part);
    }
    // No source reads the files of NVIDIA cards.
    gpu.has_hwmon_energy = gpu.has_hwmon_energy && gpu.vendor != GpuVendor::kNvidia;
}

/// Intel's graphics inside a processor always sits at device 2 of the first bus.
bool is_intel_integrated(std::string_view pci_address) {
    return pci_address.starts_with("0000:00:02.");
}

std::optional<PciGpu> read_card(const fs::path& card) {
    const fs::path device = card / "device";
    const Result<std::string> vendor_id = read_kernel_text(device / "vendor");
    if (!vendor_id) {
        return std::nullopt;
    }
    const std::optional<GpuVendor> vendor = vendor_of(*vendor_id);
    const Result<std::string> uevent = read_kernel_text(device / "uevent");
    const std::string address = uevent ? value_of(*uevent, "PCI_SLOT_NAME=") : "";
    if (!vendor || address.empty()) {
        return std::nullopt;
    }
    PciGpu gpu;
    gpu.vendor = *vendor;
    gpu.pci_address = kernel_pci_address(address);
    gpu.device_id = read_kernel_text(device / "device").value_or("");
    gpu.is_integrated = *vendor == GpuVendor::kIntel && is_intel_integrated(gpu.pci_address);
    read_hwmon(device, gpu);
    return gpu;
}

void add_drm_cards(const SysRoot& root, std::map<std::string, PciGpu>& gpus) {
    for (const fs::path& entry : entries_of(root.path("/sys/class/drm"))) {
        const std::string name = entry.filename().string();
        // "card0" and "renderD128" are devices; "card0-HDMI-A-1" is a connector.
        const bool is_device = name.find('-') == std::string::npos &&
                               (name.starts_with("card") || name.starts_with("renderD"));
        if (const auto gpu = is_device ? read_card(entry) : std::nullopt) {
            gpus.try_emplace(gpu->pci_address, *gpu);
        }
    }
}

void add_nvidia_proc(const SysRoot& root, std::map<std::string, PciGpu>& gpus) {
    for (const fs::path& entry : entries_of(root.path("/proc/driver/nvidia/gpus"))) {
        const Result<std::string> text = read_kernel_text(entry / "information");
        if (!text) {
            continue;
        }
        const std::string address = kernel_pci_address(entry.filename().string());
        PciGpu& gpu = gpus.try_emplace(address).first->second;
        gpu.vendor = GpuVendor::kNvidia;
        gpu.pci_address = address;
        gpu.name = value_of(*text, "Model:");
        // Before the first use of the GPU the driver shows question marks.
        const std::string uuid = value_of(*text, "GPU UUID:");
        gpu.uuid = uuid.find('?') == std::string::npos ? uuid : "";
    }
}

}  // namespace

std::string_view gpu_vendor_name(GpuVendor vendor) {
    switch (vendor) {
        case GpuVendor::kNvidia:
            return "NVIDIA";
        case GpuVendor::kAmd:
            return "AMD";
        case GpuVendor::kIntel:
            return "Intel";
    }
    return "";
}

std::string pci_address_text(unsigned domain, unsigned bus, unsigned device, unsigned function) {
    return fmt::format("{:04x}:{:02x}:{:02x}.{:x}", domain, bus, device, function);
}

std::string kernel_pci_address(std::string_view address) {
    std::string text = ascii_lower(address);
    const auto colon = text.find(':');
    while (text.find(':') > 4 && colon != std::string::npos && text.starts_with('0')) {
        text.erase(0, 1);
    }
    return text;
}

std::vector<PciGpu> list_pci_gpus(const SysRoot& root) {
    std::map<std::string, PciGpu> gpus;
    add_drm_cards(root, gpus);
    add_nvidia_proc(root, gpus);
    std::vector<PciGpu> list;
    list.reserve(gpus.size());
    for (auto& entry : gpus) {
        list.push_back(std::move(entry.second));
    }
    return list;
}

}  // namespace finewatt
