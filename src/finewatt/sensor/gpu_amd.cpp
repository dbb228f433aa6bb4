#include "finewatt/sensor/gpu_amd_internal.h"
#include "finewatt/sensor/gpu_pci_internal.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <set>
#include <tuple>
#include <utility>

namespace finewatt {
namespace {

bool is_positive(const GpuAnswer& answer) {
    return answer.is_ok() && answer.raw > 0;
}

bool is_zero(const GpuAnswer& answer) {
    return answer.is_ok() && answer.raw == 0;
}

/// How the second die of a card looks: something reads 0, and nothing reads more. A read that
/// merely failed says nothing.
bool looks_like_second_die(const AmdGpu& gpu) {
    const bool has_zero = is_zero(gpu.first_energy) || is_zero(gpu.first_power);
    return has_zero && !is_positive(gpu.first_energy) && !is_positive(gpu.first_power);
}

/// A counter that counted anything since the driver was loaded, or one that only failed to answer
/// in time. One that stands at 0 while power flows does not count.
bool has_counter(const AmdGpu& gpu) {
    const bool answers = gpu.first_energy.is_ok() ? gpu.first_energy.raw > 0
                                                  : gpu.first_energy.outcome == PollOutcome::kRetry;
    return gpu.energy && answers && joules_per_tick(gpu.counter_resolution_uj);
}

bool has_power(const AmdGpu& gpu) {
    return gpu.power && (gpu.first_power.is_ok() ? gpu.first_power.raw > 0
                                                 : gpu.first_power.outcome == PollOutcome::kRetry);
}

ChannelSpec base_spec(const AmdGpu& gpu, const char* source_name, const char* what) {
    ChannelSpec spec;
    spec.id = fmt::format("{}:{}:{}", source_name, gpu.pci_address, what);
    spec.max_power_w = gpu.limit_w ? 2 * *gpu.limit_w : default_ceiling_w(Domain::kGpu);
    spec.domain = Domain::kGpu;
    spec.device = gpu.pci_address;
    spec.source = source_name;
    return spec;
}

GpuChannel counter_channel(const AmdGpu& gpu, const char* source_name) {
    GpuChannel channel{base_spec(gpu, source_name, "energy"), gpu.energy};
    channel.spec.kind = ChannelKind::kCounter;
    channel.spec.unit = "ticks";
    channel.spec.unit_size = *joules_per_tick(gpu.counter_resolution_uj);
    channel.spec.provenance = Provenance::kMeasured;
    channel.spec.reason =
        fmt::format("energy accumulator of {}, the best source for a GPU", gpu.name);
    return channel;
}

GpuChannel power_channel(const AmdGpu& gpu, const char* source_name, bool is_counter_there) {
    GpuChannel channel{base_spec(gpu, source_name, "power"), gpu.power};
    channel.spec.kind = ChannelKind::kGauge;
    channel.spec.unit = gpu.power_unit;
    channel.spec.unit_size = gpu.power_unit == "W" ? 1 : 1e-3;
    channel.spec.provenance = Provenance::kDerived;
    channel.spec.reason =
        is_counter_there
            ? fmt::format("power of {}, kept beside its energy counter and not counted", gpu.name)
            : fmt::format("power of {}, because its energy counter cannot be used: {}", gpu.name,
                          gpu.refusals);
    return channel;
}

void add_channels(const AmdGpu& gpu, const char* source_name, std::vector<GpuChannel>& channels) {
    if (has_counter(gpu)) {
        channels.push_back(counter_channel(gpu, source_name));
    }
    if (has_power(gpu)) {
        channels.push_back(power_channel(gpu, source_name, has_counter(gpu)));
    }
}

/// The card's part of a PCI address. Its compute function is 0; some versions of the libraries put
/// the number of a partition there.
std::string card_of(const std::string& pci_address) {
    return pci_address.substr(0, pci_address.find('.'));
}

UnreadGpu unread_of(const AmdGpu& gpu) {
    UnreadGpu unread;
    unread.device = gpu.pci_address;
    unread.pci_address = gpu.pci_address;
    unread.name = gpu.name;
    unread.limit_w = gpu.limit_w;
    unread.reason = fmt::format("{} at {}: {}", gpu.name, gpu.pci_address, gpu.refusals);
    unread.advice =
        "guests of a virtual machine see no counter; else update ROCm and the amdgpu driver, or "
        "put a wall meter on the machine";
    return unread;
}

/// The die before this one, when this one is the second die of its card. Cards of two dies (MI250,
/// MI250X) list their dies one after the other, and only the first reads.
const AmdGpu* first_die_of(const std::vector<AmdGpu>& gpus, std::size_t i) {
    if (i == 0 || !looks_like_second_die(gpus[i])) {
        return nullptr;
    }
    const AmdGpu& before = gpus[i - 1];
    const bool reads = is_positive(before.first_energy) || is_positive(before.first_power);
    return before.name == gpus[i].name && reads ? &before : nullptr;
}

}  // namespace

void add_refusal(AmdGpu& gpu, const std::string& text) {
    gpu.refusals += (gpu.refusals.empty() ? "" : "; ") + text;
}

void set_energy(AmdGpu& gpu, const std::function<AmdEnergy()>& ask) {
    AmdEnergy first = ask();
    if (first.answer.outcome == PollOutcome::kRetry) {
        first = ask();  // only a call that succeeds is sure to tell the size of a tick
    }
    gpu.first_energy = first.answer;
    gpu.counter_resolution_uj = first.resolution_uj;
    if (!first.answer.is_ok()) {
        add_refusal(gpu, "energy accumulator: " + first.failure);
    } else if (first.answer.raw == 0 || !joules_per_tick(first.resolution_uj)) {
        add_refusal(gpu, fmt::format("energy accumulator: reads {} in steps of {} uJ",
                                     first.answer.raw, first.resolution_uj));
    }
    gpu.energy = [ask] { return ask().answer; };
}

void set_power(AmdGpu& gpu, GpuRead ask, const std::string& unit) {
    gpu.power_unit = unit;
    gpu.first_power = ask();
    if (!gpu.first_power.is_ok() || gpu.first_power.raw == 0) {
        add_refusal(gpu, gpu.first_power.is_ok() ? "power: reads 0 W" : "power: cannot be read");
    }
    // A value that the device does not support is RANGE for ever; a failed call may pass.
    if (gpu.first_power.error != "RANGE") {
        gpu.power = std::move(ask);
    }
}

void set_pci_id(AmdGpu& gpu, std::uint64_t bdfid) {
    gpu.pci_address = pci_address_text(static_cast<unsigned>(bdfid >> 32), (bdfid >> 8) & 0xff,
                                       (bdfid >> 3) & 0x1f, bdfid & 0x7);
    gpu.partition = (bdfid >> 28) & 0xf;
}

std::optional<double> joules_per_tick(double counter_resolution_uj) {
    constexpr double kKernelTickJ = 1.0 / 65536;
    constexpr double kLargestTickUj = 1e6;
    // The comparison also refuses NaN.
    if (!(counter_resolution_uj > 0 && counter_resolution_uj <= kLargestTickUj)) {
        return std::nullopt;
    }
    const double tick_j = counter_resolution_uj * 1e-6;
    return std::abs(tick_j / kKernelTickJ - 1) < 0.005 ? kKernelTickJ : tick_j;
}

bool has_amd_driver(const SysRoot& root, GpuVendorProbe& probe) {
    const std::filesystem::path node = root.path("/dev/kfd");
    std::error_code missing;
    if (std::filesystem::exists(node, missing)) {
        return true;
    }
    probe.failure = node.string() + ": not there, so no AMD compute driver";
    probe.failure_advice = "load the amdgpu driver; in a container pass /dev/kfd and /dev/dri";
    return false;
}

std::vector<std::string> integrated_amd_gpus(const SysRoot& root) {
    std::vector<std::string> addresses;
    for (const PciGpu& gpu : list_pci_gpus(root)) {
        if (gpu.vendor == GpuVendor::kAmd && gpu.is_integrated) {
            addresses.push_back(gpu.pci_address);
        }
    }
    return addresses;
}

void add_amd_gpus(GpuVendorProbe& probe, const AmdLibrary& library, const Clock& clock,
                  std::vector<AmdGpu> gpus) {
    std::stable_sort(gpus.begin(), gpus.end(), [](const AmdGpu& a, const AmdGpu& b) {
        return std::tie(a.pci_address, a.partition) < std::tie(b.pci_address, b.partition);
    });
    std::vector<GpuChannel> channels;
    SourceReport report{library.source_name, SourceStatus::kUsable, {}, library.note, ""};
    std::set<std::string> cards;
    for (std::size_t i = 0; i < gpus.size(); ++i) {
        const AmdGpu& gpu = gpus[i];
        probe.gpus.push_back({gpu.name, gpu.uuid, "", true});
        probe.seen_pci_addresses.push_back(gpu.pci_address);
        const auto& integrated = library.integrated;
        if (std::find(integrated.begin(), integrated.end(), gpu.pci_address) != integrated.end()) {
            report.why += fmt::format("; {} is part of the processor, whose package contains it",
                                      gpu.pci_address);
        } else if (!cards.insert(card_of(gpu.pci_address)).second) {
            report.why += fmt::format("; partition {} of {} has no counter of its own",
                                      gpu.partition, gpu.pci_address);
        } else if (const AmdGpu* first = first_die_of(gpus, i)) {
            report.why += fmt::format("; {} is the second die of {}, which counts for both",
                                      gpu.pci_address, first->pci_address);
        } else if (!has_counter(gpu) && !has_power(gpu)) {
            probe.unread.push_back(unread_of(gpu));
            report.why += "; " + probe.unread.back().reason;
            report.fix = probe.unread.back().advice;
        } else {
            add_channels(gpu, library.source_name, channels);
        }
    }
    for (const GpuChannel& channel : channels) {
        report.channels.push_back(channel.spec.id);
    }
    if (!channels.empty()) {
        probe.sources.push_back(std::make_unique<GpuSource>(
            library.source_name, clock, std::move(channels), std::chrono::nanoseconds::zero()));
    } else {
        report.status = probe.unread.empty() ? SourceStatus::kAbsent : SourceStatus::kBroken;
    }
    probe.reports.push_back(std::move(report));
}

}  // namespace finewatt
