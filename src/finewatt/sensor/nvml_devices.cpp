#include "finewatt/sensor/nvml_devices_internal.h"

#include <array>
#include <utility>

namespace finewatt::nvml {
namespace {

constexpr unsigned kMostLimitMw = 10'000'000;  // kAbsurdGpuPowerW

using Text = std::array<char, kTextSize + 1>;

/// nvmlDeviceArchitecture_t as the sensor table writes it; the numbers start with Kepler = 2.
constexpr std::array<const char*, 11> kArchitectures{"",       "",       "kepler",   "maxwell",
                                                     "pascal", "volta",  "turing",   "ampere",
                                                     "ada",    "hopper", "blackwell"};

std::string architecture_of(const Library& library, Device device) {
    unsigned number = 0;
    const bool is_known = library.call().architecture != nullptr &&
                          library.call().architecture(device, &number) == kSuccess &&
                          number < kArchitectures.size();
    return is_known ? kArchitectures.at(number) : "";
}

/// The limit in force; nvmlDeviceGetEnforcedPowerLimit takes the smallest of all that apply.
std::optional<double> limit_of(const Library& library, Device device) {
    for (const auto function :
         {library.call().enforced_limit_mw, library.call().management_limit_mw}) {
        unsigned limit_mw = 0;
        if (function != nullptr && function(device, &limit_mw) == kSuccess && limit_mw > 0 &&
            limit_mw < kMostLimitMw) {
            return limit_mw * 1e-3;
        }
    }
    return std::nullopt;
}

std::string pci_address_of(const Library& library, Device device) {
    PciInfo info{};
    if (library.call().pci_info == nullptr || library.call().pci_info(device, &info) != kSuccess) {
        return "";
    }
    return pci_address_text(info.domain, info.bus, info.device, 0);
}

bool is_cut_into_slices(const Library& library, Device device) {
    unsigned current = 0;
    unsigned pending = 0;
    return library.call().mig_mode != nullptr &&
           library.call().mig_mode(device, &current, &pending) == kSuccess && current == 1;
}

Gpu describe(const Library& library, Device device, const char* uuid) {
    Text name{};
    if (library.call().device_name(device, name.data(), kTextSize) != kSuccess) {
        name[0] = '\0';
    }
    Gpu gpu;
    gpu.handle = device;
    gpu.name = name.data();
    gpu.uuid = uuid;
    gpu.pci_address = pci_address_of(library, device);
    gpu.architecture = architecture_of(library, device);
    gpu.limit_w = limit_of(library, device);
    gpu.has_mig_slices = is_cut_into_slices(library, device);
    return gpu;
}

/// "MIG-<uuid>" (driver 470 and later) is replaced by the UUID of the GPU that holds the slice.
std::string with_mig_parents(const Library& library, const std::string& visible) {
    std::string out;
    std::string_view rest = visible;
    while (!rest.empty()) {
        const auto comma = rest.find(',');
        std::string entry(rest.substr(0, comma));
        Device slice = nullptr;
        Device parent = nullptr;
        Text uuid{};
        const bool is_new_mig = entry.starts_with("MIG-") && !entry.starts_with("MIG-GPU-") &&
                                library.call().device_by_uuid != nullptr &&
                                library.call().parent_of_mig != nullptr;
        if (is_new_mig && library.call().device_by_uuid(entry.c_str(), &slice) == kSuccess &&
            library.call().parent_of_mig(slice, &parent) == kSuccess &&
            library.call().device_uuid(parent, uuid.data(), kTextSize) == kSuccess) {
            entry = uuid.data();
        }
        out += (out.empty() ? "" : ",") + entry;
        rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    }
    return out;
}

void mark_visible(const Library& library, const EnvLookup& env, GpuList& list) {
    const std::optional<std::string> asked = env("CUDA_VISIBLE_DEVICES");
    if (!asked) {
        return;
    }
    std::vector<CudaGpu> gpus;
    for (const Gpu& gpu : list.gpus) {
        gpus.push_back({gpu.name, gpu.uuid, gpu.pci_address});
    }
    const std::string visible = with_mig_parents(library, *asked);
    const auto selected = select_visible_gpus(gpus, visible, env("CUDA_DEVICE_ORDER"));
    list.visible_note = fmt::format("CUDA_VISIBLE_DEVICES={}", *asked);
    if (visible != *asked || asked->find("MIG-") != std::string::npos) {
        list.visible_note += "; a MIG slice has no share of its own, so its whole GPU is measured";
    }
    if (!selected) {
        list.visible_note +=
            " holds indices, and CUDA's order of different GPUs (FASTEST_FIRST) is not known, so "
            "all are measured";
        list.visible_advice = "export CUDA_DEVICE_ORDER=PCI_BUS_ID, or list UUIDs (nvidia-smi -L)";
        return;
    }
    for (std::size_t i = 0; i < list.gpus.size(); ++i) {
        list.gpus[i].is_selected = (*selected)[i];
    }
}

}  // namespace

std::string library_name(const EnvLookup& env) {
    return env("FINEWATT_NVML_LIBRARY").value_or("libnvidia-ml.so.1");
}

GpuList list_gpus(const Library& library, const EnvLookup& env) {
    GpuList list;
    unsigned count = 0;
    const int count_code = library.call().device_count(&count);
    if (count_code != kSuccess) {
        list.failure = "the number of GPUs: " + library.error_text(count_code);
        return list;
    }
    Text driver{};
    if (library.call().driver_version != nullptr &&
        library.call().driver_version(driver.data(), kTextSize) == kSuccess) {
        list.driver = driver.data();
    }
    for (unsigned i = 0; i < count; ++i) {
        Device device = nullptr;
        Text uuid{};
        int code = library.call().device_by_index(i, &device);
        if (code == kSuccess) {
            code = library.call().device_uuid(device, uuid.data(), kTextSize);
        }
        if (code == kSuccess) {
            list.gpus.push_back(describe(library, device, uuid.data()));
            continue;
        }
        UnreadGpu lost;
        lost.device = fmt::format("nvml-index-{}", i);
        lost.reason = fmt::format("GPU {}: {}", i, library.error_text(code));
        lost.advice = "see nvidia-smi and the kernel log: dmesg";
        list.unread.push_back(std::move(lost));
    }
    mark_visible(library, env, list);
    return list;
}

}  // namespace finewatt::nvml
