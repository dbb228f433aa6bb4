// Boards in hwmon: the ACPI power meter (NVIDIA Grace, whole servers) and the rails of NVIDIA
// Jetson.
#include "finewatt/sensor/hwmon_builder_internal.h"
#include "finewatt/sensor/kernel_text_internal.h"

#include <algorithm>
#include <array>

namespace finewatt {
namespace {

// Grace averages over 50 ms unless power1_average_interval says otherwise (NVIDIA Grace Performance
// Tuning Guide, "Power and Thermals").
constexpr double kGraceWindowMs = 50;

/// The rails of a Grace socket. The guide: Module holds Grace, its memory and the GPU; Grace holds
/// CPU, SysIO and memory. So Grace stands for package and memory together, which is `psys`, and
/// Module for the whole board.
struct GraceRail {
    std::string_view label;  ///< before " Power Socket N"
    std::string_view name;
    Domain domain{};
};

constexpr std::array<GraceRail, 4> kGraceRails{{
    {"Module", "module", Domain::kNode},
    {"Grace", "grace", Domain::kPsys},
    {"CPU", "cpu", Domain::kCore},
    {"SysIO", "sysio", Domain::kOther},
}};

struct GraceSensor {
    GraceRail rail;
    std::uint64_t socket = 0;
};

/// Read "Grace Power Socket 1".
std::optional<GraceSensor> parse_grace_label(std::string_view label) {
    constexpr std::string_view kMiddle = " Power Socket ";
    for (const GraceRail& rail : kGraceRails) {
        if (!label.starts_with(rail.label) ||
            !label.substr(rail.label.size()).starts_with(kMiddle)) {
            continue;
        }
        const auto socket = parse_unsigned(label.substr(rail.label.size() + kMiddle.size()));
        if (socket && *socket < 1024) {
            return GraceSensor{rail, *socket};
        }
    }
    return std::nullopt;
}

void add_grace_sensor(HwmonBuilder& builder, const HwmonChip& chip, GraceSensor sensor,
                      bool has_whole_grace) {
    std::string reason =
        fmt::format("averaged power of the rail {} (ACPI power meter)", sensor.rail.label);
    if (sensor.rail.domain == Domain::kCore && !has_whole_grace) {
        sensor.rail.domain = Domain::kPackage;
        reason += "; the socket's whole power is not shown, so memory and SysIO are missing";
    }
    const bool is_board = sensor.rail.domain == Domain::kNode;
    ChannelSpec spec = hwmon_channel(
        "power_meter", fmt::format("{}-{}", sensor.rail.name, sensor.socket), sensor.rail.domain,
        fmt::format("{}{}", is_board ? "module" : "cpu", sensor.socket), reason);
    spec.window_ms = average_interval_ms(chip).value_or(kGraceWindowMs);
    spec.update_ms = spec.window_ms;
    builder.add_power(std::move(spec), {{chip.file("power1_average"), {}}});
}

/// A meter without a label of Grace: the machine's own meter of its input.
void add_server_meter(HwmonBuilder& builder, const HwmonChip& chip, std::size_t index) {
    ChannelSpec spec = hwmon_channel("power_meter", fmt::format("node-{}", index), Domain::kNode,
                                     "node", "averaged input power of the machine (ACPI)");
    spec.window_ms = average_interval_ms(chip);
    spec.update_ms = spec.window_ms;
    builder.add_power(std::move(spec), {{chip.file("power1_average"), {}}});
}

struct JetsonRail {
    std::string_view label;
    Domain domain{};
    std::string_view note;
};

constexpr std::string_view kWholeModule = "the whole module";
constexpr std::string_view kNoPart = "belongs to no single component, so it is in no total";

// Rails by board: NVIDIA Jetson Linux Developer Guide, "Platform Power and Performance", sections
// "Power monitor" of TX2, Nano, Xavier and Orin.
constexpr std::array<JetsonRail, 20> kJetsonRails{{
    {"VDD_IN", Domain::kNode, kWholeModule},
    {"POM_5V_IN", Domain::kNode, kWholeModule},
    {"VDD_CPU_CV", Domain::kPackage, "processor and vision accelerators"},
    {"VDD_SYS_CPU", Domain::kPackage, "processor"},
    {"POM_5V_CPU", Domain::kPackage, "processor"},
    {"CPU", Domain::kPackage, "processor"},
    {"VDD_GPU_SOC", Domain::kGpu, "GPU and system on chip"},
    {"VDD_SYS_GPU", Domain::kGpu, "GPU"},
    {"POM_5V_GPU", Domain::kGpu, "GPU"},
    {"GPU", Domain::kGpu, "GPU"},
    {"VDDQ_VDD2_1V8AO", Domain::kDram, "memory"},
    {"VDD_SYS_DDR", Domain::kDram, "memory"},
    {"VDDRQ", Domain::kDram, "memory"},
    {"VDD_CPU_GPU_CV", Domain::kOther, kNoPart},
    {"VDD_SOC", Domain::kOther, kNoPart},
    {"VDD_SYS_SOC", Domain::kOther, kNoPart},
    {"SOC", Domain::kOther, kNoPart},
    {"CV", Domain::kOther, kNoPart},
    {"VIN_SYS_5V0", Domain::kOther, kNoPart},
    {"SYS5V", Domain::kOther, kNoPart},
}};

std::string jetson_device(Domain domain) {
    switch (domain) {
        case Domain::kNode:
            return "node";
        case Domain::kGpu:
            return "jetson-gpu";
        case Domain::kPackage:
        case Domain::kDram:
            return "cpu0";
        default:
            return "";
    }
}

}  // namespace

void add_power_meter(HwmonBuilder& builder) {
    const std::vector<HwmonChip> chips = list_hwmon_chips(builder.options(), "power_meter");
    std::vector<std::uint64_t> whole_graces;
    for (const HwmonChip& chip : chips) {
        const auto sensor = parse_grace_label(chip.text("power1_oem_info").value_or(""));
        if (sensor && sensor->rail.domain == Domain::kPsys && chip.has("power1_average")) {
            whole_graces.push_back(sensor->socket);
        }
    }
    std::size_t servers = 0;
    for (const HwmonChip& chip : chips) {
        const std::string label = chip.text("power1_oem_info").value_or("");
        if (!chip.has("power1_average")) {
            builder.add_problem(
                "power_meter:" + chip.path.filename().string(),
                fmt::format("{}: expected power1_average, found none", chip.path.string()),
                "sudo modprobe -r acpi_power_meter; sudo modprobe acpi_power_meter "
                "force_cap_on=y");
        } else if (const auto sensor = parse_grace_label(label)) {
            const bool has_whole = std::find(whole_graces.begin(), whole_graces.end(),
                                             sensor->socket) != whole_graces.end();
            add_grace_sensor(builder, chip, *sensor, has_whole);
        } else {
            add_server_meter(builder, chip, servers++);
        }
    }
}

void add_ina3221(HwmonBuilder& builder) {
    for (const HwmonChip& chip : list_hwmon_chips(builder.options(), "ina3221")) {
        for (const unsigned k : chip.numbers("in", "_label")) {
            const std::string label = chip.text(fmt::format("in{}_label", k)).value_or("");
            const auto power = fmt::format("power{}_input", k);
            const auto current = fmt::format("curr{}_input", k);
            // in7 is the sum of the chip's shunts, "NC" a rail that is not connected.
            if (label.empty() || label == "NC" || (!chip.has(power) && !chip.has(current))) {
                continue;
            }
            JetsonRail rail{label, Domain::kOther, kNoPart};
            for (const JetsonRail& known : kJetsonRails) {
                rail = known.label == label ? known : rail;
            }
            ChannelSpec spec =
                hwmon_channel("ina3221", label, rail.domain, jetson_device(rail.domain),
                              fmt::format("momentary power of rail {}: {}", label, rail.note));
            spec.update_ms = read_kernel_positive(chip.file("update_interval"));
            if (chip.has(power)) {
                builder.add_power(std::move(spec), {{chip.file(power), {}}});
            } else {
                builder.add_power(std::move(spec),
                                  {{chip.file(fmt::format("in{}_input", k)), chip.file(current)}});
            }
        }
    }
}

}  // namespace finewatt
