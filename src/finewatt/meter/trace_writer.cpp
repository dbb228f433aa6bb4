#include "finewatt/meter/trace_writer_internal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace finewatt {
namespace {

using Json = nlohmann::json;

std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

template <class T>
Json or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json(nullptr);
}

/// The fields of the format, and those that replay needs to tell models from sensors.
Json channel_json(const ChannelSpec& spec) {
    Json json{{"id", spec.id},
              {"kind", spec.kind == ChannelKind::kCounter ? "counter" : "gauge"},
              {"unit", spec.unit},
              {"range", or_null(spec.range)},
              {"max_power_w", or_null(spec.max_power_w)},
              {"domain", std::string(domain_name(spec.domain))},
              {"device", spec.device.empty() ? Json(nullptr) : Json(spec.device)},
              {"window_ms", or_null(spec.window_ms)},
              {"update_ms", or_null(spec.update_ms)},
              {"source", spec.source},
              {"provenance", std::string(provenance_name(spec.provenance))},
              {"gain_error_low", or_null(spec.gain_error_low)},
              {"gain_error_high", or_null(spec.gain_error_high)}};
    if (spec.resolution_raw != 1) {
        json["resolution"] = spec.resolution_raw;
    }
    if (spec.unit == "ticks") {
        json["joules_per_tick"] = spec.unit_size;
    }
    return json;
}

}  // namespace

Result<std::unique_ptr<TraceWriter>> TraceWriter::create(const std::filesystem::path& path,
                                                         std::span<const ChannelSpec> channels,
                                                         WallTime started_at) {
    FINEWATT_ASSIGN(ScopedFd fd, open_file(path, O_WRONLY | O_CREAT | O_TRUNC));
    auto writer = std::make_unique<TraceWriter>(std::move(fd), path, channels);
    Json list = Json::array();
    for (const ChannelSpec& spec : channels) {
        list.push_back(channel_json(spec));
    }
    writer->lines_.append(dump(Json{{"finewatt_trace", 1},
                                    {"started_at", started_at.to_iso8601()},
                                    {"channels", std::move(list)}}) +
                          "\n");
    return writer;
}

TraceWriter::TraceWriter(ScopedFd fd, const std::filesystem::path& path,
                         std::span<const ChannelSpec> channels)
    : lines_(std::move(fd), path, SyncPolicy::kNever),
      is_closed_(channels.size(), false) {
    for (const ChannelSpec& spec : channels) {
        quoted_ids_.push_back(dump(Json(spec.id)));
    }
}

void TraceWriter::add_reading(std::size_t channel, const Reading& reading) {
    if (is_closed_[channel]) {
        return;
    }
    const bool is_closing =
        reading.outcome == PollOutcome::kGone || reading.outcome == PollOutcome::kFatal;
    is_closed_[channel] = is_closing;
    std::string rest = fmt::format("\"id\":{},", quoted_ids_[channel]);
    if (reading.outcome == PollOutcome::kOk) {
        rest += fmt::format("\"raw\":{}}}\n", reading.raw);
    } else {
        const std::string_view code = reading.error.empty() ? "EIO" : reading.error;
        rest += fmt::format("\"error\":{}}}\n", dump(Json(is_closing ? "GONE" : code)));
    }
    held_.push_back({reading.time.as_ns(), std::move(rest)});
}

void TraceWriter::add_phase_edge(std::string_view name, PhaseEdge edge, MonoTime time) {
    held_.push_back({time.as_ns(), fmt::format("\"phase\":{},\"edge\":\"{}\"}}\n", dump(Json(name)),
                                               edge == PhaseEdge::kBegin ? "begin" : "end")});
}

void TraceWriter::pass_on(MonoTime settled) {
    const std::int64_t limit_ns = settled.as_ns();
    std::stable_sort(held_.begin(), held_.end(),
                     [](const Line& a, const Line& b) { return a.t_ns < b.t_ns; });
    std::string text;
    std::size_t passed = 0;
    for (; passed < held_.size() && held_[passed].t_ns <= limit_ns; ++passed) {
        passed_ns_ = std::max(passed_ns_, held_[passed].t_ns);
        text += fmt::format("{{\"t_ns\":{},{}", passed_ns_, held_[passed].rest);
    }
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(passed));
    if (!text.empty()) {
        lines_.append(text);
    }
}

Status TraceWriter::finish() {
    pass_on(MonoTime::from_ns(std::numeric_limits<std::int64_t>::max()));
    return lines_.finish();
}

}  // namespace finewatt
