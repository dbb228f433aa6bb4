#include "finewatt/meter/replay.h"

#include "finewatt/meter/phase_book_internal.h"

#include <nlohmann/json.hpp>

#include <utility>

namespace finewatt {
namespace {

using Json = nlohmann::ordered_json;

Json number_or_null(const std::optional<Joules>& value) {
    return value ? Json(value->as_joules()) : Json(nullptr);
}

Json text_or_null(const std::optional<std::string>& value) {
    return value ? Json(*value) : Json(nullptr);
}

/// The fields that a channel and the total share.
template <class Figure>
void put_figure(Json& json, const Figure& figure) {
    json["energy_j"] = number_or_null(figure.energy);
    json["energy_j_low"] = number_or_null(figure.energy_low);
    json["energy_j_high"] = number_or_null(figure.energy_high);
    json["coverage"] = figure.coverage;
    json["wraps"] = figure.wraps;
    json["gaps"] = figure.gaps;
    json["provenance"] =
        figure.provenance ? Json(std::string(provenance_name(*figure.provenance))) : Json(nullptr);
    json["reason"] = text_or_null(figure.reason);
}

Json channels_json(const std::vector<ChannelSpec>& specs,
                   const std::vector<ChannelEnergy>& energies) {
    Json list = Json::array();
    for (std::size_t i = 0; i < specs.size(); ++i) {
        Json json{{"id", specs[i].id}};
        put_figure(json, energies[i]);
        json["resolution_j"] = energies[i].resolution.as_joules();
        if (!energies[i].notes.empty()) {
            json["notes"] = energies[i].notes;
        }
        list.push_back(std::move(json));
    }
    return list;
}

Json total_json(const ReplayResult& result) {
    Json json = Json::object();
    put_figure(json, result.total);
    json["domains"] = result.total.domains;
    json["counted"] = Json::array();
    for (const std::size_t i : result.selection.counted) {
        json["counted"].push_back(result.specs[i].id);
    }
    json["excluded"] = Json::array();
    for (const ExcludedChannel& excluded : result.selection.excluded) {
        json["excluded"].push_back(
            Json{{"id", result.specs[excluded.index].id}, {"reason", excluded.reason}});
    }
    return json;
}

}  // namespace

ReplayResult replay(const Trace& trace) {
    ReplayResult result;
    result.started_at = trace.started_at;
    for (const ChannelTrace& channel : trace.channels) {
        result.specs.push_back(channel.spec());
        result.channels.push_back(energy_of(channel));
    }
    for (const TracePhase& phase : trace.phases) {
        ReplayPhase replayed{phase.name, phase.begin, phase.end, {}, {}};
        for (const ChannelTrace& channel : trace.channels) {
            replayed.channels.push_back(energy_between(channel, phase.begin, phase.end));
        }
        if (!phase.is_closed) {
            replayed.notes.emplace_back(kPhaseNotClosed);
        }
        result.phases.push_back(std::move(replayed));
    }
    result.selection = choose_channels(result.specs);
    result.total = total_energy(result.specs, result.channels, result.selection);
    return result;
}

Result<ReplayResult> replay_file(const std::filesystem::path& path) {
    FINEWATT_ASSIGN(const Trace trace, read_trace(path));
    return replay(trace);
}

std::string replay_json(const ReplayResult& result) {
    Json phases = Json::array();
    for (const ReplayPhase& phase : result.phases) {
        Json json{{"name", phase.name},
                  {"t_begin_ns", phase.begin.as_ns()},
                  {"t_end_ns", phase.end.as_ns()},
                  {"channels", channels_json(result.specs, phase.channels)}};
        if (!phase.notes.empty()) {
            json["notes"] = phase.notes;
        }
        phases.push_back(std::move(json));
    }
    return Json{{"channels", channels_json(result.specs, result.channels)},
                {"phases", std::move(phases)},
                {"total", total_json(result)}}
        .dump();
}

}  // namespace finewatt
