#include "finewatt/meter/replay.h"

#include "finewatt/meter/recorder_internal.h"
#include "finewatt/meter/trace_reader.h"

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

/// Feeds the lines of a trace to the code of the live meter.
class Replayer : public TraceSink {
  public:
    void on_header(WallTime started_at, std::vector<ChannelSpec> channels) override {
        result_.started_at = started_at;
        result_.specs = channels;
        RecorderOptions options;
        options.late_edge = std::chrono::nanoseconds(0);
        options.keeps_series = false;
        recorder_.emplace(std::move(channels), options);
    }

    void on_reading(std::size_t channel, const Reading& reading) override {
        recorder_->add_reading(channel, reading);
    }

    bool on_phase_edge(std::string_view name, PhaseEdge edge, MonoTime time) override {
        return recorder_->add_phase_edge(name, edge, time).has_value();
    }

    /// `end` is the time of the last line. Once.
    ReplayResult finish(MonoTime end) {
        result_.channels = recorder_->run_energies(end);
        for (PhaseEnergies& phase : recorder_->phase_energies(end)) {
            ReplayPhase replayed{
                phase.span.name, phase.span.begin, phase.span.end, std::move(phase.channels), {}};
            if (!phase.span.is_closed) {
                replayed.notes.emplace_back(kPhaseNotClosed);
            }
            result_.phases.push_back(std::move(replayed));
        }
        result_.selection = recorder_->selection();
        result_.total = total_energy(result_.specs, result_.channels, result_.selection);
        return std::move(result_);
    }

  private:
    ReplayResult result_;
    std::optional<Recorder> recorder_;
};

}  // namespace

Result<ReplayResult> replay_file(const std::filesystem::path& path) {
    Replayer replayer;
    FINEWATT_ASSIGN(const MonoTime end, read_trace(path, replayer));
    return replayer.finish(end);
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
