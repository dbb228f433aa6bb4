// GPUs in hwmon: amdgpu (power), xe and i915 (energy). The vendors' libraries come first; these
// serve where there is no library.
#include "finewatt/sensor/hwmon_builder_internal.h"

#include <algorithm>

namespace finewatt {
namespace {

std::string device_of(const HwmonChip& chip) {
    return chip.address.empty() ? chip.path.filename().string() : chip.address;
}

/// The number K of the energyK_input that speaks of the whole card: the one labelled "card", else
/// the first.
unsigned card_number(const HwmonChip& chip, const std::vector<unsigned>& numbers) {
    for (const unsigned k : numbers) {
        if (chip.text(fmt::format("energy{}_label", k)) == "card") {
            return k;
        }
    }
    return numbers.front();
}

}  // namespace

void add_amdgpu(HwmonBuilder& builder) {
    for (const HwmonChip& chip : list_hwmon_chips(builder.options(), "amdgpu")) {
        const bool is_average = chip.has("power1_average");
        if (!is_average && !chip.has("power1_input")) {
            continue;
        }
        // A GPU inside a processor shows the processor's power. It has no cap of its own, or shows
        // the voltage of the processor's own bridge (drivers/gpu/drm/amd/pm/amdgpu_pm.c,
        // hwmon_attributes_visible), or has the labels of the Steam Deck.
        const std::string label = chip.text("power1_label").value_or("");
        const bool is_apu = !chip.has("power1_cap") || chip.has("in1_input") || label == "slowPPT";
        ChannelSpec spec = hwmon_channel(
            "amdgpu", device_of(chip), is_apu ? Domain::kOther : Domain::kGpu, device_of(chip),
            fmt::format("{} power of driver amdgpu", is_average ? "averaged" : "momentary"));
        spec.reason += is_apu ? "; this GPU is part of the processor and shows its power" : "";
        builder.add_power(std::move(spec),
                          {{chip.file(is_average ? "power1_average" : "power1_input"), {}}});
    }
}

void add_intel_gpu(HwmonBuilder& builder, std::string_view driver) {
    std::vector<HwmonChip> chips = list_hwmon_chips(builder.options(), driver);
    const std::string tile_name = std::string(driver) + "_gt";
    std::erase_if(chips, [&](const HwmonChip& chip) {
        return chip.name != driver && !chip.name.starts_with(tile_name);
    });
    const auto has_whole = [&](const std::string& address) {
        return std::any_of(chips.begin(), chips.end(), [&](const HwmonChip& chip) {
            return chip.name == driver && chip.address == address && chip.has("energy1_input");
        });
    };
    for (const HwmonChip& chip : chips) {
        const std::vector<unsigned> numbers = chip.numbers("energy", "_input");
        // "i915_gt0" is a tile of the card.
        const bool is_tile = chip.name != driver;
        const std::string tile = is_tile ? "/" + chip.name.substr(driver.size() + 1) : "";
        for (const unsigned k : numbers) {
            const bool is_part =
                (is_tile && has_whole(chip.address)) || k != card_number(chip, numbers);
            const std::string label =
                chip.text(fmt::format("energy{}_label", k)).value_or(fmt::format("energy{}", k));
            ChannelSpec spec =
                hwmon_channel(driver, fmt::format("{}{}/{}", device_of(chip), tile, label),
                              is_part ? Domain::kOther : Domain::kGpu, device_of(chip) + tile,
                              fmt::format("energy counter of driver {} ({})", driver, label));
            spec.reason += is_part ? "; it lies inside the card's" : "";
            builder.add_energy(std::move(spec), chip.file(fmt::format("energy{}_input", k)));
        }
    }
}

}  // namespace finewatt
