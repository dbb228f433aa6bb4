#include "finewatt/meter/journal.h"
#include "finewatt/meter/line_writer_internal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>

#include <iterator>
#include <utility>

namespace finewatt {
namespace {

using Json = nlohmann::json;

/// Journal format version; journal_reader.cpp reads this one.
constexpr int kVersion = 1;

/// Text that is not UTF-8 is mended, so that building a line cannot fail.
std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

template <class T>
Json or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json channel_json(const ChannelSpec& spec) {
    return Json{{"id", spec.id},
                {"kind", spec.kind == ChannelKind::kCounter ? "counter" : "gauge"},
                {"unit", spec.unit},
                {"unit_size", spec.unit_size},
                {"range", or_null(spec.range)},
                {"max_power_w", or_null(spec.max_power_w)},
                {"domain", std::string(domain_name(spec.domain))},
                {"device", spec.device},
                {"window_ms", or_null(spec.window_ms)},
                {"update_ms", or_null(spec.update_ms)},
                {"source", spec.source},
                {"provenance", std::string(provenance_name(spec.provenance))},
                {"gain_error_low", or_null(spec.gain_error_low)},
                {"gain_error_high", or_null(spec.gain_error_high)},
                {"reason", spec.reason}};
}

void append_number(std::string& line, const std::optional<Joules>& value) {
    if (value) {
        // 12 digits: a microjoule of a megajoule, and short lines.
        fmt::format_to(std::back_inserter(line), ",{:.12g}", value->as_joules());
    } else {
        line += ",null";
    }
}

/// One channel as an array: last raw, best, low, high, gain below, gain above, coverage, wraps,
/// gaps, provenance, reason. Names would triple the size of the journal.
void append_channel(std::string& line, const ChannelCheckpoint& channel) {
    const ChannelEnergy& energy = channel.energy;
    line += channel.last_raw ? fmt::format("[{}", *channel.last_raw) : "[null";
    append_number(line, energy.energy);
    append_number(line, energy.energy_low);
    append_number(line, energy.energy_high);
    append_number(line, energy.gain_below);
    append_number(line, energy.gain_above);
    fmt::format_to(std::back_inserter(line), ",{:.6g},{},{}", energy.coverage, energy.wraps,
                   energy.gaps);
    line += energy.provenance ? fmt::format(",\"{}\"", provenance_name(*energy.provenance))
                              : std::string(",null");
    line += energy.reason ? "," + Json(*energy.reason).dump() + "]" : std::string(",null]");
}

}  // namespace

class JournalWriter::Impl {
  public:
    Impl(ScopedFd fd, const std::filesystem::path& path)
        : lines_(std::move(fd), path, SyncPolicy::kEverySecond) {}

    LineWriter& lines() { return lines_; }

  private:
    LineWriter lines_;
};

JournalWriter::JournalWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

JournalWriter::~JournalWriter() = default;

Result<std::unique_ptr<JournalWriter>> JournalWriter::create(const std::filesystem::path& path,
                                                             const JournalHeader& header) {
    // Special files such as pipes and devices may exist; a journal of another run may not.
    std::error_code ignored;
    const bool is_special = std::filesystem::is_other(path, ignored);
    auto opened = open_file(path, O_WRONLY | O_CREAT | O_APPEND | (is_special ? 0 : O_EXCL));
    if (!opened && std::filesystem::exists(path, ignored)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "journal {}: expected a new file, found an existing one; choose "
                              "another path or recover that run first",
                              path.string());
    }
    FINEWATT_ASSIGN(ScopedFd fd, std::move(opened));
    std::unique_ptr<JournalWriter> writer(
        new JournalWriter(std::make_unique<Impl>(std::move(fd), path)));
    Json channels = Json::array();
    for (const ChannelSpec& spec : header.channels) {
        channels.push_back(channel_json(spec));
    }
    writer->impl_->lines().append(dump(Json{{"finewatt_journal", kVersion},
                                            {"run_id", header.run_id},
                                            {"boot_id", header.boot_id},
                                            {"t_mono_ns", header.begin.as_ns()},
                                            {"wall_unix_ns", header.started_at.as_unix_ns()},
                                            {"seed", header.seed},
                                            {"channels", std::move(channels)}}));
    return writer;
}

void JournalWriter::checkpoint(const Checkpoint& checkpoint) {
    std::string line = "{\"checkpoint\":[";
    for (std::size_t i = 0; i < checkpoint.channels.size(); ++i) {
        line += i == 0 ? "" : ",";
        append_channel(line, checkpoint.channels[i]);
    }
    line += fmt::format("],\"t_mono_ns\":{},\"wall_unix_ns\":{}}}\n", checkpoint.time.as_ns(),
                        checkpoint.wall.as_unix_ns());
    impl_->lines().append(line);
}

void JournalWriter::phase_edge(const JournalPhaseEdge& edge) {
    impl_->lines().append(dump(Json{{"phase", edge.name},
                                    {"edge", edge.edge == PhaseEdge::kBegin ? "begin" : "end"},
                                    {"t_mono_ns", edge.time.as_ns()}}));
}

void JournalWriter::event(std::string_view json_object) {
    const Json event = Json::parse(json_object, nullptr, false);
    if (event.is_object()) {
        impl_->lines().append(dump(Json{{"event", event}}));
    }
}

Status JournalWriter::finish(MonoTime time, WallTime wall) {
    impl_->lines().append(dump(
        Json{{"end", true}, {"t_mono_ns", time.as_ns()}, {"wall_unix_ns", wall.as_unix_ns()}}));
    return impl_->lines().finish();
}

bool JournalWriter::is_lost() const {
    return impl_->lines().is_lost();
}

double JournalWriter::cpu_s() const {
    return impl_->lines().cpu_s();
}

}  // namespace finewatt
