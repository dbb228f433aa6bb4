#include "finewatt/sensor/powercap_source.h"

#include "finewatt/base/check.h"
#include "finewatt/sensor/access_advice.h"
#include "finewatt/sensor/cpu_topology.h"
#include "finewatt/sensor/kernel_text_internal.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace finewatt {
namespace {

// RAPL counters have 32 bits (Intel SDM volume 3B, section "RAPL interfaces", MSR 0x611 bits 31:0).
constexpr std::uint64_t kCounterMaxTicks = 0xFFFF'FFFF;

// New values appear about every millisecond (Intel SDM volume 3B, same section).
constexpr double kUpdateMs = 1;

// The coarsest unit of common processors (2^-14 J), where the file does not tell it.
constexpr double kCommonUnitUj = 61.035;

// Rounds of reading two dies when looking for mirrored counters, and how many must be equal. A
// refresh may fall between the two reads of a round; two independent counters of 32 bits are not
// equal twice by chance.
constexpr int kMirrorRounds = 8;
constexpr int kMirrorEqualRounds = 2;

/// A directory of /sys/class/powercap with an energy counter.
struct Zone {
    std::string folder;  ///< e.g. "intel-rapl:0:1"
    std::filesystem::path path;
    std::string name;         ///< text of the name file
    std::string parent_name;  ///< name of the enclosing zone; empty at the top
    bool is_mmio = false;

    std::string label() const { return parent_name.empty() ? name : parent_name + "/" + name; }
};

std::vector<Zone> list_zones(const std::filesystem::path& root) {
    std::vector<Zone> zones;
    std::map<std::string, std::string> names;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(root, ignored)) {
        const Result<std::string> name = read_kernel_text(entry.path() / "name");
        std::error_code missing;
        if (!name || !std::filesystem::exists(entry.path() / "energy_uj", missing)) {
            continue;
        }
        const std::string folder = entry.path().filename().string();
        names[folder] = *name;
        zones.push_back(
            {folder, entry.path(), *name, "", folder.find("mmio") != std::string::npos});
    }
    for (Zone& zone : zones) {
        const auto last_colon = zone.folder.rfind(':');
        const auto parent = names.find(zone.folder.substr(0, last_colon));
        if (parent != names.end() && last_colon != std::string::npos) {
            zone.parent_name = parent->second;
        }
    }
    std::sort(zones.begin(), zones.end(),
              [](const Zone& a, const Zone& b) { return a.folder < b.folder; });
    return zones;
}

Domain domain_of(const std::string& name) {
    if (name.starts_with("package")) {
        return Domain::kPackage;
    }
    if (name == "dram") {
        return Domain::kDram;
    }
    if (name == "core") {
        return Domain::kCore;
    }
    return name == "psys" ? Domain::kPsys : Domain::kOther;
}

/// "cpu0-die1" gives "cpu0"; other names stay.
std::string socket_of(const std::string& device) {
    return device.substr(0, device.find("-die"));
}

std::string device_of(const Zone& zone) {
    std::string device = package_device(zone.name);
    if (device.empty()) {
        device = package_device(zone.parent_name);
    }
    return device.empty() && zone.name == "psys" ? "platform" : device;
}

double ceiling_w(const Zone& zone, Domain domain) {
    constexpr int kMaxConstraints = 8;
    std::uint64_t largest_uw = 0;
    for (int i = 0; i < kMaxConstraints; ++i) {
        const auto limit_uw =
            read_kernel_unsigned(zone.path / fmt::format("constraint_{}_max_power_uw", i));
        largest_uw = std::max(largest_uw, limit_uw.value_or(0));
    }
    return largest_uw > 0 ? 2e-6 * static_cast<double>(largest_uw) : default_ceiling_w(domain);
}

ChannelSpec make_channel(const Zone& zone, std::optional<std::uint64_t> max_raw, bool is_amd) {
    ChannelSpec spec;
    spec.id = "powercap:" + zone.label();
    spec.kind = ChannelKind::kCounter;
    spec.unit = "uJ";
    spec.unit_size = 1e-6;
    if (max_raw && *max_raw > 0) {
        spec.range = powercap_modulus_uj(*max_raw);
    }
    spec.resolution_raw = powercap_unit_uj(max_raw.value_or(0)).value_or(kCommonUnitUj);
    spec.domain = domain_of(zone.name);
    const bool is_one_core = is_amd && spec.domain == Domain::kCore;
    if (is_one_core) {
        spec.domain = Domain::kOther;
    }
    spec.max_power_w = ceiling_w(zone, spec.domain);
    spec.device = device_of(zone);
    spec.update_ms = kUpdateMs;
    spec.source = "powercap";
    spec.provenance = Provenance::kMeasured;
    spec.reason = fmt::format("energy counter of zone {} ({})", zone.folder, zone.label());
    if (is_one_core) {
        spec.reason += "; on AMD it is that of one core only, so it is never part of a total";
    } else if (spec.domain == Domain::kOther) {
        spec.reason +=
            "; it lies inside another domain or is unknown, so it is never part of a total";
    }
    return spec;
}

SourceReport absent_report(const DiscoveryOptions& options, const std::string& what) {
    SourceReport report{"powercap", SourceStatus::kAbsent, {}, what, ""};
    const Result<CpuInfo> cpu = cpu_info_of(options);
    if (cpu && cpu->is_virtual) {
        report.why += "; a virtual machine shows no energy counters";
        report.fix = "measure on the host, or use a wall meter; else power is modelled";
    } else {
        const std::string container = container_advice(options);
        report.fix = "sudo modprobe intel_rapl_msr (Intel, AMD Zen)";
        report.fix += container.empty() ? "" : "; " + container;
    }
    return report;
}

/// Twins: the same label in an MSR zone and in an mmio zone. The MSR zone stays.
std::vector<std::string> labels_of_msr_zones(const std::vector<Zone>& zones) {
    std::vector<std::string> labels;
    for (const Zone& zone : zones) {
        if (!zone.is_mmio) {
            labels.push_back(zone.label());
        }
    }
    return labels;
}

/// Join failures of one kind into one report.
void add_failure(std::map<SourceStatus, SourceReport>& failures, const DiscoveryOptions& options,
                 const Zone& zone, const Error& error) {
    const SourceStatus status =
        error.code() == ErrorCode::kPermission ? SourceStatus::kDenied : SourceStatus::kBroken;
    SourceReport& report = failures[status];
    report.source = "powercap";
    report.status = status;
    report.channels.push_back("powercap:" + zone.label());
    if (report.why.empty()) {
        report.why = status == SourceStatus::kDenied
                         ? "energy counters exist, but this user may not read them: "
                         : "energy counters exist, but cannot be read: ";
        report.why += error.describe();
        report.fix = status == SourceStatus::kDenied ? powercap_advice(options)
                                                     : "see the kernel log: dmesg";
    }
}

/// The unit in nanojoules; 0 when no unit gives this largest value.
std::uint64_t unit_nj_of(std::uint64_t max_energy_range_uj) {
    // The range in nanojoules must fit 64 bits; no RAPL counter comes near.
    if (max_energy_range_uj > UINT64_MAX / 1000) {
        return 0;
    }
    const std::uint64_t range_nj = max_energy_range_uj * 1000;
    const std::uint64_t unit_nj = (range_nj + kCounterMaxTicks - 1) / kCounterMaxTicks;
    const bool is_unit = unit_nj > 0 && unit_nj <= UINT32_MAX &&
                         kCounterMaxTicks * unit_nj / 1000 == max_energy_range_uj;
    return is_unit ? unit_nj : 0;
}

}  // namespace

std::uint64_t powercap_modulus_uj(std::uint64_t max_energy_range_uj) {
    const std::uint64_t unit_nj = unit_nj_of(max_energy_range_uj);
    return unit_nj > 0 ? ((kCounterMaxTicks + 1) * unit_nj + 500) / 1000 : max_energy_range_uj;
}

std::optional<double> powercap_unit_uj(std::uint64_t max_energy_range_uj) {
    const std::uint64_t unit_nj = unit_nj_of(max_energy_range_uj);
    return unit_nj > 0 ? std::make_optional(static_cast<double>(unit_nj) / 1000) : std::nullopt;
}

std::map<std::string, double> powercap_units_uj(const SysRoot& root) {
    std::map<std::string, double> units;
    for (const Zone& zone : list_zones(root.path("/sys/class/powercap"))) {
        const auto max_raw = read_kernel_unsigned(zone.path / "max_energy_range_uj");
        if (const auto unit_uj = powercap_unit_uj(max_raw.value_or(0))) {
            units.emplace(zone.name, *unit_uj);
        }
    }
    return units;
}

SourceProbe PowercapSource::probe(const DiscoveryOptions& options) {
    SourceProbe probe;
    const std::filesystem::path root = options.root.path("/sys/class/powercap");
    const std::vector<Zone> zones = list_zones(root);
    if (zones.empty()) {
        probe.reports.push_back(absent_report(
            options, fmt::format("{}: expected zones with energy_uj, found none", root.string())));
        return probe;
    }
    std::unique_ptr<PowercapSource> source(new PowercapSource(options.clock));
    std::map<SourceStatus, SourceReport> failures;
    std::map<std::string, int> uses;
    const std::vector<std::string> msr_labels = labels_of_msr_zones(zones);
    const Result<CpuInfo> cpu = cpu_info_of(options);
    const bool is_amd = cpu && cpu->is_amd();
    for (const Zone& zone : zones) {
        if (zone.is_mmio &&
            std::find(msr_labels.begin(), msr_labels.end(), zone.label()) != msr_labels.end()) {
            probe.reports.push_back({"powercap",
                                     SourceStatus::kUsable,
                                     {},
                                     fmt::format("zone {} left out: {} is the same counter read "
                                                 "through memory",
                                                 zone.folder, zone.label()),
                                     ""});
            continue;
        }
        Result<ScopedFd> file = options.open(zone.path / "energy_uj");
        if (!file) {
            add_failure(failures, options, zone, file.error());
            continue;
        }
        const auto max_raw = read_kernel_unsigned(zone.path / "max_energy_range_uj");
        ChannelSpec spec = make_channel(zone, max_raw, is_amd);
        if (uses[spec.id]++ > 0) {
            spec.id += "@" + zone.folder;
        }
        source->channels_.push_back(std::move(spec));
        source->counters_.push_back({std::move(*file), max_raw.value_or(0)});
    }
    const std::vector<SourceReport> mirrored = source->drop_mirrored_dies(probe.mirrored_devices);
    if (is_amd) {
        source->name_lone_dies_by_package();
    }
    if (!source->channels_.empty()) {
        SourceReport usable{"powercap", SourceStatus::kUsable, {}, "energy counters", ""};
        for (const ChannelSpec& channel : source->channels_) {
            usable.channels.push_back(channel.id);
        }
        probe.reports.insert(probe.reports.begin(), std::move(usable));
        probe.source = std::move(source);
    }
    probe.reports.insert(probe.reports.end(), mirrored.begin(), mirrored.end());
    for (auto& [status, report] : failures) {
        probe.reports.push_back(std::move(report));
    }
    return probe;
}

Reading PowercapSource::read_counter(const Counter& counter) const {
    const NumberRead read = read_number(counter.file.get());
    const MonoTime time = clock_.mono_now();
    if (read.errno_value != 0) {
        return failed_reading_from_errno(time, read.errno_value);
    }
    if (!read.value) {
        return failed_reading(time, PollOutcome::kRetry, "EINVAL");
    }
    if (counter.max_raw > 0 && *read.value > counter.max_raw) {
        return failed_reading(time, PollOutcome::kRetry, "RANGE");
    }
    return {time, *read.value, PollOutcome::kOk, {}};
}

void PowercapSource::poll(std::span<Reading> readings) {
    FINEWATT_CHECK(readings.size() == counters_.size(), "poll needs one slot per channel");
    for (std::size_t i = 0; i < counters_.size(); ++i) {
        readings[i] = read_counter(counters_[i]);
    }
}

bool PowercapSource::are_mirrored(std::size_t first, std::size_t second) const {
    int equal = 0;
    for (int round = 0; round < kMirrorRounds && equal < kMirrorEqualRounds; ++round) {
        const Reading a = read_counter(counters_[first]);
        const Reading b = read_counter(counters_[second]);
        const bool is_equal = a.outcome == PollOutcome::kOk && b.outcome == PollOutcome::kOk &&
                              a.raw == b.raw && a.raw > 0;
        equal += is_equal ? 1 : 0;
    }
    return equal >= kMirrorEqualRounds;
}

std::vector<SourceReport> PowercapSource::drop_mirrored_dies(std::vector<std::string>& dropped) {
    std::vector<SourceReport> reports;
    for (std::size_t i = 0; i < channels_.size(); ++i) {
        for (std::size_t j = i + 1; j < channels_.size();) {
            const ChannelSpec& kept = channels_[i];
            const ChannelSpec& other = channels_[j];
            const bool are_dies =
                kept.domain == other.domain && kept.device.find("-die") != std::string::npos &&
                kept.device != other.device && socket_of(kept.device) == socket_of(other.device);
            if (!are_dies || !are_mirrored(i, j)) {
                ++j;
                continue;
            }
            reports.push_back(
                {"powercap",
                 SourceStatus::kUsable,
                 {},
                 fmt::format("{} left out: it shows the same counter as {}, so adding "
                             "both would count the package twice",
                             other.id, kept.id),
                 ""});
            dropped.push_back(other.device);
            channels_.erase(channels_.begin() + static_cast<std::ptrdiff_t>(j));
            counters_.erase(counters_.begin() + static_cast<std::ptrdiff_t>(j));
        }
    }
    return reports;
}

void PowercapSource::name_lone_dies_by_package() {
    std::map<std::string, std::set<std::string>> dies_of;
    for (const ChannelSpec& channel : channels_) {
        if (channel.domain == Domain::kPackage) {
            dies_of[socket_of(channel.device)].insert(channel.device);
        }
    }
    for (ChannelSpec& channel : channels_) {
        const std::string socket = socket_of(channel.device);
        if (dies_of[socket] == std::set<std::string>{channel.device}) {
            channel.device = socket;
        }
    }
}

}  // namespace finewatt
