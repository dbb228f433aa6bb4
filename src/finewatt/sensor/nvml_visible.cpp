// Which GPUs CUDA shows: CUDA C++ Programming Guide, "CUDA Environment Variables".
#include "finewatt/sensor/kernel_text_internal.h"
#include "finewatt/sensor/nvml_source.h"

#include <algorithm>

namespace finewatt {
namespace {

enum class Match { kFound, kInvalid, kAmbiguousOrder };

struct Matched {
    Match match = Match::kInvalid;
    std::size_t index = 0;
};

/// "MIG-GPU-<uuid>/1/0" (driver 450 to 470) names its GPU.
std::string_view gpu_part(std::string_view entry) {
    constexpr std::string_view kOldMig = "MIG-GPU-";
    if (entry.starts_with(kOldMig)) {
        entry.remove_prefix(4);
        return entry.substr(0, entry.find('/'));
    }
    return entry;
}

Matched match_entry(std::string_view entry, const std::vector<GpuInfo>& gpus, bool has_pci_order) {
    if (const auto index = parse_unsigned(entry)) {
        if (*index >= gpus.size()) {
            return {};
        }
        return {has_pci_order ? Match::kFound : Match::kAmbiguousOrder,
                static_cast<std::size_t>(*index)};
    }
    const std::string_view prefix = gpu_part(entry);
    Matched result;
    for (std::size_t i = 0; i < gpus.size(); ++i) {
        if (prefix.starts_with("GPU-") && std::string_view(gpus[i].uuid).starts_with(prefix)) {
            if (result.match == Match::kFound) {
                return {};  // a prefix of two UUIDs names none
            }
            result = {Match::kFound, i};
        }
    }
    return result;
}

}  // namespace

std::optional<std::vector<bool>> select_visible_gpus(const std::vector<GpuInfo>& gpus,
                                                     const std::optional<std::string>& visible,
                                                     const std::optional<std::string>& order) {
    if (!visible) {
        return std::vector<bool>(gpus.size(), true);
    }
    const bool is_one_model = std::all_of(gpus.begin(), gpus.end(), [&](const GpuInfo& gpu) {
        return gpu.name == gpus.front().name;
    });
    const bool has_pci_order = is_one_model || order == "PCI_BUS_ID";
    std::vector<bool> selected(gpus.size(), false);
    std::string_view rest = trimmed(*visible);
    while (!rest.empty()) {
        const auto comma = rest.find(',');
        const Matched matched = match_entry(trimmed(rest.substr(0, comma)), gpus, has_pci_order);
        if (matched.match == Match::kAmbiguousOrder) {
            return std::nullopt;
        }
        if (matched.match == Match::kInvalid) {
            break;
        }
        selected[matched.index] = true;
        rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    }
    return selected;
}

}  // namespace finewatt
