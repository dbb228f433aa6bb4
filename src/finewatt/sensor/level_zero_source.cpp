// The Level Zero adapter: the energy counter (uJ) of each Intel card, or of its tiles where the
// card has none.
#include "finewatt/sensor/gpu_pci_internal.h"
#include "finewatt/sensor/gpu_probe_internal.h"
#include "finewatt/sensor/gpu_source_internal.h"
#include "finewatt/sensor/gpu_vendor_calls_internal.h"
#include "finewatt/sensor/level_zero_library_internal.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

namespace finewatt {
namespace {

using level_zero::Handle;
using SharedLibrary = std::shared_ptr<const level_zero::Library>;

GpuAnswer outcome_of(unsigned result) {
    switch (result) {
        case level_zero::kDeviceLost:
        case level_zero::kDeviceRequiresReset:
        case level_zero::kUninitialized:
        case level_zero::kUnsupportedFeature:
        case level_zero::kInsufficientPermissions:
            return refused(PollOutcome::kGone, "GONE");
        case level_zero::kNotAvailable:
        case level_zero::kLowPowerState:
            return refused(PollOutcome::kRetry, "EAGAIN");
        default:
            return refused(PollOutcome::kRetry, "EIO");
    }
}

/// One power domain of a card.
struct PowerDomain {
    Handle handle = nullptr;
    level_zero::PowerProperties properties;
    unsigned kind = level_zero::kDomainUnknown;
    unsigned first_result = 0;  ///< of the first read of its counter
};

PowerDomain read_domain(const level_zero::Library& library, Handle handle) {
    PowerDomain domain;
    domain.handle = handle;
    // Room for zes_power_limit_ext_desc_t, since some drivers write the default limit unasked.
    alignas(16) std::array<unsigned char, 256> limit{};
    level_zero::PowerExtProperties ext;
    ext.default_limit = limit.data();
    domain.properties.next = &ext;
    if (library.call().power_properties(handle, &domain.properties) == level_zero::kSuccess) {
        domain.kind = ext.domain;
    }
    domain.properties.next = nullptr;
    level_zero::EnergyCounter counter;
    domain.first_result = library.call().energy_counter(handle, &counter);
    return domain;
}

bool may_work(const PowerDomain& domain) {
    return domain.first_result == level_zero::kSuccess ||
           outcome_of(domain.first_result).outcome == PollOutcome::kRetry;
}

/// The domain of the whole card, else the widest that is not of a tile, else all tiles. A card
/// contains its package, and a package its tiles, so they are never added.
std::vector<PowerDomain> choose_domains(const level_zero::Library& library, Handle device,
                                        std::string& refusals) {
    Handle card = nullptr;
    if (library.call().card_domain != nullptr &&
        library.call().card_domain(device, &card) == level_zero::kSuccess && card != nullptr) {
        const PowerDomain domain = read_domain(library, card);
        if (may_work(domain)) {
            return {domain};
        }
        refusals = "card's energy counter: " + level_zero::result_text(domain.first_result);
    }
    std::vector<PowerDomain> whole;
    std::vector<PowerDomain> tiles;
    for (const Handle handle : list_handles([&](std::uint32_t*count, Handle*out) {
             return library.call().power_domains(device, count, out);
         })) {
        const PowerDomain domain = read_domain(library, handle);
        const bool is_part = domain.kind > level_zero::kDomainPackage;  // stack, memory, GPU core
        if (!may_work(domain)) {
            refusals += fmt::format("{}power domain: {}", refusals.empty() ? "" : "; ",
                                    level_zero::result_text(domain.first_result));
        } else if (domain.properties.on_subdevice != 0) {
            tiles.push_back(domain);
        } else if (!is_part) {
            whole.push_back(domain);
        }
    }
    if (whole.empty()) {
        return tiles;
    }
    const auto is_card = [](const PowerDomain& d) { return d.kind == level_zero::kDomainCard; };
    const auto best = std::find_if(whole.begin(), whole.end(), is_card);
    return {best != whole.end() ? *best : whole.front()};
}

GpuChannel make_channel(const SharedLibrary& library, const PowerDomain& domain,
                        const std::string& address, const std::string& name) {
    const bool is_tile = domain.properties.on_subdevice != 0;
    const std::string device =
        is_tile ? fmt::format("{}/tile{}", address, domain.properties.subdevice_id) : address;
    GpuChannel channel;
    ChannelSpec& spec = channel.spec;
    spec.id = fmt::format("level-zero:{}:energy", device);
    spec.kind = ChannelKind::kCounter;
    spec.unit = "uJ";
    spec.unit_size = 1e-6;
    const std::int32_t limit_mw =
        std::max(domain.properties.default_limit_mw, domain.properties.max_limit_mw);
    spec.max_power_w = limit_mw > 0 ? 2e-3 * limit_mw : default_ceiling_w(Domain::kGpu);
    spec.domain = Domain::kGpu;
    spec.device = device;
    spec.source = "level-zero";
    spec.reason = is_tile
                      ? fmt::format(
                            "energy counter of tile {} of {}; the card itself shows none, so what "
                            "lies beside its tiles is missing",
                            domain.properties.subdevice_id, name)
                      : fmt::format("energy counter of {}, the best source for a GPU", name);
    channel.read = [library, handle = domain.handle] {
        level_zero::EnergyCounter counter;
        const unsigned result = library->call().energy_counter(handle, &counter);
        return result == level_zero::kSuccess ? answered(counter.energy_uj) : outcome_of(result);
    };
    return channel;
}

std::string hex(const std::uint8_t (&bytes)[16]) {
    std::string text;
    for (const std::uint8_t byte : bytes) {
        text += fmt::format("{:02x}", byte);
    }
    return text;
}

void add_device(const SharedLibrary& library, Handle device, GpuVendorProbe& probe,
                std::vector<GpuChannel>& channels, SourceReport& report) {
    level_zero::DeviceProperties properties;
    level_zero::PciProperties pci;
    const unsigned result = library->call().device_properties(device, &properties);
    const bool has_pci = library->call().pci_properties(device, &pci) == level_zero::kSuccess;
    const std::string address =
        has_pci ? pci_address_text(pci.domain, pci.bus, pci.device, pci.function)
                : fmt::format("level-zero-{}", probe.gpus.size());
    const auto& seen = probe.seen_pci_addresses;
    const bool is_other_device =
        result == level_zero::kSuccess && properties.core.type != level_zero::kDeviceTypeGpu;
    if (is_other_device || std::find(seen.begin(), seen.end(), address) != seen.end()) {
        return;  // an NPU, or a card that a second driver shows again
    }
    const std::string name = properties.core.name[0] != '\0' ? properties.core.name : "Intel GPU";
    probe.gpus.push_back({name, hex(properties.core.uuid), properties.driver_version, true});
    probe.seen_pci_addresses.push_back(address);
    if (result == level_zero::kSuccess &&
        (properties.core.flags & level_zero::kFlagIntegrated) != 0) {
        report.why += fmt::format("; {} is part of the processor, whose package contains it", name);
        return;
    }
    std::string refusals;
    const std::vector<PowerDomain> domains = choose_domains(*library, device, refusals);
    for (const PowerDomain& domain : domains) {
        channels.push_back(make_channel(library, domain, address, name));
        report.channels.push_back(channels.back().spec.id);
    }
    if (domains.empty()) {
        UnreadGpu unread;
        unread.device = address;
        unread.pci_address = address;
        unread.name = name;
        unread.reason = fmt::format("{} at {}: {}", name, address,
                                    refusals.empty() ? "no power domain" : refusals);
        unread.advice =
            "give this user access to the card's energy counter (group render, or "
            "root), or put a wall meter on the machine";
        report.why += "; " + unread.reason;
        report.fix = unread.advice;
        probe.unread.push_back(std::move(unread));
    }
}

/// Why the library is not opened, or nothing.
std::optional<std::string> reason_to_skip(const SysRoot& root) {
    bool has_node = false;
    std::error_code error;
    const std::filesystem::path folder = root.path("/dev/dri");
    for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
         it.increment(error)) {
        has_node = has_node || it->path().filename().string().starts_with("renderD");
    }
    if (!has_node) {
        return folder.string() + "/renderD*: not there, so no GPU driver";
    }
    const std::vector<PciGpu> gpus = list_pci_gpus(root);
    if (std::none_of(gpus.begin(), gpus.end(), [](const PciGpu& gpu) {
            return gpu.vendor == GpuVendor::kIntel && !gpu.is_integrated;
        })) {
        return "no Intel card under /sys/class/drm (graphics inside a processor is part of its "
               "package)";
    }
    return std::nullopt;
}

SourceReport failed_open_report(const Error& error) {
    const bool is_denied = error.code() == ErrorCode::kPermission;
    return {"level-zero",
            status_of_failed_open(error),
            {},
            error.describe(),
            is_denied ? "give this user access to /dev/dri (groups render and video)"
                      : "install level-zero and intel-level-zero-gpu, or name the loader in "
                        "FINEWATT_LEVEL_ZERO_LIBRARY"};
}

}  // namespace

GpuVendorProbe probe_level_zero(const DiscoveryOptions& options) {
    GpuVendorProbe probe;
    if (const auto why = reason_to_skip(options.root)) {
        probe.reports.push_back({"level-zero", SourceStatus::kAbsent, {}, *why, ""});
        probe.failure = why;
        probe.failure_advice = "load the i915 or xe driver; in a container pass /dev/dri";
        return probe;
    }
    const LibraryCost cost(options.clock);
    const Result<SharedLibrary> library = open_library<level_zero::Library>(
        options.env, "FINEWATT_LEVEL_ZERO_LIBRARY", {"libze_loader.so.1"});
    if (!library) {
        probe.reports.push_back(failed_open_report(library.error()));
        probe.failure = library.error().describe();
        probe.failure_advice = probe.reports.back().fix;
        return probe;
    }
    std::vector<GpuChannel> channels;
    SourceReport report{"level-zero", SourceStatus::kUsable, {}, "", ""};
    for (const Handle driver : list_handles([&](std::uint32_t*count, Handle*out) {
             return (*library)->call().drivers(count, out);
         })) {
        for (const Handle device : list_handles([&](std::uint32_t*count, Handle*out) {
                 return (*library)->call().devices(driver, count, out);
             })) {
            add_device(*library, device, probe, channels, report);
        }
    }
    report.why =
        fmt::format("{} GPUs, {} channels, {}{}", probe.gpus.size(), channels.size(), cost.text(),
                    ignored_mask_note(options.env, {"ZE_AFFINITY_MASK"}) + report.why);
    if (channels.empty()) {
        report.status = probe.unread.empty() ? SourceStatus::kAbsent : SourceStatus::kBroken;
    } else {
        probe.sources.push_back(std::make_unique<GpuSource>(
            "level-zero", options.clock, std::move(channels), std::chrono::nanoseconds::zero()));
    }
    probe.reports.push_back(std::move(report));
    return probe;
}

}  // namespace finewatt
