#include "finewatt/exchange/run_facts_internal.h"
#include "finewatt/exchange/texts_internal.h"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>
#include <utility>

namespace finewatt::exchange {

std::optional<Joules> part_energy(const EnergySummary& energy, std::string_view component) {
    std::optional<Joules> sum;
    for (const ComponentEnergy& part : energy.components) {
        if (!part.counted || part.component != component) {
            continue;
        }
        if (!part.energy) {
            return std::nullopt;
        }
        sum = sum.value_or(joules(0)) + *part.energy;
    }
    return sum;
}

std::optional<std::string> setting_text(const SettingMap& settings, const std::string& key) {
    const auto found = settings.find(key);
    if (found == settings.end()) {
        return std::nullopt;
    }
    return std::visit(
        [](const auto& value) -> std::optional<std::string> {
            using Value = std::decay_t<decltype(value)>;
            if constexpr (std::is_same_v<Value, std::monostate>) {
                return std::nullopt;
            } else {
                return fmt::format("{}", value);
            }
        },
        found->second);
}

std::optional<double> setting_number(const SettingMap& settings, const std::string& key) {
    const std::optional<std::string> text = setting_text(settings, key);
    return text ? parse_number(*text) : std::nullopt;
}

std::vector<GpuGroup> gpus_of(const RunRecord& run) {
    std::vector<GpuGroup> groups;
    // Consecutive numbers, as machine_info() gives them.
    for (int i = 0;; ++i) {
        const std::optional<std::string> name =
            setting_text(run.machine, fmt::format("gpu_{}_name", i));
        if (!name) {
            return groups;
        }
        const auto group = std::find_if(groups.begin(), groups.end(),
                                        [&name](const GpuGroup& g) { return g.name == *name; });
        if (group == groups.end()) {
            groups.push_back({*name, 1});
        } else {
            ++group->count;
        }
    }
}

std::string gpu_text(const RunRecord& run) {
    std::string text;
    for (const GpuGroup& group : gpus_of(run)) {
        text += fmt::format("{}{} x {}", text.empty() ? "" : ", ", group.count, group.name);
    }
    return text;
}

std::string hardware_text(const RunRecord& run) {
    std::string text = gpu_text(run);
    const std::optional<std::string> cpu = setting_text(run.machine, "cpu_model");
    if (!cpu || cpu->empty()) {
        return text;
    }
    const double sockets = setting_number(run.machine, "cpu_sockets").value_or(1);
    if (!text.empty()) {
        text += ", ";
    }
    text += sockets > 1 ? fmt::format("{:.0f} x {}", sockets, *cpu) : *cpu;
    return text;
}

RunPlace place_of(const RunRecord& run) {
    RunPlace place;
    if (!run.carbon || !run.carbon->zone) {
        return place;
    }
    const std::string& zone = *run.carbon->zone;
    // eGRID covers the United States alone.
    if (run.carbon->edition.value_or("").starts_with("eGRID")) {
        place.country = "United States";
        place.country_iso = "USA";
        place.region = zone;
        return place;
    }
    const std::size_t slash = zone.find('/');
    if (slash != std::string::npos) {
        place.cloud_provider = zone.substr(0, slash);
        place.cloud_region = zone.substr(slash + 1);
        return place;
    }
    const auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
    if (zone.size() == 3 && std::all_of(zone.begin(), zone.end(), is_capital)) {
        place.country_iso = zone;
    } else {
        place.region = zone;
    }
    return place;
}

std::string tool_text(const RunRecord& run) {
    const std::optional<std::string> version = setting_text(run.software, "finewatt");
    return version ? "finewatt " + *version : "finewatt";
}

std::string run_label(const RunRecord& run) {
    return run.name && !run.name->empty() ? *run.name : run.run_id;
}

WallTime end_of(const RunRecord& run) {
    return WallTime::from_unix_ns(run.started_at.as_unix_ns() +
                                  static_cast<std::int64_t>(run.duration_s.value_or(0) * 1e9));
}

std::string local_time_text(WallTime time, char separator) {
    std::string text = time.to_iso8601().substr(0, 19);
    text[10] = separator;
    return text;
}

}  // namespace finewatt::exchange
