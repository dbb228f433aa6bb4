// Processors in hwmon: amd_energy, zenpower, and the drivers named after a family.
#include "finewatt/sensor/hwmon_builder_internal.h"
#include "finewatt/sensor/kernel_text_internal.h"

#include <algorithm>
#include <array>

namespace finewatt {
namespace {

// New values appear about every millisecond (AMD PPR, "RAPL").
constexpr double kAmdEnergyUpdateMs = 1;

// The counters step by 2^-16 J on all processors of this driver (Documentation/hwmon/amd_energy.rst
// of Linux 5.12: energy unit of 15.3 uJ).
constexpr double kAmdEnergyStepUj = 15.26;

std::string package_id(std::size_t package) {
    return fmt::format("package-{}", package);
}

/// Chips of a processor driver: one per socket, or none where that is not so, because then nobody
/// can tell which rails belong to which processor.
std::vector<HwmonChip> chips_of_sockets(HwmonBuilder& builder, std::string_view driver) {
    std::vector<HwmonChip> chips = list_hwmon_chips(builder.options(), driver);
    const Result<CpuInfo> cpu = cpu_info_of(builder.options());
    const std::size_t sockets = cpu ? cpu->sockets : 1;
    if (!chips.empty() && chips.size() != sockets) {
        builder.add_problem(fmt::format("{}:package", driver),
                            fmt::format("expected one chip per socket ({}), found {}: which power "
                                        "belongs to which processor is unknown",
                                        sockets, chips.size()),
                            "use perf or powercap");
        chips.clear();
    }
    return chips;
}

/// The powerK_input whose label is `label`; empty when there is none.
std::filesystem::path power_file(const HwmonChip& chip, std::string_view label) {
    for (const unsigned k : chip.numbers("power", "_label")) {
        if (chip.text(fmt::format("power{}_label", k)) == label) {
            return chip.file(fmt::format("power{}_input", k));
        }
    }
    return {};
}

}  // namespace

void add_amd_energy(HwmonBuilder& builder) {
    constexpr std::string_view kSocket = "Esocket";
    for (const HwmonChip& chip : list_hwmon_chips(builder.options(), "amd_energy")) {
        for (const unsigned k : chip.numbers("energy", "_label")) {
            // "Ecore000" and the like are single cores, which lie inside the socket.
            const std::string label = chip.text(fmt::format("energy{}_label", k)).value_or("");
            const auto socket = label.starts_with(kSocket)
                                    ? parse_unsigned(label.substr(kSocket.size()))
                                    : std::nullopt;
            if (!socket) {
                continue;
            }
            ChannelSpec spec = hwmon_channel("amd_energy", package_id(*socket), Domain::kPackage,
                                             fmt::format("cpu{}", *socket),
                                             "energy counter of driver amd_energy, " + label);
            spec.update_ms = kAmdEnergyUpdateMs;
            spec.resolution_raw = kAmdEnergyStepUj;
            builder.add_energy(std::move(spec), chip.file(fmt::format("energy{}_input", k)));
        }
    }
}

void add_zenpower(HwmonBuilder& builder) {
    const std::vector<HwmonChip> chips = chips_of_sockets(builder, "zenpower");
    for (std::size_t package = 0; package < chips.size(); ++package) {
        const HwmonChip& chip = chips[package];
        std::vector<HwmonRailFiles> rails;
        std::string what = "power of the package by driver zenpower";
        if (const auto whole = power_file(chip, "RAPL_P_Package"); !whole.empty()) {
            rails = {{whole, {}}};
        } else {
            what = "sum of the core and SoC rails by driver zenpower, without the I/O rails";
            for (const std::string_view label : {"SVI2_P_Core", "SVI2_P_SoC"}) {
                if (const auto rail = power_file(chip, label); !rail.empty()) {
                    rails.push_back({rail, {}});
                }
            }
            constexpr std::size_t kBothRails = 2;
            rails.resize(rails.size() == kBothRails ? kBothRails : 0);
        }
        if (rails.empty()) {
            builder.add_problem("zenpower:" + package_id(package),
                                chip.path.string() +
                                    ": expected power labels RAPL_P_Package, or "
                                    "SVI2_P_Core and SVI2_P_SoC, found neither",
                                "use perf or powercap");
            continue;
        }
        builder.add_power(hwmon_channel("zenpower", package_id(package), Domain::kPackage,
                                        fmt::format("cpu{}", package), what),
                          rails);
    }
}

void add_family_power(HwmonBuilder& builder) {
    for (const std::string_view driver : {"fam15h_power", "fam17h_power", "fam19h_power"}) {
        const std::vector<HwmonChip> chips = chips_of_sockets(builder, driver);
        for (std::size_t package = 0; package < chips.size(); ++package) {
            const HwmonChip& chip = chips[package];
            const bool is_average = chip.has("power1_average");
            ChannelSpec spec = hwmon_channel(
                driver, package_id(package), Domain::kPackage, fmt::format("cpu{}", package),
                fmt::format("{} power of the package by driver {}",
                            is_average ? "averaged" : "momentary", driver));
            if (is_average) {
                spec.window_ms = average_interval_ms(chip);
                spec.update_ms = spec.window_ms;
            }
            builder.add_power(std::move(spec),
                              {{chip.file(is_average ? "power1_average" : "power1_input"), {}}});
        }
    }
}

}  // namespace finewatt
