#include "finewatt/sensor/nvml_visible.h"

#include "finewatt/sensor/kernel_text_internal.h"

#include <algorithm>
#include <numeric>
#include <string_view>

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

/// Positions of the GPUs in the order of their PCI addresses; nothing when an index has no meaning.
/// An address has fixed width, so its text sorts as its numbers do.
std::optional<std::vector<std::size_t>> index_order(const std::vector<CudaGpu>& gpus,
                                                    const std::optional<std::string>& order) {
    const bool is_one_model = std::all_of(gpus.begin(), gpus.end(), [&](const CudaGpu& gpu) {
        return gpu.name == gpus.front().name;
    });
    if (!is_one_model && order != "PCI_BUS_ID") {
        return std::nullopt;
    }
    std::vector<std::size_t> positions(gpus.size());
    std::iota(positions.begin(), positions.end(), std::size_t{0});
    std::stable_sort(positions.begin(), positions.end(), [&](std::size_t a, std::size_t b) {
        return gpus[a].pci_address < gpus[b].pci_address;
    });
    return positions;
}

Matched match_entry(std::string_view entry, const std::vector<CudaGpu>& gpus,
                    const std::optional<std::vector<std::size_t>>& positions) {
    if (const auto index = parse_unsigned(entry)) {
        if (*index >= gpus.size()) {
            return {};
        }
        return positions ? Matched{Match::kFound, (*positions)[static_cast<std::size_t>(*index)]}
                         : Matched{Match::kAmbiguousOrder, 0};
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

std::optional<std::vector<bool>> select_visible_gpus(const std::vector<CudaGpu>& gpus,
                                                     const std::optional<std::string>& visible,
                                                     const std::optional<std::string>& order) {
    if (!visible) {
        return std::vector<bool>(gpus.size(), true);
    }
    const auto positions = index_order(gpus, order);
    std::vector<bool> selected(gpus.size(), false);
    std::string_view rest = trimmed(*visible);
    while (!rest.empty()) {
        const auto comma = rest.find(',');
        const Matched matched = match_entry(trimmed(rest.substr(0, comma)), gpus, positions);
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

bool hides_all_gpus(const std::optional<std::string>& visible) {
    return visible && (trimmed(*visible).empty() || trimmed(*visible).starts_with('-'));
}

}  // namespace finewatt
