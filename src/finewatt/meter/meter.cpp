#include "finewatt/meter/meter.h"

#include "finewatt/meter/journal.h"
#include "finewatt/meter/recorder_internal.h"
#include "finewatt/meter/sampler.h"
#include "finewatt/meter/trace_writer_internal.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <utility>

namespace finewatt {
namespace {

constexpr std::chrono::nanoseconds kCheckpointInterval = std::chrono::seconds(1);
/// Checkpoints that phase edges ask for are at least this far apart.
constexpr std::chrono::nanoseconds kEdgeCheckpointDistance = std::chrono::milliseconds(50);

/// Collect the channels of all sources, in polling order. Ids must be unique.
Result<std::vector<ChannelSpec>> channels_of(const std::vector<std::unique_ptr<Source>>& sources) {
    std::vector<ChannelSpec> specs;
    std::set<std::string> ids;
    for (const auto& source : sources) {
        for (const ChannelSpec& spec : source->channels()) {
            if (!ids.insert(spec.id).second) {
                return FINEWATT_ERROR(kInvalidArgument,
                                      "channel id '{}': expected one channel of that name, found "
                                      "two; the second is of source {}",
                                      spec.id, source->name());
            }
            specs.push_back(spec);
        }
    }
    return specs;
}

/// The slot length: as wanted, but short enough that no counter can hide a wrap.
std::chrono::nanoseconds safe_interval(std::chrono::nanoseconds wanted,
                                       const std::vector<ChannelSpec>& specs) {
    const auto longest = longest_safe_period(specs);
    const auto shorter = longest ? std::min(wanted, *longest) : wanted;
    return std::max<std::chrono::nanoseconds>(shorter, std::chrono::milliseconds(1));
}

}  // namespace

class Meter::Impl : public ReadingSink {
  public:
    Impl(std::vector<std::unique_ptr<Source>> sources, std::vector<ChannelSpec> specs,
         const MeterOptions& options, const Clock& clock)
        : clock_(clock),
          seed_(options.seed),
          interval_(safe_interval(options.interval, specs)),
          begin_(clock.mono_now()),
          started_at_(clock.wall_now()),
          next_checkpoint_(begin_ + kCheckpointInterval),
          last_checkpoint_(begin_),
          recorder_(std::move(specs), RecorderOptions{.begin = begin_}),
          sampler_(std::move(sources), interval_, options.seed, *this) {}

    Status open_files(const MeterOptions& options);

    void claim_devices(const MeterOptions& options);

    void start() { sampler_.start(); }

    void on_readings(std::size_t first_channel, std::span<const Reading> readings) override;
    void on_suspend(MonoTime time) override;
    void phase_edge(std::string_view name, PhaseEdge edge, MonoTime time);
    void journal_event(std::string_view json_object);
    LiveFigures live() const;
    MeterResult stop();

  private:
    void add_reading(std::size_t channel, Reading reading);
    void checkpoint_if_due();
    void write_checkpoint(MonoTime time);
    void finish_files(MeterResult& result);
    void fill_statistics(MeterResult& result) const;
    void release_claims(MeterResult& result);

    const Clock& clock_;
    std::uint64_t seed_;
    std::chrono::nanoseconds interval_;
    MonoTime begin_;
    WallTime started_at_;

    mutable std::mutex mutex_;  ///< guards what follows, up to the sampler
    MonoTime next_checkpoint_;
    MonoTime last_checkpoint_;
    std::optional<MonoTime> edge_to_write_;  ///< a phase edge that wants a checkpoint
    Recorder recorder_;
    std::unique_ptr<JournalWriter> journal_;
    std::unique_ptr<TraceWriter> trace_;
    std::optional<NodeClaims> claims_;
    double writers_cpu_s_ = 0;

    Sampler sampler_;  ///< last: its thread ends before the rest goes
};

Status Meter::Impl::open_files(const MeterOptions& options) {
    if (!options.journal_path.empty()) {
        JournalHeader header;
        header.run_id = options.run_id;
        header.boot_id = options.boot_id;
        header.begin = begin_;
        header.started_at = started_at_;
        header.process = current_process();
        header.seed = options.seed;
        header.interval = interval_;
        header.facts = options.journal_facts;
        header.channels.assign(recorder_.channels().begin(), recorder_.channels().end());
        FINEWATT_ASSIGN(journal_, JournalWriter::create(options.journal_path, header));
    }
    if (!options.trace_path.empty()) {
        auto trace = TraceWriter::create(options.trace_path, recorder_.channels(), started_at_);
        if (!trace) {
            // No run, so no journal of one either.
            if (journal_) {
                journal_.reset();
                std::error_code ignored;
                std::filesystem::remove(options.journal_path, ignored);
            }
            return std::move(trace).error();
        }
        trace_ = std::move(trace).value();
    }
    return {};
}

void Meter::Impl::on_readings(std::size_t first_channel, std::span<const Reading> readings) {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < readings.size(); ++i) {
        add_reading(first_channel + i, readings[i]);
    }
    checkpoint_if_due();
}

void Meter::Impl::on_suspend(MonoTime time) {
    Reading lost;
    lost.time = time;
    lost.outcome = PollOutcome::kRetry;
    lost.error = "SUSPEND";
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < recorder_.channels().size(); ++i) {
        if (!recorder_.stream(i).is_closed()) {
            add_reading(i, lost);
        }
    }
}

void Meter::Impl::add_reading(std::size_t channel, Reading reading) {
    // A source that took long may bring times that the channel, or the trace, has left behind; no
    // source may bring one that has not come yet.
    const ChannelStream& stream = recorder_.stream(channel);
    reading.time = std::min(reading.time, clock_.mono_now());
    reading.time = std::max(reading.time, recorder_.newest() + -kLateEdge);
    if (!stream.is_empty()) {
        reading.time = std::max(reading.time, stream.last_time());
    }
    recorder_.add_reading(channel, reading);
    if (trace_) {
        trace_->add_reading(channel, reading);
    }
}

void Meter::Impl::checkpoint_if_due() {
    const MonoTime until = recorder_.read_until();
    if (edge_to_write_ && until >= *edge_to_write_) {
        // The readings around the edge are there: the journal gets the energy at the edge itself.
        const MonoTime edge = *edge_to_write_;
        edge_to_write_.reset();
        if (edge - last_checkpoint_ >= kEdgeCheckpointDistance) {
            write_checkpoint(edge);
        }
    }
    if (until < next_checkpoint_) {
        return;
    }
    next_checkpoint_ = until + kCheckpointInterval;
    write_checkpoint(until);
    if (trace_) {
        trace_->pass_on(recorder_.newest() + -kLateEdge);
    }
}

void Meter::Impl::write_checkpoint(MonoTime time) {
    if (journal_ && time > last_checkpoint_) {
        // The wall clock is read now and set back to the checkpoint's time.
        const std::chrono::nanoseconds age = clock_.mono_now() - time;
        const WallTime wall = WallTime::from_unix_ns(clock_.wall_now().as_unix_ns() - age.count());
        journal_->checkpoint(recorder_.checkpoint(time, wall));
        last_checkpoint_ = time;
    }
}

void Meter::Impl::phase_edge(std::string_view name, PhaseEdge edge, MonoTime time) {
    {
        const std::lock_guard lock(mutex_);
        // What a workload's clock says of the future is no time of this run.
        const MonoTime inside = std::max(begin_, std::min(time, clock_.mono_now()));
        const auto counted = recorder_.add_phase_edge(name, edge, inside);
        if (!counted) {
            return;
        }
        if (journal_) {
            journal_->phase_edge({std::string(name), edge, *counted});
            edge_to_write_ = *counted;
        }
        if (trace_) {
            trace_->add_phase_edge(name, edge, *counted);
        }
    }
    sampler_.request_round();
}

void Meter::Impl::journal_event(std::string_view json_object) {
    const std::lock_guard lock(mutex_);
    if (journal_) {
        journal_->event(json_object);
    }
}

LiveFigures Meter::Impl::live() const {
    const std::lock_guard lock(mutex_);
    return recorder_.live(clock_.mono_now());
}

void Meter::Impl::finish_files(MeterResult& result) {
    if (journal_) {
        write_checkpoint(result.end);
        const Status status = journal_->finish(result.end, result.ended_at);
        if (!status) {
            result.notes.push_back("journal lost: " + status.error().describe());
        }
        writers_cpu_s_ += journal_->cpu_s();
        journal_.reset();
    }
    if (trace_) {
        const Status status = trace_->finish();
        if (!status) {
            result.notes.push_back("trace lost: " + status.error().describe());
        }
        writers_cpu_s_ += trace_->cpu_s();
        trace_.reset();
    }
}

void Meter::Impl::fill_statistics(MeterResult& result) const {
    const SamplerStatistics sampler = sampler_.statistics();
    MeterStatistics& statistics = result.statistics;
    statistics.rounds = sampler.polls;
    statistics.cpu_s = sampler.cpu_s + writers_cpu_s_;
    statistics.round_time_s_mean = sampler.poll_time_s_mean;
    statistics.round_time_s_max = sampler.poll_time_s_max;
    statistics.suspends = sampler.suspends;
    statistics.asleep_s = sampler.asleep_s;
    statistics.interval_s = as_seconds(interval_);
    statistics.seed = seed_;
    result.stopped_reason = sampler.stopped_reason;
    result.notes.insert(result.notes.end(), sampler.left_behind.begin(), sampler.left_behind.end());
    if (sampler.suspends > 0) {
        result.notes.push_back(
            fmt::format("the machine slept {} times, {:.0f} s in all; that time is no part of the "
                        "run, counters were bridged, gauges have a gap",
                        sampler.suspends, sampler.asleep_s));
    }
}

void Meter::Impl::claim_devices(const MeterOptions& options) {
    if (!options.node_claims) {
        return;
    }
    std::vector<ChannelSpec> counted;
    for (const std::size_t i : recorder_.selection().counted) {
        counted.push_back(recorder_.channels()[i]);
    }
    claims_.emplace(*options.node_claims, options.run_id, options.boot_id, counted);
}

void Meter::Impl::release_claims(MeterResult& result) {
    if (!claims_) {
        return;
    }
    result.node_shares = claims_->shares();
    for (const NodeShare& share : result.node_shares) {
        if (share.note) {
            result.notes.push_back(*share.note);
        }
    }
    claims_.reset();
}

MeterResult Meter::Impl::stop() {
    sampler_.stop();
    const std::lock_guard lock(mutex_);
    MeterResult result;
    result.begin = begin_;
    result.started_at = started_at_;
    result.end = clock_.mono_now();
    result.ended_at = clock_.wall_now();
    if (!sampler_.statistics().left_behind.empty()) {
        // The wait for a source that hangs is no part of the run.
        const std::chrono::nanoseconds waited = result.end - recorder_.newest();
        result.end = recorder_.newest();
        result.ended_at = WallTime::from_unix_ns(result.ended_at.as_unix_ns() - waited.count());
    }
    recorder_.fill_result(result);
    finish_files(result);
    release_claims(result);
    fill_statistics(result);
    return result;
}

Result<std::unique_ptr<Meter>> Meter::start(std::vector<std::unique_ptr<Source>> sources,
                                            const MeterOptions& options, const Clock& clock) {
    if (options.interval <= std::chrono::nanoseconds(0)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "sampling interval: expected a time above zero, found {} ns",
                              options.interval.count());
    }
    FINEWATT_ASSIGN(std::vector<ChannelSpec> specs, channels_of(sources));
    auto impl = std::make_unique<Impl>(std::move(sources), std::move(specs), options, clock);
    FINEWATT_TRY_CONTEXT(impl->open_files(options), "starting the meter");
    impl->claim_devices(options);
    impl->start();
    return std::unique_ptr<Meter>(new Meter(std::move(impl)));
}

Meter::Meter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Meter::~Meter() = default;

void Meter::phase_edge(std::string_view name, PhaseEdge edge, MonoTime time) {
    impl_->phase_edge(name, edge, time);
}

void Meter::journal_event(std::string_view json_object) {
    impl_->journal_event(json_object);
}

LiveFigures Meter::live() const {
    return impl_->live();
}

MeterResult Meter::stop() {
    return impl_->stop();
}

}  // namespace finewatt
