#include "finewatt/base/file.h"
#include "finewatt/meter/energy_total.h"
#include "finewatt/meter/journal.h"
#include "finewatt/meter/journal_format_internal.h"
#include "finewatt/meter/recorder_internal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace finewatt {
namespace {

using Json = nlohmann::json;

Error broken(const std::string& what) {
    return FINEWATT_ERROR(kCorrupt, "{}", what);
}

// The getters below throw nlohmann's exceptions when a key is missing or has another type;
// read_line() catches them.

template <class T>
std::optional<T> optional_of(const Json& json) {
    return json.is_null() ? std::nullopt : std::optional<T>(json.get<T>());
}

ChannelSpec channel_of(const Json& json) {
    ChannelSpec spec;
    spec.id = json.at("id").get<std::string>();
    spec.kind = json.at("kind") == "gauge" ? ChannelKind::kGauge : ChannelKind::kCounter;
    spec.unit = json.at("unit").get<std::string>();
    spec.unit_size = json.at("unit_size").get<double>();
    spec.range = optional_of<std::uint64_t>(json.at("range"));
    spec.max_power_w = optional_of<double>(json.at("max_power_w"));
    spec.domain = parse_domain(json.at("domain").get<std::string>()).value_or(Domain::kOther);
    spec.device = json.at("device").get<std::string>();
    spec.window_ms = optional_of<double>(json.at("window_ms"));
    spec.update_ms = optional_of<double>(json.at("update_ms"));
    spec.resolution_raw = json.at("resolution").get<double>();
    spec.source = json.at("source").get<std::string>();
    spec.provenance =
        parse_provenance(json.at("provenance").get<std::string>()).value_or(Provenance::kAssumed);
    spec.gain_error_low = optional_of<double>(json.at("gain_error_low"));
    spec.gain_error_high = optional_of<double>(json.at("gain_error_high"));
    spec.reason = json.at("reason").get<std::string>();
    return spec;
}

MonoTime mono_of(const Json& json) {
    return MonoTime::from_ns(json.at("t_mono_ns").get<std::int64_t>());
}

WallTime wall_of(const Json& json) {
    return WallTime::from_unix_ns(json.at("wall_unix_ns").get<std::int64_t>());
}

Status read_header(const Json& json, JournalHeader& header) {
    if (!json.contains("finewatt_journal")) {
        return broken("expected the header of a journal, found another line");
    }
    if (json.at("finewatt_journal") != kJournalVersion) {
        return broken(fmt::format("expected journal version {}, found {}", kJournalVersion,
                                  json.at("finewatt_journal").dump()));
    }
    header.run_id = json.at("run_id").get<std::string>();
    header.boot_id = json.at("boot_id").get<std::string>();
    header.process.pid = json.at("pid").get<std::int64_t>();
    header.process.start_ticks = json.at("pid_start_ticks").get<std::uint64_t>();
    header.process.pid_namespace = json.at("pid_namespace").get<std::string>();
    header.interval = std::chrono::nanoseconds(json.at("interval_ns").get<std::int64_t>());
    header.facts = json.at("facts").dump();
    header.begin = mono_of(json);
    header.started_at = wall_of(json);
    header.seed = json.at("seed").get<std::uint64_t>();
    for (const Json& channel : json.at("channels")) {
        header.channels.push_back(channel_of(channel));
    }
    return {};
}

/// Journals speak of energy in microjoules, whatever the channel's sensor counts.
ChannelSpec journal_spec(const ChannelSpec& spec, std::chrono::nanoseconds interval) {
    ChannelSpec read = spec;
    read.kind = ChannelKind::kCounter;
    read.unit = "uJ";
    read.unit_size = 1e-6;
    read.range.reset();
    read.max_power_w.reset();
    read.resolution_raw = 1;
    if (spec.kind == ChannelKind::kGauge) {
        read.provenance = std::max(spec.provenance, Provenance::kDerived);
    } else {
        read.resolution_raw = std::max(1.0, spec.resolution_raw * spec.unit_size * 1e6);
    }
    if (!read.update_ms) {
        read.update_ms = static_cast<double>(interval.count()) * 1e-6;
    }
    return read;
}

/// What the entries of one channel add up to.
struct ChannelTotals {
    explicit ChannelTotals(const ChannelSpec& spec)
        : rule(spec),
          is_gauge(spec.kind == ChannelKind::kGauge) {}

    JournalRule rule;
    bool is_gauge;
    std::optional<RawAnchor> anchor;
    ChannelCheckpoint now;
};

/// Feeds the lines of a journal to the code of the live meter.
class JournalPass {
  public:
    Status read_line(std::string_view line) {
        const Json json = Json::parse(line, nullptr, false);
        if (!json.is_object()) {
            return broken("expected a JSON object, found something else");
        }
        try {
            if (recorder_) {
                return read_body(json);
            }
            FINEWATT_TRY(read_header(json, contents_.header));
            start();
            return {};
        } catch (const Json::exception& e) {
            return broken(
                fmt::format("expected the fields of a journal line, found: {}", e.what()));
        }
    }

    bool has_header() const { return recorder_.has_value(); }

    /// Return what the lines told. Once.
    JournalContents finish(bool has_torn_tail) {
        contents_.has_torn_tail = has_torn_tail;
        if (has_checkpoint_) {
            Checkpoint& last = contents_.last_checkpoint.emplace();
            last.time = time_;
            last.wall = wall(time_);
            for (const ChannelTotals& totals : totals_) {
                last.channels.push_back(totals.now);
            }
        }
        if (!contents_.is_complete) {
            contents_.end = time_;
            contents_.ended_at = wall(time_);
        }
        fill_energies();
        return std::move(contents_);
    }

  private:
    void start() {
        const JournalHeader& header = contents_.header;
        time_ = header.begin;
        ahead_ns_ = header.started_at.as_unix_ns() - header.begin.as_ns();
        std::vector<ChannelSpec> specs;
        for (const ChannelSpec& spec : header.channels) {
            specs.push_back(journal_spec(spec, header.interval));
            totals_.emplace_back(spec);
        }
        RecorderOptions options;
        options.begin = header.begin;
        // Edges come late in a journal too, and checkpoints lie behind the readings.
        options.late_edge = kLateEdge + std::chrono::seconds(10);
        recorder_.emplace(std::move(specs), options);
    }

    WallTime wall(MonoTime time) const { return WallTime::from_unix_ns(time.as_ns() + ahead_ns_); }

    Status read_body(const Json& json) {
        if (json.contains("c")) {
            return read_checkpoint(json);
        }
        if (json.contains("phase")) {
            recorder_->add_phase_edge(
                json.at("phase").get<std::string>(),
                json.at("edge") == "end" ? PhaseEdge::kEnd : PhaseEdge::kBegin, mono_of(json));
        } else if (json.contains("event")) {
            contents_.events.push_back(json.at("event").dump());
        } else if (json.contains("end")) {
            contents_.is_complete = true;
            contents_.end = mono_of(json);
            contents_.ended_at = wall_of(json);
        }
        // Any other object is a kind of line of a later version: skipped.
        return {};
    }

    Status read_checkpoint(const Json& json) {
        const Json& entries = json.at("c");
        if (entries.size() != totals_.size()) {
            return broken(fmt::format("expected {} channels as in the header, found {}",
                                      totals_.size(), entries.size()));
        }
        const auto elapsed_ns = json.at("t").get<std::int64_t>();
        if (elapsed_ns < 0) {
            return broken(fmt::format("expected a time of 0 or more, found {}", elapsed_ns));
        }
        time_ = time_ + std::chrono::nanoseconds(elapsed_ns);
        ahead_ns_ += json.at("w").get<std::int64_t>();
        has_checkpoint_ = true;
        for (std::size_t i = 0; i < totals_.size(); ++i) {
            const Json& entry = entries.at(i);
            if (entry.is_array()) {
                FINEWATT_TRY(read_entry(i, entry.at(0).get<std::uint64_t>(), entry.at(1)));
            } else if (!entry.is_null()) {
                FINEWATT_TRY(read_entry(i, entry.get<std::uint64_t>(), Json::object()));
            }
        }
        return {};
    }

    Status read_entry(std::size_t channel, std::uint64_t moved_uj, const Json& changes) {
        ChannelTotals& totals = totals_[channel];
        ChannelCheckpoint& now = totals.now;
        JournalStep step;
        step.time = time_ + -std::chrono::nanoseconds(changes.value("age_ns", std::int64_t{0}));
        step.wraps = changes.value("wraps", std::uint32_t{0});
        step.gaps = changes.value("gaps", std::uint32_t{0});
        step.is_unknown = changes.value("unknown", std::uint64_t{0}) > 0;
        step.is_unseen = totals.is_gauge && step.gaps > 0;
        now.energy_uj += moved_uj;
        now.wraps += step.wraps;
        now.gaps += step.gaps;
        now.below_j = changes.value("below_j", now.below_j);
        if (changes.contains("above_j")) {
            now.above_j = optional_of<double>(changes.at("above_j"));
        }
        if (changes.contains("reason")) {
            now.reason = optional_of<std::string>(changes.at("reason"));
        }
        if (changes.value("gone", false)) {
            now.is_gone = true;
            contents_.notes.push_back(fmt::format("{}: the channel went away after {:.3f} s",
                                                  contents_.header.channels[channel].id,
                                                  as_seconds(time_ - contents_.header.begin)));
        }
        if (changes.contains("raw")) {
            totals.anchor = RawAnchor{changes.at("raw").get<std::uint64_t>(), now.energy_uj};
        }
        now.raw = expected_raw(totals.rule, totals.anchor, now.energy_uj);
        step.energy_uj = now.energy_uj;
        feed(channel, step, changes);
        return {};
    }

    void feed(std::size_t channel, const JournalStep& step, const Json& changes) {
        ChannelCheckpoint& now = totals_[channel].now;
        if (!now.time) {
            if (!changes.contains("since_ns")) {
                Reading failed;
                failed.time = step.time;
                recorder_->add_reading(channel, failed);
                return;
            }
            JournalStep first;
            first.time =
                step.time + -std::chrono::nanoseconds(changes.at("since_ns").get<std::int64_t>());
            recorder_->add_journal_step(channel, first);
            now.first_good_time = first.time;
            now.time = first.time;
        }
        const bool is_new = step.time > *now.time || step.gaps > 0 || step.is_unknown;
        if (is_new) {
            recorder_->add_journal_step(channel, step);
            now.time = std::max(*now.time, step.time);
        }
    }

    void fill_energies() {
        const std::vector<ChannelSpec>& specs = contents_.header.channels;
        std::vector<ChannelEnergy> run = recorder_->run_energies(contents_.end);
        for (std::size_t i = 0; i < run.size(); ++i) {
            set_run_range(run[i], totals_[i].now);
            mend(run[i], i);
            if (!has_checkpoint_) {
                run[i].reason = "the journal ends before its first checkpoint";
            }
        }
        contents_.energy = summarize_energy(specs, run);
        for (PhaseEnergies& phase : recorder_->phase_energies(contents_.end)) {
            for (std::size_t i = 0; i < phase.channels.size(); ++i) {
                widen(phase.channels[i], totals_[i].now);
                mend(phase.channels[i], i);
            }
            PhaseRecord& record = contents_.phases.emplace_back();
            record.name = phase.span.name;
            record.t_begin_s = as_seconds(phase.span.begin - contents_.header.begin);
            record.duration_s = as_seconds(phase.span.end - phase.span.begin);
            record.energy = summarize_energy(specs, phase.channels);
            if (!phase.span.is_closed) {
                record.note = std::string(kPhaseNotClosed);
            }
        }
        contents_.series = recorder_->power_series();
    }

    /// The run's range is in the journal.
    static void set_run_range(ChannelEnergy& energy, const ChannelCheckpoint& last) {
        if (!last.time || !energy.energy_low) {
            return;
        }
        const double known_j = energy.known_part.as_joules();
        energy.energy_low =
            joules(std::max(0.0, known_j - last.below_j - energy.gain_below.as_joules()));
        energy.energy_high.reset();
        if (last.above_j) {
            energy.energy_high = joules(known_j + *last.above_j + energy.gain_above.as_joules());
        }
    }

    /// A phase's range is not: what made the run's range wide may all have happened in the phase.
    static void widen(ChannelEnergy& energy, const ChannelCheckpoint& last) {
        if (energy.energy_low) {
            energy.energy_low =
                joules(std::max(0.0, energy.energy_low->as_joules() - last.below_j));
        }
        if (energy.energy_high && last.above_j) {
            *energy.energy_high += joules(*last.above_j);
        } else {
            energy.energy_high.reset();
        }
    }

    /// Put back what a journal's counter of microjoules does not say.
    void mend(ChannelEnergy& energy, std::size_t channel) const {
        const ChannelCheckpoint& last = totals_[channel].now;
        const ChannelSpec& spec = contents_.header.channels[channel];
        if (energy.unknown_steps > 0 && last.reason) {
            energy.reason = last.reason;
        }
        if (energy.energy && !energy.energy_high) {
            // A figure without a bound came with a reason, which the journal must have told.
            energy.energy.reset();
            energy.provenance.reset();
            energy.reason = last.reason.value_or("the journal gives no upper bound");
        }
        if (spec.kind == ChannelKind::kGauge && energy.energy && energy.power_mean &&
            energy.power_mean->as_watts() > 0) {
            const double seen_s = energy.energy->as_joules() / energy.power_mean->as_watts();
            energy.resolution = joules(spec.resolution_raw * spec.unit_size / 2 * seen_s);
        }
    }

    JournalContents contents_;
    std::optional<Recorder> recorder_;
    std::vector<ChannelTotals> totals_;
    MonoTime time_;
    std::int64_t ahead_ns_ = 0;
    bool has_checkpoint_ = false;
};

/// Call `take` for each whole line; returns whether the last one was cut. A block that a dying
/// machine never wrote reads as zero bytes, and counts as a cut.
template <class Take>
Result<bool> for_each_line(const std::filesystem::path& path, const Take& take) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        return error_from_errno(errno, fmt::format("open {}", path.string()));
    }
    std::string line;
    for (std::size_t number = 1; std::getline(file, line); ++number) {
        if (file.eof() || line.find('\0') != std::string::npos) {
            return true;
        }
        Status taken = take(line);
        if (!taken) {
            return std::move(taken).error().with_context(
                fmt::format("{}:{}", path.string(), number));
        }
    }
    if (file.bad()) {
        return FINEWATT_ERROR(kIo, "read {}: the disk did not give it", path.string());
    }
    return false;
}

Error no_header(const std::filesystem::path& path) {
    return FINEWATT_ERROR(kCorrupt,
                          "{}:1: expected the header of a journal, found no whole line; the run "
                          "died before it was measured",
                          path.string());
}

}  // namespace

Result<JournalContents> read_journal(const std::filesystem::path& path) {
    JournalPass pass;
    FINEWATT_ASSIGN(const bool is_torn, for_each_line(path, [&pass](const std::string& line) {
                        return pass.read_line(line);
                    }));
    if (!pass.has_header()) {
        return no_header(path);
    }
    return pass.finish(is_torn);
}

Result<JournalHeader> read_journal_header(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        return error_from_errno(errno, fmt::format("open {}", path.string()));
    }
    std::string line;
    if (!std::getline(file, line) || file.eof()) {
        return no_header(path);
    }
    JournalPass pass;
    FINEWATT_TRY_CONTEXT(pass.read_line(line), "{}:1", path.string());
    return pass.finish(true).header;
}

Result<std::string> read_boot_id(const std::filesystem::path& path) {
    FINEWATT_ASSIGN(std::string text, read_file(path));
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
        text.pop_back();
    }
    return text;
}

}  // namespace finewatt
