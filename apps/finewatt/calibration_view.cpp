#include "finewatt/calibration_view.h"

#include "finewatt/report/format.h"
#include "finewatt/report/table.h"
#include "finewatt/report/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <vector>

namespace finewatt::app {
namespace {

std::string power_text(Watts power) {
    return format_number(power.as_watts()) + " W";
}

/// All coefficients have these digits: a table of them can be compared.
std::string coefficient_text(double value) {
    return fmt::format("{:.4f}", value);
}

void add_line(std::string& out, std::string_view label, const std::string& text) {
    out += fmt::format("  {:<16}  {}\n", label, safe_text(text));
}

void add_head(std::string& out, const std::string& id, const std::string& created_at,
              const MachineIdentity& machine) {
    add_line(out, "id", id);
    add_line(out, "made", created_at);
    add_line(out, "processor", machine.cpu_model.empty() ? "unknown" : machine.cpu_model);
    if (machine.memory_bytes) {
        add_line(out, "memory", fmt::format("{:.1f} GB", *machine.memory_bytes / 1e9));
    }
    add_line(out, "GPUs",
             machine.gpu_uuids.empty() ? std::string("none")
                                       : fmt::format("{}", fmt::join(machine.gpu_uuids, ", ")));
    add_line(out, "domains", fmt::format("{}", fmt::join(machine.domains, ", ")));
}

void add_notes(std::string& out, const std::vector<std::string>& notes) {
    for (const std::string& note : notes) {
        add_line(out, "note", note);
    }
}

const LoadCoefficient* pooled(const WallCalibration& calibration) {
    return calibration.coefficients.empty() ? nullptr : &calibration.coefficients.front();
}

Watts idle_sum(const IdleBaseline& baseline) {
    Watts sum{};
    for (const ChannelIdle& channel : baseline.channels) {
        const auto& counted = baseline.machine.sources;
        if (std::find(counted.begin(), counted.end(), channel.source) != counted.end()) {
            sum += channel.power;
        }
    }
    return sum;
}

std::string figure_of(const WallCalibration& calibration) {
    const LoadCoefficient* all = pooled(calibration);
    return all == nullptr ? std::string("no coefficient")
                          : fmt::format("{} ({} to {})", coefficient_text(all->coefficient),
                                        coefficient_text(all->coefficient_low),
                                        coefficient_text(all->coefficient_high));
}

}  // namespace

std::string view_of(const IdleBaseline& baseline, std::size_t width) {
    std::string out = "Idle baseline\n";
    add_head(out, baseline.id, baseline.created_at, baseline.machine);
    add_line(out, "measured for", format_duration(baseline.duration_s));
    if (baseline.busy_share) {
        add_line(out, "CPUs busy", format_share(*baseline.busy_share) + " of the time");
    }
    add_line(out, "counted power", power_text(idle_sum(baseline)));
    TextTable table({{"channel", Align::kLeft, true},
                     {"domain"},
                     {"power", Align::kRight},
                     {"low", Align::kRight},
                     {"high", Align::kRight},
                     {"how"}});
    for (const ChannelIdle& channel : baseline.channels) {
        table.add_row({channel.source, channel.domain, power_text(channel.power),
                       power_text(channel.power_low), power_text(channel.power_high),
                       channel.provenance});
    }
    out += "\n" + table.render({.max_width = width, .indent = 2});
    add_notes(out, baseline.notes);
    return out;
}

std::string view_of(const WallCalibration& calibration, std::size_t width) {
    std::string out = "Wall calibration\n";
    add_head(out, calibration.id, calibration.created_at, calibration.machine);
    add_line(out, "meter", fmt::format("{}", fmt::join(calibration.meters, ", ")));
    add_line(
        out, "lag",
        calibration.lag_s ? fmt::format("{:.2f} s", *calibration.lag_s) : std::string("unknown"));
    if (calibration.idle_wall && calibration.idle_software) {
        add_line(out, "at rest",
                 fmt::format("{} at the wall, {} by software", power_text(*calibration.idle_wall),
                             power_text(*calibration.idle_software)));
    }
    if (calibration.slope && calibration.offset) {
        add_line(out, "as a line",
                 fmt::format("{} + {} x software power", power_text(*calibration.offset),
                             coefficient_text(*calibration.slope)));
    }
    TextTable table({{"load"},
                     {"coefficient", Align::kRight},
                     {"low", Align::kRight},
                     {"high", Align::kRight},
                     {"pairs", Align::kRight},
                     {"software", Align::kRight},
                     {"wall", Align::kRight}});
    for (const LoadCoefficient& one : calibration.coefficients) {
        table.add_row({one.kind, coefficient_text(one.coefficient),
                       coefficient_text(one.coefficient_low),
                       coefficient_text(one.coefficient_high), format_count(one.pairs),
                       power_text(one.power_software), power_text(one.power_wall)});
    }
    out += "\n" + table.render({.max_width = width, .indent = 2});
    for (std::size_t i = 0; i < calibration.pairs.size(); ++i) {
        if (const auto& reason = calibration.pairs[i].reason) {
            add_line(out, "left out",
                     fmt::format("pair {} ({}): {}", i + 1, calibration.pairs[i].kind, *reason));
        }
    }
    add_notes(out, calibration.notes);
    return out;
}

std::string list_view(const StoredCalibrations& stored, std::size_t width) {
    std::multimap<std::string, std::vector<std::string>, std::greater<>> rows;
    for (const IdleBaseline& baseline : stored.idle) {
        rows.emplace(
            baseline.created_at,
            std::vector<std::string>{baseline.id, "idle", baseline.created_at.substr(0, 10),
                                     power_text(idle_sum(baseline)), baseline.machine.cpu_model});
    }
    for (const WallCalibration& calibration : stored.wall) {
        rows.emplace(
            calibration.created_at,
            std::vector<std::string>{calibration.id, "wall", calibration.created_at.substr(0, 10),
                                     figure_of(calibration), calibration.machine.cpu_model});
    }
    TextTable table({{"id"}, {"kind"}, {"made"}, {"figure"}, {"processor", Align::kLeft, true}});
    for (auto& row : rows) {
        table.add_row(std::move(row.second));
    }
    return table.render({.max_width = width});
}

std::string list_json(const StoredCalibrations& stored) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    const auto head = [](const auto& document) {
        nlohmann::ordered_json object;
        object["id"] = document.id;
        object["type"] = document.type;
        object["created_at"] = document.created_at;
        object["cpu_model"] = document.machine.cpu_model;
        object["domains"] = document.machine.domains;
        return object;
    };
    for (const IdleBaseline& baseline : stored.idle) {
        nlohmann::ordered_json object = head(baseline);
        object["power_w_idle"] = idle_sum(baseline).as_watts();
        list.push_back(object);
    }
    for (const WallCalibration& calibration : stored.wall) {
        nlohmann::ordered_json object = head(calibration);
        if (const LoadCoefficient* all = pooled(calibration)) {
            object["coefficient"] = all->coefficient;
            object["coefficient_low"] = all->coefficient_low;
            object["coefficient_high"] = all->coefficient_high;
        }
        list.push_back(object);
    }
    return list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace finewatt::app
