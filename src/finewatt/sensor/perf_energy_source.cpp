#include "finewatt/sensor/perf_energy_source.h"

#include "finewatt/base/check.h"
#include "finewatt/sensor/access_advice.h"
#include "finewatt/sensor/cpu_topology.h"
#include "finewatt/sensor/kernel_text_internal.h"
#include "finewatt/sensor/powercap_source.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace finewatt {
namespace {

// New values appear about every millisecond (Intel SDM volume 3B, "RAPL interfaces").
constexpr double kUpdateMs = 1;

// The coarsest unit of common processors, 2^-14 J, where powercap does not tell the counter's own.
constexpr double kCommonUnitJ = 1.0 / 16384;

// The kernel's scale is 2^-32 J (2.3e-10); a file far from it is not the scale of an energy event.
constexpr double kSmallestScaleJ = 1e-15;
constexpr double kLargestScaleJ = 1e-3;

// "perf/x86/rapl: fix AMD event handling" went into Linux 5.17: before, the counts are wrong.
constexpr std::pair<unsigned, unsigned> kFirstRightOnAmd{5, 17};

/// What an event's name means.
struct EventMeaning {
    std::string_view event;  ///< name of the file in events/
    Domain domain{};
    std::string_view zone;  ///< what the channel is called, as powercap would
};

constexpr std::array<EventMeaning, 5> kMeanings{{
    {"energy-pkg", Domain::kPackage, ""},
    {"energy-ram", Domain::kDram, "dram"},
    {"energy-cores", Domain::kCore, "core"},
    {"energy-gpu", Domain::kOther, "uncore"},
    {"energy-psys", Domain::kPsys, "psys"},
}};

struct Event {
    std::string name;
    std::uint64_t config = 0;
    double joules_per_tick = 0;
    Domain domain = Domain::kOther;
    std::string zone;  ///< empty for the package itself
};

struct Pmu {
    std::uint32_t type = 0;
    std::vector<CpuPlace> cpus;  ///< of its cpumask
    std::vector<Event> events;   ///< package first
};

/// Read "event=0x02". Any other term would need the PMU's format, which no energy event uses.
std::optional<std::uint64_t> parse_event_code(std::string_view text) {
    constexpr std::string_view kKey = "event=";
    text = trimmed(text);
    if (!text.starts_with(kKey)) {
        return std::nullopt;
    }
    text.remove_prefix(kKey.size());
    const bool is_hex = text.starts_with("0x");
    text.remove_prefix(is_hex ? 2 : 0);
    std::uint64_t code = 0;
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, code, is_hex ? 16 : 10);
    if (error != std::errc() || stopped != end) {
        return std::nullopt;
    }
    return code;
}

Result<Event> read_event(const std::filesystem::path& file) {
    Event event;
    event.name = file.filename().string();
    FINEWATT_ASSIGN(const std::string code_text, read_kernel_text(file));
    const auto code = parse_event_code(code_text);
    if (!code) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected 'event=NUMBER', found '{}'", file.string(),
                              code_text);
    }
    event.config = *code;
    FINEWATT_ASSIGN(const std::string unit, read_kernel_text(file.string() + ".unit"));
    const auto scale = read_kernel_positive(file.string() + ".scale");
    if (unit != "Joules" || !scale || *scale < kSmallestScaleJ || *scale > kLargestScaleJ) {
        return FINEWATT_ERROR(
            kCorrupt, "{}: expected the unit Joules and a scale near 2^-32, found '{}' and {}",
            file.string(), unit, scale ? fmt::format("{}", *scale) : "no number");
    }
    event.joules_per_tick = *scale;
    event.zone = event.name.substr(std::string_view("energy-").size());
    for (const EventMeaning& meaning : kMeanings) {
        if (meaning.event == event.name) {
            event.domain = meaning.domain;
            event.zone = meaning.zone;
        }
    }
    return event;
}

/// The events of a PMU: the energy-* files without a suffix, package first. Files that cannot be
/// understood give an error text each.
std::vector<Event> list_events(const std::filesystem::path& folder,
                               std::vector<std::string>& errors) {
    std::vector<Event> events;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
        const std::string name = entry.path().filename().string();
        if (!name.starts_with("energy-") || name.find('.') != std::string::npos) {
            continue;
        }
        Result<Event> event = read_event(entry.path());
        if (event) {
            events.push_back(std::move(*event));
        } else {
            errors.push_back(event.error().describe());
        }
    }
    std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
        return std::make_pair(a.domain, a.name) < std::make_pair(b.domain, b.name);
    });
    return events;
}

/// Read one PMU. Errors: not found when the folder is missing, corrupt.
Result<Pmu> read_pmu(const SysRoot& root, const std::string& name,
                     std::vector<std::string>& errors) {
    const auto folder = root.path("/sys/bus/event_source/devices/" + name);
    FINEWATT_ASSIGN(const std::string type, read_kernel_text(folder / "type"));
    FINEWATT_ASSIGN(const std::string mask, read_kernel_text(folder / "cpumask"));
    const auto type_number = parse_unsigned(type);
    const auto cpus = parse_cpu_list(mask);
    if (!type_number || *type_number > UINT32_MAX || !cpus) {
        return FINEWATT_ERROR(
            kCorrupt,
            "{}: expected a number in type and a list of CPUs in cpumask, found '{}' "
            "and '{}'",
            folder.string(), type, mask);
    }
    Pmu pmu;
    pmu.type = static_cast<std::uint32_t>(*type_number);
    for (const unsigned cpu : *cpus) {
        const auto place = read_cpu_place(root, cpu);
        if (!place && cpus->size() > 1) {
            return FINEWATT_ERROR(kCorrupt,
                                  "{}: expected the package of CPU {} in its topology, found none",
                                  folder.string(), cpu);
        }
        pmu.cpus.push_back(place.value_or(CpuPlace{cpu, 0, 0}));
    }
    pmu.events = list_events(folder / "events", errors);
    return pmu;
}

/// A perf event belongs to the running kernel, not to a tree of files. Under a prefix the two are
/// one machine only where the boot id is the same.
Status check_same_kernel(const SysRoot& root) {
    if (root.is_real()) {
        return {};
    }
    const std::string path = "/proc/sys/kernel/random/boot_id";
    const Result<std::string> there = read_kernel_text(root.path(path));
    const Result<std::string> here = read_kernel_text(path);
    if (there && here && *there == *here) {
        return {};
    }
    return FINEWATT_ERROR(kUnsupported,
                          "{}: expected the boot id of the running kernel, found {}: the tree "
                          "belongs to another machine, whose perf events cannot be read here",
                          root.path(path).string(), there ? "another" : "none");
}

Status check_amd_kernel(const DiscoveryOptions& options) {
    const Result<CpuInfo> cpu = cpu_info_of(options);
    if (!cpu || !cpu->is_amd()) {
        return {};
    }
    const auto version = read_kernel_version(options.root);
    if (version && *version >= kFirstRightOnAmd) {
        return {};
    }
    return FINEWATT_ERROR(kUnsupported, "perf energy on AMD is wrong before Linux 5.17, found {}",
                          version ? fmt::format("Linux {}.{}", version->first, version->second)
                                  : "no kernel version");
}

std::string channel_zone(const Event& event, const std::string& package) {
    if (event.domain == Domain::kPsys) {
        return event.zone;
    }
    return event.zone.empty() ? package : package + "/" + event.zone;
}

/// The hardware's step in ticks.
double step_of(const std::map<std::string, double>& units_uj, const Event& event,
               const std::string& package) {
    const auto unit_uj = units_uj.find(event.zone.empty() ? package : event.zone);
    return (unit_uj != units_uj.end() ? unit_uj->second * 1e-6 : kCommonUnitJ) /
           event.joules_per_tick;
}

ChannelSpec make_channel(const std::map<std::string, double>& units_uj, const Event& event,
                         const std::string& package) {
    ChannelSpec spec;
    spec.id = "perf:" + channel_zone(event, package);
    spec.kind = ChannelKind::kCounter;
    spec.unit = "ticks";
    spec.unit_size = event.joules_per_tick;
    spec.domain = event.domain;
    spec.max_power_w = default_ceiling_w(event.domain);
    spec.device = event.domain == Domain::kPsys ? "platform" : package_device(package);
    spec.update_ms = kUpdateMs;
    spec.resolution_raw = std::max(1.0, step_of(units_uj, event, package));
    spec.source = "perf";
    spec.provenance = Provenance::kMeasured;
    spec.reason = fmt::format("energy counter of perf event {}", event.name);
    if (event.domain == Domain::kOther) {
        spec.reason +=
            "; it lies inside another domain or is unknown, so it is never part of a total";
    }
    return spec;
}

/// The CPUs that one event is opened on, one group per channel.
struct Placement {
    std::string package;  ///< zone name
    std::vector<unsigned> cpus;
};

/// One package (or die) per CPU of the mask. Of AMD's packages one CPU is enough: some kernels list
/// one per core complex, which all show the package's counter.
std::vector<Placement> place_packages(const Pmu& pmu, bool is_amd) {
    const bool by_die = !is_amd && has_several_dies(pmu.cpus);
    std::vector<Placement> placements;
    for (const CpuPlace& place : first_cpus(pmu.cpus, by_die)) {
        placements.push_back(
            {package_zone(place.package, by_die ? std::make_optional(place.die) : std::nullopt),
             {place.cpu}});
    }
    return placements;
}

/// All CPUs of the mask, grouped by package.
std::vector<Placement> place_cores(const Pmu& pmu) {
    std::map<unsigned, std::vector<unsigned>> cpus_of;
    for (const CpuPlace& place : pmu.cpus) {
        cpus_of[place.package].push_back(place.cpu);
    }
    std::vector<Placement> placements;
    for (auto& [package, cpus] : cpus_of) {
        placements.push_back({package_zone(package, std::nullopt), std::move(cpus)});
    }
    return placements;
}

/// Opens an event on all CPUs of a placement.
Result<std::vector<ScopedFd>> open_counts(const PerfCalls& calls, const Pmu& pmu,
                                          const Event& event, const Placement& placement) {
    std::vector<ScopedFd> counts;
    for (const unsigned cpu : placement.cpus) {
        FINEWATT_ASSIGN(ScopedFd count,
                        calls.open({pmu.type, event.config, static_cast<int>(cpu)}));
        counts.push_back(std::move(count));
    }
    return counts;
}

SourceProbe refused(SourceStatus status, const std::string& why, const std::string& fix) {
    SourceProbe probe;
    probe.reports.push_back({"perf", status, {}, why, fix});
    return probe;
}

SourceProbe absent(const DiscoveryOptions& options, const Error& error) {
    const Result<CpuInfo> cpu = cpu_info_of(options);
    if (cpu && cpu->is_virtual) {
        return refused(SourceStatus::kAbsent,
                       "no PMU 'power'; a virtual machine shows no energy counters",
                       "measure on the host, or use a wall meter; else power is modelled");
    }
    return refused(SourceStatus::kAbsent, "no PMU 'power' with energy events: " + error.describe(),
                   "sudo modprobe rapl (Intel since Sandy Bridge, AMD Zen)");
}

}  // namespace

/// Opens events and collects what went well and what did not.
class PerfBuilder {
  public:
    PerfBuilder(const DiscoveryOptions& options, PerfCalls calls)
        : options_(options),
          units_uj_(powercap_units_uj(options.root)),
          source_(new PerfEnergySource(options.clock, std::move(calls))) {}

    void add(const Pmu& pmu, const Event& event, const Placement& placement) {
        ChannelSpec spec = make_channel(units_uj_, event, placement.package);
        const auto is_same = [&](const ChannelSpec& known) { return known.id == spec.id; };
        if (std::any_of(source_->channels_.begin(), source_->channels_.end(), is_same)) {
            return;
        }
        Result<std::vector<ScopedFd>> counts = open_counts(source_->calls_, pmu, event, placement);
        if (!counts) {
            add_failure(spec.id, counts.error());
            return;
        }
        source_->channels_.push_back(std::move(spec));
        source_->counts_.push_back(std::move(*counts));
    }

    /// A failure that is no channel's.
    void add_problem(const std::string& why) {
        SourceReport& report = failures_[SourceStatus::kBroken];
        report.why += (report.why.empty() ? "" : "; ") + why;
        report.fix = "update the kernel; powercap shows the same counters";
    }

    SourceProbe finish(const std::string& usable_text) {
        SourceProbe probe;
        if (!source_->channels_.empty()) {
            SourceReport usable{"perf", SourceStatus::kUsable, {}, usable_text, ""};
            for (const ChannelSpec& channel : source_->channels_) {
                usable.channels.push_back(channel.id);
            }
            probe.reports.push_back(std::move(usable));
            probe.source = std::move(source_);
        }
        for (auto& [status, report] : failures_) {
            report.source = "perf";
            report.status = status;
            probe.reports.push_back(std::move(report));
        }
        return probe;
    }

  private:
    void add_failure(const std::string& id, const Error& error) {
        const bool is_denied = error.code() == ErrorCode::kPermission;
        SourceReport& report = failures_[is_denied ? SourceStatus::kDenied : SourceStatus::kBroken];
        report.channels.push_back(id);
        if (!report.why.empty()) {
            return;
        }
        report.why = error.describe();
        report.fix = is_denied ? perf_advice(options_) : "powercap shows the same counters";
        if (is_denied) {
            const auto paranoid =
                read_kernel_text(options_.root.path("/proc/sys/kernel/perf_event_paranoid"));
            report.why = fmt::format(
                "energy events exist, but this program may not open them: it needs CAP_PERFMON or "
                "perf_event_paranoid below 1, found {}: {}",
                paranoid ? *paranoid : "no such setting", error.describe());
        }
    }

    const DiscoveryOptions& options_;
    std::map<std::string, double> units_uj_;  ///< hardware steps by zone
    std::unique_ptr<PerfEnergySource> source_;
    std::map<SourceStatus, SourceReport> failures_;
};

namespace {

bool has_core_pmu(const SysRoot& root) {
    std::error_code ignored;
    return std::filesystem::exists(root.path("/sys/bus/event_source/devices/power_core/type"),
                                   ignored);
}

/// Add one channel per package that sums up its cores.
void add_cores(PerfBuilder& builder, const SysRoot& root) {
    std::vector<std::string> ignored;
    Result<Pmu> cores = read_pmu(root, "power_core", ignored);
    if (!cores) {
        return;
    }
    for (Event& event : cores->events) {
        event.domain = Domain::kCore;
        event.zone = "core";
        for (const Placement& placement : place_cores(*cores)) {
            builder.add(*cores, event, placement);
        }
    }
}

}  // namespace

SourceProbe PerfEnergySource::probe(const DiscoveryOptions& options) {
    std::vector<std::string> problems;
    const Result<Pmu> power = read_pmu(options.root, "power", problems);
    if (!power && power.error().code() == ErrorCode::kNotFound) {
        return absent(options, power.error());
    }
    if (!power) {
        return refused(SourceStatus::kBroken, power.error().describe(),
                       "powercap shows the same counters");
    }
    const bool is_injected = static_cast<bool>(options.perf.open);
    const Status same_kernel = is_injected ? Status() : check_same_kernel(options.root);
    if (!same_kernel) {
        return refused(SourceStatus::kAbsent, same_kernel.error().describe(),
                       "run on the machine itself");
    }
    if (const Status right = check_amd_kernel(options); !right) {
        return refused(SourceStatus::kBroken, right.error().describe(),
                       "update the kernel to 5.17 or later; powercap shows the same counters");
    }
    const Result<CpuInfo> cpu = cpu_info_of(options);
    const bool is_amd = cpu && cpu->is_amd();
    PerfBuilder builder(options, is_injected ? options.perf : kernel_perf_calls());
    for (const std::string& problem : problems) {
        builder.add_problem(problem);
    }
    const std::vector<Placement> packages = place_packages(*power, is_amd);
    for (const Event& event : power->events) {
        // There is one platform, and its counter shows at every package.
        const std::size_t count = event.domain == Domain::kPsys ? 1 : packages.size();
        for (std::size_t i = 0; i < count; ++i) {
            builder.add(*power, event, packages[i]);
        }
    }
    std::string usable = "energy events, no root needed";
    if (options.all_sources) {
        add_cores(builder, options.root);
    } else if (has_core_pmu(options.root)) {
        usable += "; counters of single cores (power_core) lie inside the package and are left out";
    }
    return builder.finish(usable);
}

void PerfEnergySource::poll(std::span<Reading> readings) {
    FINEWATT_CHECK(readings.size() == counts_.size(), "poll needs one slot per channel");
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        std::uint64_t sum = 0;
        int failed = 0;
        for (const ScopedFd& fd : counts_[i]) {
            std::uint64_t count = 0;
            const int errno_value = calls_.read(fd.get(), count);
            failed = failed != 0 ? failed : errno_value;
            sum += count;
        }
        const MonoTime time = clock_.mono_now();
        readings[i] = failed != 0 ? failed_reading_from_errno(time, failed)
                                  : Reading{time, sum, PollOutcome::kOk, {}};
    }
}

PerfCalls kernel_perf_calls() {
    PerfCalls calls;
    calls.open = [](const PerfEventRequest& request) -> Result<ScopedFd> {
        perf_event_attr attributes{};
        attributes.size = sizeof attributes;
        attributes.type = request.type;
        attributes.config = request.config;
        constexpr int kAllProcesses = -1;
        constexpr int kNoGroup = -1;
        const long fd = ::syscall(SYS_perf_event_open, &attributes, kAllProcesses, request.cpu,
                                  kNoGroup, PERF_FLAG_FD_CLOEXEC);
        if (fd < 0) {
            return error_from_errno(
                errno, fmt::format("perf_event_open of type {}, event {}, CPU {}", request.type,
                                   request.config, request.cpu));
        }
        return ScopedFd(static_cast<int>(fd));
    };
    calls.read = [](int fd, std::uint64_t& count) {
        const ssize_t n = ::read(fd, &count, sizeof count);
        if (n == sizeof count) {
            return 0;
        }
        return n < 0 ? errno : EIO;
    };
    return calls;
}

}  // namespace finewatt
