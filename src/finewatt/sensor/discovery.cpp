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

/// A sensor to look for. `covers` names the components it may measure, `gpus` whose GPUs. Without a
/// probe of its own it is one of those that probe_gpus finds.
struct Candidate {
    std::string_view name;
    std::string_view covers;
    std::string_view gpus;
    SourceProbe (*probe)(const DiscoveryOptions& options) = nullptr;
    bool counts_all_gpus = false;  ///< its channels do not tell one GPU from another
};

template <HwmonDriver driver>
SourceProbe probe_hwmon(const DiscoveryOptions& options) {
    return HwmonSource::probe(options, driver);
}

/// All sensors, best first: energy counters, averaged power, momentary power. Per component and
/// device the first one that can be read is used.
constexpr std::array<Candidate, 18> kCandidates{{
    {"perf", "cpu dram", "", PerfEnergySource::probe},
    {"powercap", "cpu dram", "", PowercapSource::probe},
    {"msr", "cpu dram", "", MsrSource::probe},
    {"amd_energy", "cpu", "", probe_hwmon<HwmonDriver::kAmdEnergy>},
    {"nvml", "gpu", "nvidia"},
    {"nvml-power", "gpu", "nvidia"},
    {"amdsmi", "gpu", "amd"},
    {"rocm-smi", "gpu", "amd"},
    {"level-zero", "gpu", "intel"},
    {"cray", "cpu dram gpu node", "any", CraySource::probe, true},
    {"xe", "gpu", "intel", probe_hwmon<HwmonDriver::kXe>},
    {"i915", "gpu", "intel", probe_hwmon<HwmonDriver::kI915>},
    {"power_meter", "cpu dram node", "", probe_hwmon<HwmonDriver::kPowerMeter>},
    {"fam_power", "cpu", "", probe_hwmon<HwmonDriver::kFamPower>},
    {"amdgpu", "gpu", "amd", probe_hwmon<HwmonDriver::kAmdgpu>},
    {"zenpower", "cpu", "", probe_hwmon<HwmonDriver::kZenpower>},
    {"ina3221", "cpu dram gpu node", "nvidia", probe_hwmon<HwmonDriver::kIna3221>, true},
    {"gpu-model", "gpu", "any"},
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

/// Whether device `outer` is `inner` or contains it: "cpu" all of "cpu0", "cpu0" its "cpu0-die1",
/// a card its "0000:3a:00.0/tile0".
bool contains_device(std::string_view outer, std::string_view inner) {
    if (outer.empty() || !inner.starts_with(outer)) {
        return false;
    }
    return outer == "cpu" || inner.size() == outer.size() || inner[outer.size()] == '-' ||
           inner[outer.size()] == '/';
}

bool share_gpus(const Candidate& a, const Candidate& b) {
    return a.gpus == b.gpus || a.gpus == "any" || b.gpus == "any";
}

/// Sources of probe_gpus, which has compared them already.
bool are_siblings(const Candidate& a, const Candidate& b) {
    return a.probe == nullptr && b.probe == nullptr;
}

/// Whether two channels of different sources show the same energy. Where one of them does not tell
/// one GPU from another, the vendor decides.
bool is_same_energy(const Candidate& a_from, const ChannelSpec& a, const Candidate& b_from,
                    const ChannelSpec& b) {
    if (a.domain != b.domain) {
        return false;
    }
    if (a.domain == Domain::kGpu && are_siblings(a_from, b_from)) {
        return false;
    }
    if (a.domain == Domain::kGpu && (a_from.counts_all_gpus || b_from.counts_all_gpus)) {
        return share_gpus(a_from, b_from);
    }
    return contains_device(a.device, b.device) || contains_device(b.device, a.device);
}

/// What became of one candidate.
struct Outcome {
    const Candidate* candidate = nullptr;
    SourceProbe probe;
    std::vector<ChosenChannel> chosen;
};

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
    /// The chosen channel of an earlier candidate that shows the same energy, or null.
    const ChannelSpec* find_better(std::size_t own, const ChannelSpec& channel) const {
        for (std::size_t i = 0; i < own; ++i) {
            for (const ChosenChannel& known : outcomes_[i].chosen) {
                if (is_same_energy(*outcomes_[i].candidate, known.spec, *outcomes_[own].candidate,
                                   channel)) {
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
        std::string text;
        for (std::size_t i = 0; i < own; ++i) {
            const Outcome& earlier = outcomes_[i];
            if (!has_word(earlier.candidate->covers, component_of(domain)) ||
                (domain == Domain::kGpu &&
                 (are_siblings(*earlier.candidate, *outcomes_[own].candidate) ||
                  !share_gpus(*earlier.candidate, *outcomes_[own].candidate)))) {
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

/// Move a candidate's outcome into the discovery.
void add(Discovery& discovery, Outcome outcome) {
    SourceProbe& probe = outcome.probe;
    if (!outcome.chosen.empty()) {
        discovery.sources.push_back(
            std::make_unique<ChosenSource>(std::move(probe.source), std::move(outcome.chosen)));
    }
    std::move(probe.reports.begin(), probe.reports.end(), std::back_inserter(discovery.reports));
    std::move(probe.unmeasured.begin(), probe.unmeasured.end(),
              std::back_inserter(discovery.unmeasured));
    std::move(probe.gpus.begin(), probe.gpus.end(), std::back_inserter(discovery.gpus));
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
    SourceProbe probe = choice.probe(options, refusal.why);
    if (probe.source) {
        discovery.sources.push_back(std::move(probe.source));
    }
    std::move(probe.reports.begin(), probe.reports.end(), std::back_inserter(discovery.reports));
    std::move(probe.unmeasured.begin(), probe.unmeasured.end(),
              std::back_inserter(discovery.unmeasured));
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

std::string_view name_of(const SourceProbe& probe) {
    if (probe.source) {
        return probe.source->name();
    }
    return probe.reports.empty() ? "gpu-model" : std::string_view(probe.reports.front().source);
}

/// Look for every candidate, in order.
std::vector<Outcome> probe_all(const DiscoveryOptions& options) {
    std::vector<SourceProbe> gpus = probe_gpus(options);
    std::vector<Outcome> outcomes;
    for (const Candidate& candidate : kCandidates) {
        if (candidate.probe != nullptr) {
            outcomes.push_back({&candidate, candidate.probe(options), {}});
            continue;
        }
        const auto found = std::find_if(gpus.begin(), gpus.end(), [&](const SourceProbe& probe) {
            return name_of(probe) == candidate.name;
        });
        if (found != gpus.end()) {
            outcomes.push_back({&candidate, std::move(*found), {}});
            gpus.erase(found);
        }
    }
    return outcomes;
}

/// Forget the GPUs that the vendors' libraries could not measure, and another source can.
void drop_measured_gpus(Discovery& discovery) {
    for (const auto& source : discovery.sources) {
        const bool counts_all =
            std::any_of(kCandidates.begin(), kCandidates.end(), [&](const Candidate& candidate) {
                return candidate.name == source->name() && candidate.counts_all_gpus;
            });
        for (const ChannelSpec& channel : source->channels()) {
            std::erase_if(discovery.unmeasured, [&](const UnmeasuredComponent& missing) {
                return missing.component == "gpu" && channel.domain == Domain::kGpu &&
                       (counts_all || missing.device == channel.device);
            });
        }
    }
}

}  // namespace

Discovery discover(const DiscoveryOptions& options) {
    std::vector<Outcome> outcomes = probe_all(options);
    Discovery discovery;
    for (Outcome& outcome : Chooser(options, std::move(outcomes)).choose()) {
        add(discovery, std::move(outcome));
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
