// The NVML adapter: per GPU the energy counter (mJ since driver load) and, beside it, the best
// power reading; a GPU with neither goes to the GPU model.
#include "finewatt/sensor/nvml_devices_internal.h"
#include "finewatt/sensor/nvml_queries_internal.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <utility>

namespace finewatt {
namespace {

using nvml::Answer;
using nvml::Gpu;
using nvml::Query;
using SharedLibrary = std::shared_ptr<const nvml::Library>;

// Counter and power are renewed every 20 to 104 ms on every board of data/nvidia_power_sensor; the
// slow end, for boards that are not in it.
constexpr double kUpdateMs = 104;

/// A call that takes longer is worth making once a second only: at 10 Hz it alone would use up the
/// round's budget of 100 us. One board's counter took 2.4 ms where field 186 took 0.5 us.
constexpr std::chrono::microseconds kSlowCall{200};
constexpr std::chrono::seconds kSlowCounterPeriod{1};

constexpr std::array<Query, 4> kPowerQueries{Query::kPowerInstant, Query::kPowerAverage,
                                             Query::kPowerSamples, Query::kPowerUsage};

/// What is read of one GPU.
struct Choice {
    std::optional<Query> counter;
    std::optional<Query> power;
    std::chrono::nanoseconds counter_call{};  ///< how long one call takes
    std::string refusals;                     ///< what was asked before, and why it was dropped
    bool is_denied = false;                   ///< a refusal was about rights
};

void note_refusal(Choice& choice, const nvml::Library& library, Query query, const Answer& answer) {
    const std::string why = answer.code == nvml::kOutOfRange ? "a value beyond reason"
                            : answer.code == nvml::kSuccess  ? "0 W"
                                                             : library.error_text(answer.code);
    choice.refusals +=
        fmt::format("{}{}: {}", choice.refusals.empty() ? "" : "; ", nvml::query_text(query), why);
    choice.is_denied = choice.is_denied || answer.code == nvml::kNoPermission;
}

void choose_counter(Choice& choice, const nvml::Library& library, nvml::Device device,
                    const Clock& clock) {
    for (const Query query : {Query::kEnergyCounter, Query::kEnergyField}) {
        const Answer answer = nvml::ask(library, device, query);
        if (!nvml::may_work(answer)) {
            note_refusal(choice, library, query, answer);
            continue;
        }
        // The first call may wake the GPU; the second shows what a round will cost.
        const MonoTime begin = clock.mono_now();
        nvml::ask(library, device, query);
        choice.counter = query;
        choice.counter_call = clock.mono_now() - begin;
        return;
    }
}

void choose_power(Choice& choice, const nvml::Library& library, nvml::Device device) {
    std::optional<Query> silent;  // failed in a way that passes
    for (const Query query : kPowerQueries) {
        const Answer answer = nvml::ask(library, device, query);
        // A GPU that answers draws some power: 0 W is a sensor that does not work.
        if (answer.code == nvml::kSuccess && answer.raw > 0) {
            choice.power = query;
            return;
        }
        if (answer.code != nvml::kSuccess && nvml::may_work(answer)) {
            silent = silent.value_or(query);
        } else {
            note_refusal(choice, library, query, answer);
        }
    }
    choice.power = silent;
}

std::string reason_of(const Gpu& gpu, Query query, const Choice& choice,
                      const NvidiaSensor& sensor) {
    std::string reason;
    if (query == choice.counter) {
        reason =
            fmt::format("{} of {}, the best source for a GPU", nvml::query_text(query), gpu.name);
    } else if (choice.counter) {
        reason = fmt::format("{} of {}, kept beside its energy counter and not counted",
                             nvml::query_text(query), gpu.name);
    } else {
        reason = fmt::format("{} of {}, because its energy counter cannot be read: {}",
                             nvml::query_text(query), gpu.name, choice.refusals);
    }
    reason += "; " + sensor.basis;
    if (gpu.has_mig_slices) {
        reason += "; the whole GPU: a MIG slice has no share of its own";
    }
    return reason;
}

ChannelSpec make_channel(const Gpu& gpu, Query query, const Choice& choice,
                         const std::string& driver) {
    const bool is_counter = query == choice.counter;
    const NvidiaSensor sensor =
        find_nvidia_sensor(gpu.name, gpu.architecture, driver, nvml::sensor_field(query));
    ChannelSpec spec;
    spec.id = fmt::format("nvml:{}:{}", gpu.uuid, is_counter ? "energy" : "power");
    spec.kind = is_counter ? ChannelKind::kCounter : ChannelKind::kGauge;
    spec.unit = is_counter ? "mJ" : "mW";
    spec.unit_size = 1e-3;
    spec.max_power_w = gpu.limit_w ? 2 * *gpu.limit_w : default_ceiling_w(Domain::kGpu);
    spec.domain = Domain::kGpu;
    spec.device = gpu.uuid;
    spec.update_ms = sensor.update_ms.value_or(kUpdateMs);
    if (!is_counter) {
        spec.window_ms = sensor.window_ms;
    }
    spec.source = is_counter ? "nvml" : "nvml-power";
    spec.provenance = is_counter ? Provenance::kMeasured : Provenance::kDerived;
    spec.gain_error_low = sensor.gain_error_low;
    spec.gain_error_high = sensor.gain_error_high;
    spec.reason = reason_of(gpu, query, choice, sensor);
    return spec;
}

/// A GPU without any reading, with what the GPU model needs of it.
UnreadGpu make_unread(const SharedLibrary& library, const Gpu& gpu, const Choice& choice) {
    UnreadGpu unread;
    unread.device = gpu.uuid;
    unread.pci_address = gpu.pci_address;
    unread.name = gpu.name;
    unread.limit_w = gpu.limit_w;
    unread.reason = fmt::format("{}: {}", gpu.name, choice.refusals);
    unread.advice = choice.is_denied
                        ? "run as a user who may read the GPU's power (root), or use a wall meter"
                        : "update the NVIDIA driver, or put a wall meter on the machine";
    nvml::Utilization first{};
    if (library->call().utilization != nullptr &&
        library->call().utilization(gpu.handle, &first) == nvml::kSuccess) {
        unread.busy_share = [library, device = gpu.handle]() -> std::optional<double> {
            nvml::Utilization now{};
            if (library->call().utilization(device, &now) != nvml::kSuccess || now.gpu > 100) {
                return std::nullopt;
            }
            return now.gpu / 100.0;
        };
    }
    return unread;
}

/// Everything found on the way, until it becomes sources and a report.
struct Findings {
    std::vector<GpuChannel> counters;
    std::vector<GpuChannel> gauges;
    std::chrono::nanoseconds slowest_counter{};
    std::string refusals;
    bool is_denied = false;
};

void add_gpu(const SharedLibrary& library, const Gpu& gpu, const std::string& driver,
             const Clock& clock, Findings& findings, GpuVendorProbe& probe) {
    Choice choice;
    choose_counter(choice, *library, gpu.handle, clock);
    choose_power(choice, *library, gpu.handle);
    for (const std::optional<Query>& query : {choice.counter, choice.power}) {
        if (query) {
            GpuChannel channel{make_channel(gpu, *query, choice, driver),
                               nvml::reader_of(library, gpu.handle, *query, clock)};
            (query == choice.counter ? findings.counters : findings.gauges)
                .push_back(std::move(channel));
        }
    }
    findings.slowest_counter = std::max(findings.slowest_counter, choice.counter_call);
    if (!choice.counter && !choice.power) {
        probe.unread.push_back(make_unread(library, gpu, choice));
    }
    if (!choice.counter) {
        findings.refusals += fmt::format("; {}: {}", gpu.uuid, choice.refusals);
        findings.is_denied = findings.is_denied || choice.is_denied;
    }
}

SourceReport failed_open_report(const Error& error) {
    SourceReport report{"nvml", SourceStatus::kBroken, {}, error.describe(), ""};
    if (error.code() == ErrorCode::kPermission) {
        report.status = SourceStatus::kDenied;
        report.fix = "give this user access to /dev/nvidiactl (often: group video)";
    } else if (error.code() == ErrorCode::kNotFound) {
        report.why = "/dev/nvidiactl exists, but " + report.why;
        report.fix =
            "install the driver's library libnvidia-ml.so.1, or name it in FINEWATT_NVML_LIBRARY; "
            "in a container run with --gpus all";
    } else {
        report.fix =
            "see nvidia-smi; driver and library versions must agree (restart after an "
            "update of the driver)";
    }
    return report;
}

/// What the channels are, what CUDA_VISIBLE_DEVICES did to them, and what opening NVML cost.
SourceReport make_report(const nvml::GpuList& list, const Findings& findings,
                         const std::string& cost) {
    SourceReport report{"nvml", SourceStatus::kUsable, {}, "", list.visible_advice};
    for (const std::vector<GpuChannel>* channels : {&findings.counters, &findings.gauges}) {
        for (const GpuChannel& channel : *channels) {
            report.channels.push_back(channel.spec.id);
        }
    }
    report.why =
        fmt::format("{} GPUs, {} channels, {}", list.gpus.size(), report.channels.size(), cost);
    if (!list.visible_note.empty()) {
        report.why += "; " + list.visible_note;
    }
    if (findings.slowest_counter > kSlowCall) {
        report.why +=
            fmt::format("; reading the counter takes {:.1f} ms: once a second and at edges",
                        static_cast<double>(findings.slowest_counter.count()) * 1e-6);
    }
    report.why += findings.refusals;
    if (report.fix.empty() && !findings.refusals.empty()) {
        report.fix = findings.is_denied
                         ? "run as a user who may read the GPU's energy (root)"
                         : "update the NVIDIA driver; Volta and later have a counter";
    }
    if (report.channels.empty()) {
        const bool is_hidden = std::none_of(list.gpus.begin(), list.gpus.end(),
                                            [](const Gpu& g) { return g.is_selected; });
        report.status =
            is_hidden && list.unread.empty() ? SourceStatus::kAbsent : SourceStatus::kBroken;
    }
    return report;
}

void add_source(GpuVendorProbe& probe, const char* name, const Clock& clock,
                std::vector<GpuChannel> channels, std::chrono::nanoseconds period) {
    if (!channels.empty()) {
        probe.sources.push_back(
            std::make_unique<GpuSource>(name, clock, std::move(channels), period));
    }
}

}  // namespace

GpuVendorProbe probe_nvml(const DiscoveryOptions& options) {
    GpuVendorProbe probe;
    const std::filesystem::path node = options.root.path("/dev/nvidiactl");
    std::error_code missing;
    if (!std::filesystem::exists(node, missing)) {
        probe.reports.push_back({"nvml",
                                 SourceStatus::kAbsent,
                                 {},
                                 node.string() + ": not there, so no NVIDIA driver",
                                 ""});
        probe.failure = probe.reports.back().why;
        probe.failure_advice = "install the NVIDIA driver; in a container run with --gpus all";
        return probe;
    }
    const LibraryCost cost(options.clock);
    const Result<SharedLibrary> library = nvml::Library::open(nvml::library_name(options.env));
    if (!library) {
        probe.reports.push_back(failed_open_report(library.error()));
        probe.failure = library.error().describe();
        probe.failure_advice = probe.reports.back().fix;
        return probe;
    }
    nvml::GpuList list = nvml::list_gpus(**library, options.env);
    if (list.failure) {
        probe.reports.push_back({"nvml",
                                 SourceStatus::kBroken,
                                 {},
                                 *list.failure,
                                 "see nvidia-smi and the kernel log: dmesg"});
        probe.failure = list.failure;
        probe.failure_advice = probe.reports.back().fix;
        return probe;
    }
    Findings findings;
    for (const Gpu& gpu : list.gpus) {
        probe.gpus.push_back({gpu.name, gpu.uuid, list.driver, gpu.is_selected});
        probe.seen_pci_addresses.push_back(gpu.pci_address);
        if (gpu.is_selected) {
            add_gpu(*library, gpu, list.driver, options.clock, findings, probe);
        }
    }
    probe.unread.insert(probe.unread.end(), list.unread.begin(), list.unread.end());
    probe.reports.push_back(make_report(list, findings, cost.text()));
    const bool is_slow = findings.slowest_counter > kSlowCall;
    add_source(
        probe, "nvml", options.clock, std::move(findings.counters),
        is_slow ? std::chrono::nanoseconds(kSlowCounterPeriod) : std::chrono::nanoseconds(0));
    add_source(probe, "nvml-power", options.clock, std::move(findings.gauges), {});
    return probe;
}

}  // namespace finewatt
