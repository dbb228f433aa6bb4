#include "finewatt/sensor/discovery.h"

#include "finewatt/sensor/chosen_source_internal.h"
#include "finewatt/sensor/cpu_model_source.h"
#include "finewatt/sensor/cpu_topology.h"
#include "finewatt/sensor/cray_source.h"
#include "finewatt/sensor/gpu_discovery.h"
#include "finewatt/sensor/hwmon_source.h"
#include "finewatt/sensor/msr_source.h"
#include "finewatt/sensor/perf_energy_source.h"
#include "finewatt/sensor/powercap_source.h"
#include "finewatt/sensor/ram_model_source.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace finewatt {
namespace {

/// A sensor, or a family of sensors, to look for.
struct Candidate {
    std::string_view name;
    std::string_view covers;  ///< components that it may measure
    std::vector<SourceProbe> (*probe)(const DiscoveryOptions& options) = nullptr;
};

template <SourceProbe (*probe)(const DiscoveryOptions& options)>
std::vector<SourceProbe> only(const DiscoveryOptions& options) {
    std::vector<SourceProbe> probes;
    probes.push_back(probe(options));
    return probes;
}

template <HwmonDriver driver>
std::vector<SourceProbe> hwmon(const DiscoveryOptions& options) {
    std::vector<SourceProbe> probes;
    probes.push_back(HwmonSource::probe(options, driver));
    return probes;
}

/// All sensors, best first: energy counters, averaged power, momentary power. Per component and
/// device the first one that can be read is used; models of GPUs come after all of them.
constexpr std::array<Candidate, 13> kCandidates{{
    {"perf", "cpu dram", only<PerfEnergySource::probe>},
    {"powercap", "cpu dram", only<PowercapSource::probe>},
    {"msr", "cpu dram", only<MsrSource::probe>},
    {"amd_energy", "cpu", hwmon<HwmonDriver::kAmdEnergy>},
    {"gpu libraries", "gpu", probe_gpus},
    {"cray", "cpu dram gpu node", only<CraySource::probe>},
    {"xe", "gpu", hwmon<HwmonDriver::kXe>},
    {"i915", "gpu", hwmon<HwmonDriver::kI915>},
    {"power_meter", "cpu dram node", hwmon<HwmonDriver::kPowerMeter>},
    {"fam_power", "cpu", hwmon<HwmonDriver::kFamPower>},
    {"amdgpu", "gpu", hwmon<HwmonDriver::kAmdgpu>},
    {"zenpower", "cpu", hwmon<HwmonDriver::kZenpower>},
    {"ina3221", "cpu dram gpu node", hwmon<HwmonDriver::kIna3221>},
}};

std::string_view component_of(Domain domain) {
    switch (domain) {
        case Domain::kPackage:
        case Domain::kCore:
        case Domain::kPsys:
            return "cpu";
        case Domain::kDram:
            return "dram";
        case Domain::kGpu:
            return "gpu";
        case Domain::kNode:
            return "node";
        case Domain::kOther:
            return "";
    }
    return "";
}

bool has_word(std::string_view words, std::string_view word) {
    return !word.empty() && words.find(word) != std::string_view::npos;
}

/// Whether device `outer` is `inner` or contains it: "cpu" all of "cpu0", "cpu0" its "cpu0-die1", a
/// card its tile "0000:3a:00.0/gt0".
bool contains_device(std::string_view outer, std::string_view inner) {
    if (outer.empty() || !inner.starts_with(outer)) {
        return false;
    }
    return outer == "cpu" || inner.size() == outer.size() || inner[outer.size()] == '-' ||
           inner[outer.size()] == '/';
}

bool is_same_device(std::string_view a, std::string_view b) {
    return contains_device(a, b) || contains_device(b, a);
}

/// Cray numbers accelerators and Jetson has one GPU: names that no library's GPU can be matched
/// with, so that these stand for all GPUs. Others are named by UUID or PCI address.
bool stands_for_all_gpus(const ChannelSpec& channel) {
    return channel.source == "cray" || channel.source == "ina3221";
}

/// Whether two channels of different sources show the same energy.
bool is_same_energy(const ChannelSpec& a, const ChannelSpec& b) {
    if (a.domain != b.domain) {
        return false;
    }
    if (a.domain == Domain::kGpu && (stands_for_all_gpus(a) || stands_for_all_gpus(b))) {
        return true;
    }
    return is_same_device(a.device, b.device);
}

/// What became of one source that was looked for.
struct Outcome {
    const Candidate* candidate = nullptr;
    SourceProbe probe;
    std::vector<ChosenChannel> chosen;
};

bool is_model(const Outcome& outcome) {
    const auto& source = outcome.probe.source;
    return source && std::all_of(source->channels().begin(), source->channels().end(),
                                 [](const ChannelSpec& channel) {
                                     return channel.provenance >= Provenance::kModelled;
                                 });
}

/// Chooses among the sensors that were found, candidate by candidate.
class Chooser {
  public:
    Chooser(const DiscoveryOptions& options, std::vector<Outcome> outcomes)
        : options_(options),
          outcomes_(std::move(outcomes)) {
        for (const Outcome& outcome : outcomes_) {
            mirrored_.insert(mirrored_.end(), outcome.probe.mirrored_devices.begin(),
                             outcome.probe.mirrored_devices.end());
        }
    }

    std::vector<Outcome> choose() {
        for (std::size_t i = 0; i < outcomes_.size(); ++i) {
            if (outcomes_[i].probe.source) {
                choose_channels(i);
            }
        }
        return std::move(outcomes_);
    }

  private:
    /// The chosen channel of an earlier candidate that shows the same energy, or null. The sources
    /// of one family are not compared: it keeps a GPU's counter and power side by side on purpose.
    const ChannelSpec* find_better(std::size_t own, const ChannelSpec& channel) const {
        for (std::size_t i = 0; i < own; ++i) {
            if (outcomes_[i].candidate == outcomes_[own].candidate) {
                continue;
            }
            for (const ChosenChannel& known : outcomes_[i].chosen) {
                if (is_same_energy(known.spec, channel)) {
                    return &known.spec;
                }
            }
        }
        return nullptr;
    }

    void choose_channels(std::size_t own) {
        Outcome& outcome = outcomes_[own];
        const auto channels = outcome.probe.source->channels();
        std::vector<ChosenChannel> kept;
        std::vector<std::string> served_by;
        for (std::size_t i = 0; i < channels.size(); ++i) {
            ChosenChannel channel{i, channels[i]};
            if (std::find(mirrored_.begin(), mirrored_.end(), channel.spec.device) !=
                mirrored_.end()) {
                continue;
            }
            if (const ChannelSpec* better = find_better(own, channel.spec)) {
                served_by.push_back(better->id);
                if (!options_.all_sources) {
                    continue;
                }
                keep_beside(channel.spec, *better);
            }
            channel.spec.reason += text_of_refusals(own, channel.spec.domain);
            kept.push_back(std::move(channel));
        }
        if (!options_.all_sources && !is_needed(kept)) {
            kept.clear();
        }
        describe_choice(outcome, kept, served_by);
        outcome.chosen = std::move(kept);
    }

    /// A second sensor of the same energy. One of the same device is recognised by every total; one
    /// that covers other devices must not be added to them.
    static void keep_beside(ChannelSpec& spec, const ChannelSpec& better) {
        if (spec.device != better.device) {
            spec.domain = Domain::kOther;
            spec.reason += "; in no total, as " + better.id + " shows the same energy";
        }
    }

    /// Whether a source is worth polling: parts of something counted already are not.
    static bool is_needed(const std::vector<ChosenChannel>& kept) {
        return std::any_of(kept.begin(), kept.end(), [](const ChosenChannel& channel) {
            return channel.spec.domain != Domain::kOther && channel.spec.domain != Domain::kCore;
        });
    }

    /// "; before it in order: perf denied, powercap absent", or nothing for the first.
    std::string text_of_refusals(std::size_t own, Domain domain) const {
        if (domain == Domain::kGpu) {
            return "";  // GPUs of several vendors need several sources, so no source is the first
        }
        std::string text;
        for (std::size_t i = 0; i < own; ++i) {
            const Outcome& earlier = outcomes_[i];
            if (!has_word(earlier.candidate->covers, component_of(domain))) {
                continue;
            }
            const std::string_view status = earlier.probe.source
                                                ? "without it"
                                                : source_status_name(worst_status(earlier.probe));
            text += fmt::format("{}{} {}", text.empty() ? "; before it in order: " : ", ",
                                earlier.candidate->name, status);
        }
        return text;
    }

    static SourceStatus worst_status(const SourceProbe& probe) {
        for (const SourceStatus status : {SourceStatus::kDenied, SourceStatus::kBroken}) {
            for (const SourceReport& report : probe.reports) {
                if (report.status == status) {
                    return status;
                }
            }
        }
        return SourceStatus::kAbsent;
    }

    /// Say in the candidate's report what is polled of it.
    static void describe_choice(Outcome& outcome, const std::vector<ChosenChannel>& kept,
                                const std::vector<std::string>& served_by) {
        const std::size_t all = outcome.probe.source->channels().size();
        for (SourceReport& report : outcome.probe.reports) {
            if (report.status != SourceStatus::kUsable || report.channels.empty() ||
                kept.size() == all) {
                continue;
            }
            const std::string better = served_by.empty() ? "it lies inside what is counted"
                                                         : served_by.front() + " serves";
            if (kept.empty()) {
                report.why += "; not polled: " + better;
            } else {
                std::string ids;
                for (const ChosenChannel& channel : kept) {
                    ids += (ids.empty() ? "" : ", ") + channel.spec.id;
                }
                report.why += fmt::format("; polled for {} only: else {}", ids, better);
            }
        }
    }

    const DiscoveryOptions& options_;
    std::vector<Outcome> outcomes_;
    std::vector<std::string> mirrored_;
};

/// Move all that a probe found into the discovery.
void add(Discovery& discovery, SourceProbe probe) {
    if (probe.source) {
        discovery.sources.push_back(std::move(probe.source));
    }
    std::move(probe.reports.begin(), probe.reports.end(), std::back_inserter(discovery.reports));
    std::move(probe.unmeasured.begin(), probe.unmeasured.end(),
              std::back_inserter(discovery.unmeasured));
    std::move(probe.gpus.begin(), probe.gpus.end(), std::back_inserter(discovery.gpus));
}

/// The same, with the channels that were chosen.
void add_chosen(Discovery& discovery, Outcome outcome) {
    std::unique_ptr<Source> all = std::move(outcome.probe.source);
    if (!outcome.chosen.empty()) {
        outcome.probe.source =
            std::make_unique<ChosenSource>(std::move(all), std::move(outcome.chosen));
    }
    add(discovery, std::move(outcome.probe));
}

/// Return the first channel that `is_wanted` accepts, or null.
template <class Predicate>
const ChannelSpec* find_channel(const Discovery& discovery, Predicate is_wanted) {
    for (const auto& source : discovery.sources) {
        for (const ChannelSpec& channel : source->channels()) {
            if (is_wanted(channel)) {
                return &channel;
            }
        }
    }
    return nullptr;
}

const ChannelSpec* find_domain(const Discovery& discovery, Domain domain) {
    return find_channel(discovery,
                        [&](const ChannelSpec& channel) { return channel.domain == domain; });
}

bool may_cover(std::string_view source, std::string_view component) {
    return std::any_of(kCandidates.begin(), kCandidates.end(), [&](const Candidate& candidate) {
        return candidate.name == source && has_word(candidate.covers, component);
    });
}

/// The first report with this status of a sensor that could serve the component, or null.
const SourceReport* find_report(const Discovery& discovery, std::string_view component,
                                SourceStatus status) {
    for (const SourceReport& report : discovery.reports) {
        if (report.status == status && may_cover(report.source, component)) {
            return &report;
        }
    }
    return nullptr;
}

/// Why no sensor serves a component, and what mends it.
struct Refusal {
    std::string why;
    std::string fix;
};

/// What is denied or broken says most; then a sensor that shows other components only; then what
/// is absent.
Refusal refusal_of(const Discovery& discovery, std::string_view component) {
    Refusal refusal{fmt::format("no sensor shows {}", component), "use a wall meter"};
    for (const SourceStatus status : {SourceStatus::kDenied, SourceStatus::kBroken,
                                      SourceStatus::kUsable, SourceStatus::kAbsent}) {
        const SourceReport* report = find_report(discovery, component, status);
        if (report == nullptr) {
            continue;
        }
        if (status == SourceStatus::kUsable) {
            refusal.why += fmt::format(" ({} has no counter of it)", report->source);
        } else {
            refusal.why += fmt::format(" ({} {}: {})", report->source, source_status_name(status),
                                       report->why);
            refusal.fix = report->fix.empty() ? refusal.fix : report->fix;
        }
        break;
    }
    return refusal;
}

struct ModelChoice {
    std::string_view source;     ///< "cpu-model" or "ram-model"
    std::string_view component;  ///< "cpu" or "dram"
    std::string_view device;
    Domain domain{};
    SourceProbe (*probe)(const DiscoveryOptions& options, std::string_view why_modelled) = nullptr;
};

/// The channel that makes a model of this domain unnecessary, or null: the domain's own; psys where
/// there is no package, since it holds package and memory; the meter of the whole board where it
/// is all there is.
const ChannelSpec* find_measured(const Discovery& discovery, Domain domain) {
    const ChannelSpec* own = find_domain(discovery, domain);
    if (own != nullptr || find_domain(discovery, Domain::kPackage) != nullptr) {
        return own;
    }
    if (const ChannelSpec* psys = find_domain(discovery, Domain::kPsys)) {
        return psys;
    }
    const bool has_part =
        find_channel(discovery, [](const ChannelSpec& channel) {
            return channel.domain != Domain::kNode && channel.domain != Domain::kOther;
        }) != nullptr;
    return has_part ? nullptr : find_channel(discovery, [](const ChannelSpec& channel) {
        return channel.domain == Domain::kNode &&
               (channel.source == "ina3221" || channel.source == "cray" ||
                channel.device.starts_with("module"));
    });
}

/// The model of the processors covers all their cores, so a core's counter that could be read where
/// its package could not is in no total.
void demote_cores(Discovery& discovery) {
    for (std::unique_ptr<Source>& source : discovery.sources) {
        std::vector<ChosenChannel> channels;
        bool has_core = false;
        for (const ChannelSpec& spec : source->channels()) {
            ChosenChannel channel{channels.size(), spec};
            if (spec.domain == Domain::kCore) {
                has_core = true;
                channel.spec.domain = Domain::kOther;
                channel.spec.reason += "; in no total, as its package is modelled as a whole";
            }
            channels.push_back(std::move(channel));
        }
        if (has_core) {
            source = std::make_unique<ChosenSource>(std::move(source), std::move(channels));
        }
    }
}

/// Use the model of a component unless a sensor covers it.
void add_model(Discovery& discovery, const DiscoveryOptions& options, const ModelChoice& choice) {
    if (const ChannelSpec* measured = find_measured(discovery, choice.domain)) {
        discovery.reports.push_back({std::string(choice.source),
                                     SourceStatus::kUsable,
                                     {},
                                     "not needed: " + measured->id + " measures it",
                                     ""});
        return;
    }
    const Refusal refusal = refusal_of(discovery, choice.component);
    if (!options.allow_models) {
        discovery.unmeasured.push_back({std::string(choice.component), std::string(choice.device),
                                        refusal.why + "; models are switched off", refusal.fix});
        discovery.reports.push_back(
            {std::string(choice.source), SourceStatus::kAbsent, {}, "models are switched off", ""});
        return;
    }
    if (choice.domain == Domain::kPackage) {
        demote_cores(discovery);
    }
    add(discovery, choice.probe(options, refusal.why));
}

/// A GPU that one source could not measure may have been measured by another.
void drop_measured_gpus(Discovery& discovery) {
    std::erase_if(discovery.unmeasured, [&](const UnmeasuredComponent& missing) {
        return missing.component == "gpu" &&
               find_channel(discovery, [&](const ChannelSpec& channel) {
                   return channel.domain == Domain::kGpu &&
                          (stands_for_all_gpus(channel) ||
                           is_same_device(channel.device, missing.device));
               }) != nullptr;
    });
}

/// Some packages readable, some not: the total lacks a processor, which must be said.
void add_denied_packages(Discovery& discovery) {
    if (find_domain(discovery, Domain::kPackage) == nullptr) {
        return;
    }
    for (const SourceReport& report : discovery.reports) {
        if (report.status == SourceStatus::kUsable) {
            continue;
        }
        for (const std::string& id : report.channels) {
            const std::string device = package_device(id.substr(id.find(':') + 1));
            const bool is_package = !device.empty() && id.find('/') == std::string::npos;
            const bool is_measured = find_channel(discovery, [&](const ChannelSpec& channel) {
                                         return channel.domain == Domain::kPackage &&
                                                (contains_device(channel.device, device) ||
                                                 contains_device(device, channel.device));
                                     }) != nullptr;
            const bool is_known = std::any_of(
                discovery.unmeasured.begin(), discovery.unmeasured.end(),
                [&](const UnmeasuredComponent& missing) { return missing.device == device; });
            if (is_package && !is_measured && !is_known) {
                discovery.unmeasured.push_back({"cpu", device, report.why, report.fix});
            }
        }
    }
}

}  // namespace

Discovery discover(const DiscoveryOptions& given) {
    DiscoveryOptions options = given;
    if (Result<CpuInfo> cpu = read_cpu_info(options.root)) {
        options.facts.cpu = std::move(*cpu);
    }
    options.facts.hwmon_names = list_hwmon_names(options.root);
    std::vector<Outcome> outcomes;
    for (const Candidate& candidate : kCandidates) {
        for (SourceProbe& probe : candidate.probe(options)) {
            outcomes.push_back({&candidate, std::move(probe), {}});
        }
    }
    std::stable_partition(outcomes.begin(), outcomes.end(),
                          [](const Outcome& outcome) { return !is_model(outcome); });
    Discovery discovery;
    for (Outcome& outcome : Chooser(options, std::move(outcomes)).choose()) {
        add_chosen(discovery, std::move(outcome));
    }
    drop_measured_gpus(discovery);
    add_denied_packages(discovery);
    add_model(discovery, options,
              {"cpu-model", "cpu", "cpu", Domain::kPackage, CpuModelSource::probe});
    add_model(discovery, options,
              {"ram-model", "dram", "ram", Domain::kDram, RamModelSource::probe});
    return discovery;
}

}  // namespace finewatt
