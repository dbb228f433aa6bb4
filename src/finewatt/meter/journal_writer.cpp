#include "finewatt/meter/journal.h"
#include "finewatt/meter/journal_format_internal.h"
#include "finewatt/meter/line_writer_internal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>

#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

namespace finewatt {
namespace {

using Json = nlohmann::json;

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
                {"resolution", spec.resolution_raw},
                {"source", spec.source},
                {"provenance", std::string(provenance_name(spec.provenance))},
                {"gain_error_low", or_null(spec.gain_error_low)},
                {"gain_error_high", or_null(spec.gain_error_high)},
                {"reason", spec.reason}};
}

/// Round up to two digits, so that the lines stay short and a bound stays a bound.
double round_up(double value) {
    if (!(value > 0) || !std::isfinite(value)) {
        return 0;
    }
    const double scale = std::pow(10.0, std::floor(std::log10(value)) - 1);
    return std::ceil(value / scale) * scale;
}

/// What was last written of one channel. An entry tells only what changed since.
class ChannelWriter {
  public:
    explicit ChannelWriter(const ChannelSpec& spec) : rule_(spec) {}

    void append(std::string& line, MonoTime time, const ChannelCheckpoint& now) {
        const bool has_reading = now.time && (!last_.time || *now.time > *last_.time);
        if (!has_reading && now.gaps == last_.gaps && now.is_gone == last_.is_gone) {
            line += "null";
            return;
        }
        Json changes = Json::object();
        add_times(changes, time, now);
        add_raw(changes, now);
        add_counts(changes, now);
        add_range(changes, now);
        const std::uint64_t moved =
            now.energy_uj > last_.energy_uj ? now.energy_uj - last_.energy_uj : 0;
        line += changes.empty() ? fmt::format("{}", moved)
                                : fmt::format("[{},{}]", moved, Json(changes).dump());
        const std::uint64_t energy_uj = last_.energy_uj + moved;
        last_ = now;
        last_.energy_uj = energy_uj;
    }

  private:
    void add_times(Json& changes, MonoTime time, const ChannelCheckpoint& now) const {
        if (now.time && *now.time != time) {
            changes["age_ns"] = (time - *now.time).count();
        }
        if (!last_.time && now.first_good_time && now.time) {
            changes["since_ns"] = (*now.time - *now.first_good_time).count();
        }
    }

    void add_raw(Json& changes, const ChannelCheckpoint& now) {
        if (!now.raw) {
            return;
        }
        const auto expected = expected_raw(rule_, anchor_, now.energy_uj);
        if (!expected || !is_same_raw(rule_, *expected, *now.raw)) {
            changes["raw"] = *now.raw;
            anchor_ = RawAnchor{*now.raw, now.energy_uj};
        }
    }

    void add_counts(Json& changes, const ChannelCheckpoint& now) const {
        const auto add = [&changes](const char* name, std::uint64_t value, std::uint64_t before) {
            if (value > before) {
                changes[name] = value - before;
            }
        };
        add("wraps", now.wraps, last_.wraps);
        add("gaps", now.gaps, last_.gaps);
        add("unknown", now.unknown_steps, last_.unknown_steps);
        if (now.reason != last_.reason) {
            changes["reason"] = or_null(now.reason);
        }
        if (now.is_gone && !last_.is_gone) {
            changes["gone"] = true;
        }
    }

    /// Bounds are written anew when they are too narrow or more than twice as wide as they need
    /// to be.
    void add_range(Json& changes, const ChannelCheckpoint& now) {
        const auto is_stale = [](double written, double value) {
            return value > written || value < written / 2;
        };
        if (is_stale(below_j_, now.below_j)) {
            below_j_ = round_up(1.05 * now.below_j);
            changes["below_j"] = below_j_;
        }
        if (now.above_j.has_value() != above_j_.has_value() ||
            (now.above_j && is_stale(*above_j_, *now.above_j))) {
            above_j_ = now.above_j ? std::optional(round_up(1.05 * *now.above_j)) : std::nullopt;
            changes["above_j"] = or_null(above_j_);
        }
    }

    JournalRule rule_;
    ChannelCheckpoint last_;
    std::optional<RawAnchor> anchor_;
    double below_j_ = 0;
    std::optional<double> above_j_ = 0;
};

}  // namespace

class JournalWriter::Impl {
  public:
    Impl(ScopedFd fd, const std::filesystem::path& path, const JournalHeader& header)
        : lines_(std::move(fd), path, SyncPolicy::kEverySecond),
          time_(header.begin),
          ahead_ns_(ahead_ns(header.begin, header.started_at)) {
        for (const ChannelSpec& spec : header.channels) {
            channels_.emplace_back(spec);
        }
    }

    LineWriter& lines() { return lines_; }

    void checkpoint(const Checkpoint& checkpoint) {
        line_ = "{\"c\":[";
        for (std::size_t i = 0; i < checkpoint.channels.size(); ++i) {
            line_ += i == 0 ? "" : ",";
            channels_[i].append(line_, checkpoint.time, checkpoint.channels[i]);
        }
        const std::int64_t ahead = ahead_ns(checkpoint.time, checkpoint.wall);
        fmt::format_to(std::back_inserter(line_), "],\"t\":{},\"w\":{}}}\n",
                       (checkpoint.time - time_).count(), ahead - ahead_ns_);
        time_ = checkpoint.time;
        ahead_ns_ = ahead;
        lines_.append(line_);
    }

  private:
    /// How far the wall clock is ahead of the monotonic one: it changes only when it is set.
    static std::int64_t ahead_ns(MonoTime time, WallTime wall) {
        return wall.as_unix_ns() - time.as_ns();
    }

    LineWriter lines_;
    std::vector<ChannelWriter> channels_;
    MonoTime time_;
    std::int64_t ahead_ns_;
    std::string line_;
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
        new JournalWriter(std::make_unique<Impl>(std::move(fd), path, header)));
    const Json facts = Json::parse(header.facts, nullptr, false);
    Json channels = Json::array();
    for (const ChannelSpec& spec : header.channels) {
        channels.push_back(channel_json(spec));
    }
    writer->impl_->lines().append(dump(Json{{"finewatt_journal", kJournalVersion},
                                            {"run_id", header.run_id},
                                            {"boot_id", header.boot_id},
                                            {"pid", header.process.pid},
                                            {"pid_start_ticks", header.process.start_ticks},
                                            {"pid_namespace", header.process.pid_namespace},
                                            {"t_mono_ns", header.begin.as_ns()},
                                            {"wall_unix_ns", header.started_at.as_unix_ns()},
                                            {"seed", header.seed},
                                            {"interval_ns", header.interval.count()},
                                            {"facts", facts.is_object() ? facts : Json::object()},
                                            {"channels", std::move(channels)}}));
    return writer;
}

void JournalWriter::checkpoint(const Checkpoint& checkpoint) {
    impl_->checkpoint(checkpoint);
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
