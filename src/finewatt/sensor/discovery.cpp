#include "finewatt/sensor/discovery.h"

#include "finewatt/sensor/cpu_model_source.h"
#include "finewatt/sensor/gpu_discovery.h"
#include "finewatt/sensor/powercap_source.h"
#include "finewatt/sensor/ram_model_source.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace finewatt {
namespace {

void add(Discovery& discovery, SourceProbe probe) {
    if (probe.source) {
        discovery.sources.push_back(std::move(probe.source));
    }
    std::move(probe.reports.begin(), probe.reports.end(), std::back_inserter(discovery.reports));
    std::move(probe.unmeasured.begin(), probe.unmeasured.end(),
              std::back_inserter(discovery.unmeasured));
    std::move(probe.gpus.begin(), probe.gpus.end(), std::back_inserter(discovery.gpus));
}

/// Return the id of a channel of this domain, or "".
std::string channel_of(const Discovery& discovery, Domain domain) {
    for (const auto& source : discovery.sources) {
        for (const ChannelSpec& channel : source->channels()) {
            if (channel.domain == domain) {
                return channel.id;
            }
        }
    }
    return "";
}

/// Why no counter serves: the first report about counters that is not usable. `mark` is looked for
/// in the ids of denied channels ("package", "dram").
const SourceReport* refusal_of_counters(const Discovery& discovery, std::string_view mark) {
    for (const SourceReport& report : discovery.reports) {
        const bool speaks_of_it =
            report.channels.empty() ||
            std::any_of(report.channels.begin(), report.channels.end(),
                        [&](const std::string& id) { return id.find(mark) != std::string::npos; });
        if (report.source == "powercap" && report.status != SourceStatus::kUsable && speaks_of_it) {
            return &report;
        }
    }
    return nullptr;
}

struct ModelChoice {
    std::string_view source;     ///< "cpu-model" or "ram-model"
    std::string_view component;  ///< "cpu" or "dram"
    std::string_view device;
    Domain domain{};
    std::string_view zone;  ///< what powercap calls the domain
    SourceProbe (*probe)(const DiscoveryOptions& options, std::string_view why_modelled) = nullptr;
};

/// Use the model of a component unless a counter covers it.
void add_model(Discovery& discovery, const DiscoveryOptions& options, const ModelChoice& choice) {
    std::string measured_by = channel_of(discovery, choice.domain);
    if (measured_by.empty() && channel_of(discovery, Domain::kPackage).empty()) {
        measured_by = channel_of(discovery, Domain::kPsys);  // psys holds package and dram
    }
    if (!measured_by.empty()) {
        discovery.reports.push_back({std::string(choice.source),
                                     SourceStatus::kUsable,
                                     {},
                                     "not needed: " + measured_by + " measures it",
                                     ""});
        return;
    }
    const SourceReport* refusal = refusal_of_counters(discovery, choice.zone);
    const std::string why =
        refusal != nullptr
            ? fmt::format("no energy counter for {} (powercap {}: {})", choice.component,
                          source_status_name(refusal->status), refusal->why)
            : fmt::format("this machine's powercap has no zone for {}", choice.component);
    if (!options.allow_models) {
        const std::string fix = refusal != nullptr ? refusal->fix : "use a wall meter";
        discovery.unmeasured.push_back({std::string(choice.component), std::string(choice.device),
                                        why + "; models are switched off", fix});
        discovery.reports.push_back(
            {std::string(choice.source), SourceStatus::kAbsent, {}, "models are switched off", ""});
        return;
    }
    add(discovery, choice.probe(options, why));
}

/// Some packages readable, some not: the total lacks a processor, which must be said.
void add_partly_denied_packages(Discovery& discovery) {
    if (channel_of(discovery, Domain::kPackage).empty()) {
        return;
    }
    constexpr std::string_view kPackage = "powercap:package-";
    for (const SourceReport& report : discovery.reports) {
        if (report.status == SourceStatus::kUsable) {
            continue;
        }
        for (const std::string& id : report.channels) {
            if (id.starts_with(kPackage) && id.find('/') == std::string::npos) {
                discovery.unmeasured.push_back({"cpu", id, report.why, report.fix});
            }
        }
    }
}

}  // namespace

Discovery discover(const DiscoveryOptions& options) {
    Discovery discovery;
    add(discovery, PowercapSource::probe(options));
    for (SourceProbe& probe : probe_gpus(options)) {
        add(discovery, std::move(probe));
    }
    add_partly_denied_packages(discovery);
    add_model(discovery, options,
              {"cpu-model", "cpu", "cpu", Domain::kPackage, "package", CpuModelSource::probe});
    add_model(discovery, options,
              {"ram-model", "dram", "ram", Domain::kDram, "dram", RamModelSource::probe});
    return discovery;
}

}  // namespace finewatt
