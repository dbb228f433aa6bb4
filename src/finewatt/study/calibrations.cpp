#include "finewatt/study/calibrations.h"

#include "finewatt/base/ascii.h"
#include "finewatt/base/file.h"
#include "finewatt/meter/energy_total.h"
#include "finewatt/meter/wall_fit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <system_error>

#include <algorithm>
#include <cmath>
#include <set>

namespace finewatt {
namespace {

namespace fs = std::filesystem;

/// The kernel's share of the memory differs a little from kernel to kernel.
constexpr double kMemoryTolerance = 0.02;

std::string text_of(const SettingMap& settings, const std::string& key) {
    const auto found = settings.find(key);
    const auto* text = found == settings.end() ? nullptr : std::get_if<std::string>(&found->second);
    return text == nullptr ? std::string() : *text;
}

std::optional<double> number_of(const SettingMap& settings, const std::string& key) {
    const auto found = settings.find(key);
    if (found == settings.end()) {
        return std::nullopt;
    }
    if (const auto* whole = std::get_if<std::int64_t>(&found->second)) {
        return static_cast<double>(*whole);
    }
    const auto* number = std::get_if<double>(&found->second);
    return number == nullptr ? std::nullopt : std::optional<double>(*number);
}

MachineIdentity hardware_of(const SettingMap& machine) {
    MachineIdentity identity;
    identity.cpu_model = text_of(machine, "cpu_model");
    identity.memory_bytes = number_of(machine, "memory_bytes");
    for (const auto& fact : machine) {
        if (fact.first.starts_with("gpu_") && fact.first.ends_with("_uuid")) {
            identity.gpu_uuids.push_back(text_of(machine, fact.first));
        }
    }
    std::sort(identity.gpu_uuids.begin(), identity.gpu_uuids.end());
    return identity;
}

/// Why hardware differs, or nothing.
std::optional<std::string> hardware_difference(const MachineIdentity& stored,
                                               const MachineIdentity& run) {
    if (stored.cpu_model != run.cpu_model) {
        return fmt::format("it is from another processor: '{}', here is '{}'", stored.cpu_model,
                           run.cpu_model);
    }
    const double stored_bytes = stored.memory_bytes.value_or(0);
    const double run_bytes = run.memory_bytes.value_or(0);
    if (std::abs(stored_bytes - run_bytes) > kMemoryTolerance * std::max(stored_bytes, run_bytes)) {
        return fmt::format("it is from a machine with {:.1f} GB of memory, here are {:.1f}",
                           stored_bytes / 1e9, run_bytes / 1e9);
    }
    if (stored.gpu_uuids != run.gpu_uuids) {
        return fmt::format("it is from other GPUs: [{}], here are [{}]",
                           fmt::join(stored.gpu_uuids, ", "), fmt::join(run.gpu_uuids, ", "));
    }
    return std::nullopt;
}

std::optional<std::string> age_difference(const std::string& created_at, const RunRecord& run,
                                          double max_age_days) {
    const Result<WallTime> created = WallTime::parse_iso8601(created_at);
    if (!created) {
        return "it has no date";
    }
    constexpr double kDayNs = 86'400e9;
    const double age_days =
        static_cast<double>(run.started_at.as_unix_ns() - created->as_unix_ns()) / kDayNs;
    if (age_days > max_age_days) {
        return fmt::format(
            "it is {:.0f} days old, more than {:g}; `finewatt calibrate` makes a "
            "new one",
            age_days, max_age_days);
    }
    return std::nullopt;
}

/// Add up the power at rest of the run's counted channels.
struct IdlePower {
    Watts best{};
    Watts low{};
    Watts high{};
};

IdlePower idle_power(const IdleBaseline& baseline, const RunRecord& run) {
    IdlePower sum;
    for (const ComponentEnergy& component : run.energy.components) {
        for (const ChannelIdle& channel : baseline.channels) {
            if (component.counted && channel.source == component.source) {
                sum.best += channel.power;
                sum.low += channel.power_low;
                sum.high += channel.power_high;
            }
        }
    }
    return sum;
}

/// The coefficient of the kind nearest in power; "all" where no kind has one of its own.
const LoadCoefficient* choose_kind(const WallCalibration& calibration, double power_w) {
    const LoadCoefficient* chosen = nullptr;
    for (const LoadCoefficient& candidate : calibration.coefficients) {
        const bool is_pooled = candidate.kind == kAllKinds;
        const bool is_nearer = chosen == nullptr || chosen->kind == kAllKinds ||
                               std::abs(candidate.power_software.as_watts() - power_w) <
                                   std::abs(chosen->power_software.as_watts() - power_w);
        if (chosen == nullptr || (!is_pooled && is_nearer)) {
            chosen = &candidate;
        }
    }
    return chosen;
}

void adjust_energy(RunRecord& run, CalibrationUse& use) {
    const EnergySummary& energy = run.energy;
    if (!energy.energy) {
        use.reason = "the total is unknown: " + energy.reason.value_or("no reason was recorded");
        return;
    }
    use.energy_adjusted = *energy.energy * use.coefficient;
    use.energy_adjusted_low = energy.energy_low.value_or(*energy.energy) * use.coefficient_low;
    use.energy_adjusted_high = energy.energy_high.value_or(*energy.energy) * use.coefficient_high;
    use.provenance = provenance_name(Provenance::kDerived);
}

template <class Document>
Status save_document(const fs::path& folder, const Document& document) {
    std::error_code failed;
    fs::create_directories(folder, failed);
    if (failed) {
        return error_from_errno(failed.value(), "calibration: create " + folder.string());
    }
    return write_file_atomically(folder / (document.id + ".json"), to_json(document, 2) + "\n");
}

Status load_file(const fs::path& path, StoredCalibrations& stored) {
    FINEWATT_ASSIGN(const std::string text, read_file(path));
    FINEWATT_ASSIGN(const std::string type, calibration_type(text));
    if (type == kIdleType) {
        FINEWATT_ASSIGN(stored.idle.emplace_back(), baseline_from_json(text));
    } else {
        FINEWATT_ASSIGN(stored.wall.emplace_back(), calibration_from_json(text));
    }
    return {};
}

}  // namespace

Result<fs::path> default_calibration_folder(
    const std::function<const char*(const char* name)>& environment) {
    const auto value = [&environment](const char* name) {
        const char* text = environment(name);
        return std::string(text == nullptr ? "" : text);
    };
    if (const std::string data = value("XDG_DATA_HOME"); !data.empty()) {
        return fs::path(data) / "finewatt" / "calibrations";
    }
    if (const std::string home = value("HOME"); !home.empty()) {
        return fs::path(home) / ".local" / "share" / "finewatt" / "calibrations";
    }
    return FINEWATT_ERROR(kNotFound, "calibrations: neither XDG_DATA_HOME nor HOME is set");
}

Result<StoredCalibrations> load_calibrations(const fs::path& folder) {
    StoredCalibrations stored;
    std::error_code failed;
    fs::directory_iterator entries(folder, failed);
    if (failed == std::errc::no_such_file_or_directory) {
        return stored;
    }
    std::vector<fs::path> files;
    while (!failed && entries != fs::directory_iterator()) {
        if (entries->path().extension() == ".json") {
            files.push_back(entries->path());
        }
        entries.increment(failed);
    }
    if (failed) {
        return error_from_errno(failed.value(), "calibrations: list " + folder.string());
    }
    for (const fs::path& file : files) {
        const std::size_t idle_before = stored.idle.size();
        const std::size_t wall_before = stored.wall.size();
        if (Status loaded = load_file(file, stored); !loaded) {
            stored.idle.resize(idle_before);
            stored.wall.resize(wall_before);
            stored.warnings.push_back(file.string() + ": " + loaded.error().describe());
        }
    }
    const auto is_newer = [](const auto& a, const auto& b) { return a.created_at > b.created_at; };
    std::sort(stored.idle.begin(), stored.idle.end(), is_newer);
    std::sort(stored.wall.begin(), stored.wall.end(), is_newer);
    return stored;
}

Status save_calibration(const fs::path& folder, const IdleBaseline& baseline) {
    return save_document(folder, baseline);
}

Status save_calibration(const fs::path& folder, const WallCalibration& calibration) {
    return save_document(folder, calibration);
}

Result<std::string> resolve_calibration(const StoredCalibrations& stored, std::string_view key) {
    std::vector<std::string> found;
    const auto take = [&found, wanted = ascii_upper(key)](const std::string& id) {
        if (ascii_upper(id).starts_with(wanted)) {
            found.push_back(id);
        }
    };
    for (const IdleBaseline& baseline : stored.idle) {
        take(baseline.id);
    }
    for (const WallCalibration& calibration : stored.wall) {
        take(calibration.id);
    }
    if (found.empty() || key.empty()) {
        return FINEWATT_ERROR(kNotFound,
                              "calibration '{}': found none of that id; `finewatt calibrate list` "
                              "shows what there is",
                              key);
    }
    if (found.size() > 1) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "calibration '{}': expected the beginning of one id, found {}", key,
                              fmt::join(found, ", "));
    }
    return found.front();
}

Status keep_wall_calibration(StoredCalibrations& stored, std::string_view key) {
    FINEWATT_ASSIGN(const std::string id, resolve_calibration(stored, key));
    std::erase_if(stored.wall,
                  [&id](const WallCalibration& calibration) { return calibration.id != id; });
    if (stored.wall.empty()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "calibration '{}': expected a wall calibration, found a baseline of "
                              "the idle machine",
                              id);
    }
    return {};
}

MachineIdentity identity_of(const RunRecord& run) {
    MachineIdentity identity = hardware_of(run.machine);
    identity.domains = run.energy.domains;
    for (const ComponentEnergy& component : run.energy.components) {
        if (component.counted) {
            identity.sources.push_back(component.source);
        }
    }
    std::sort(identity.sources.begin(), identity.sources.end());
    return identity;
}

MachineIdentity identity_of(const SettingMap& machine, std::span<const ChannelSpec> channels) {
    MachineIdentity identity = hardware_of(machine);
    std::set<Domain> domains;
    for (const std::size_t index : choose_channels(channels).counted) {
        domains.insert(channels[index].domain);
        identity.sources.push_back(channels[index].id);
    }
    for (const Domain domain : domains) {
        identity.domains.emplace_back(domain_name(domain));
    }
    std::sort(identity.sources.begin(), identity.sources.end());
    return identity;
}

std::optional<std::string> reason_against(const IdleBaseline& stored, const RunRecord& run,
                                          double max_age_days) {
    const MachineIdentity identity = identity_of(run);
    if (auto reason = hardware_difference(stored.machine, identity)) {
        return reason;
    }
    for (const std::string& source : identity.sources) {
        const bool is_known =
            std::any_of(stored.channels.begin(), stored.channels.end(),
                        [&source](const ChannelIdle& channel) { return channel.source == source; });
        if (!is_known) {
            return fmt::format("it does not hold the channel {}, which this run counts", source);
        }
    }
    return age_difference(stored.created_at, run, max_age_days);
}

std::optional<std::string> reason_against(const WallCalibration& stored, const RunRecord& run,
                                          double max_age_days) {
    const MachineIdentity identity = identity_of(run);
    if (auto reason = hardware_difference(stored.machine, identity)) {
        return reason;
    }
    if (stored.machine.domains != identity.domains) {
        return fmt::format("it is for the domains [{}], this run counts [{}]",
                           fmt::join(stored.machine.domains, ", "),
                           fmt::join(identity.domains, ", "));
    }
    if (stored.machine.sources != identity.sources) {
        return fmt::format("it is for the channels [{}], this run counts [{}]",
                           fmt::join(stored.machine.sources, ", "),
                           fmt::join(identity.sources, ", "));
    }
    return age_difference(stored.created_at, run, max_age_days);
}

const IdleBaseline* find_baseline(std::span<const IdleBaseline> stored, const RunRecord& run,
                                  double max_age_days) {
    for (const IdleBaseline& candidate : stored) {
        if (!reason_against(candidate, run, max_age_days)) {
            return &candidate;
        }
    }
    return nullptr;
}

void apply_baseline(RunRecord& run, std::span<const IdleBaseline> stored, double max_age_days) {
    const IdleBaseline* baseline = find_baseline(stored, run, max_age_days);
    if (baseline == nullptr) {
        if (!stored.empty()) {
            run.notes.push_back(
                fmt::format("idle baseline {} is not used: {}", stored.front().id,
                            reason_against(stored.front(), run, max_age_days).value_or("")));
        }
        return;
    }
    BaselineUse use;
    use.id = baseline->id;
    const IdlePower power = idle_power(*baseline, run);
    use.power = power.best;
    use.power_low = power.low;
    use.power_high = power.high;
    const double seconds = run.duration_s.value_or(0);
    use.energy_idle = joules(power.best.as_watts() * seconds);
    use.energy_idle_low = joules(power.low.as_watts() * seconds);
    use.energy_idle_high = joules(power.high.as_watts() * seconds);
    if (!run.energy.energy) {
        use.reason = "the total is unknown: " + run.energy.reason.value_or("no reason is recorded");
    } else {
        const Joules total = *run.energy.energy;
        use.energy_net = std::max(joules(0), total - *use.energy_idle);
        use.energy_net_low =
            std::max(joules(0), run.energy.energy_low.value_or(total) - *use.energy_idle_high);
        use.energy_net_high =
            std::max(joules(0), run.energy.energy_high.value_or(total) - *use.energy_idle_low);
        use.provenance = provenance_name(Provenance::kDerived);
        if (total < *use.energy_idle) {
            use.reason = "the run used less than the machine at rest; the net energy is held at 0";
        }
    }
    run.baseline = use;
}

void apply_wall_calibration(RunRecord& run, std::span<const WallCalibration> stored,
                            double max_age_days) {
    run.calibration.reset();
    run.calibration_reason.reset();
    for (const WallCalibration& candidate : stored) {
        if (auto reason = reason_against(candidate, run, max_age_days)) {
            if (!run.calibration_reason) {
                run.calibration_reason =
                    fmt::format("wall calibration {} is refused: {}", candidate.id, *reason);
            }
            continue;
        }
        const double seconds = run.duration_s.value_or(0);
        const double power_w =
            run.energy.energy && seconds > 0 ? run.energy.energy->as_joules() / seconds : 0;
        const LoadCoefficient* kind = choose_kind(candidate, power_w);
        if (kind == nullptr) {
            run.calibration_reason = fmt::format(
                "wall calibration {} is refused: it holds no coefficient", candidate.id);
            continue;
        }
        CalibrationUse use;
        use.id = candidate.id;
        use.kind = kind->kind;
        use.coefficient = kind->coefficient;
        use.coefficient_low = kind->coefficient_low;
        use.coefficient_high = kind->coefficient_high;
        use.reason = fmt::format("load kind {}: taken at {:.4g} W, this run had {:.4g} W",
                                 kind->kind, kind->power_software.as_watts(), power_w);
        adjust_energy(run, use);
        run.calibration = use;
        run.calibration_reason.reset();
        return;
    }
}

}  // namespace finewatt
