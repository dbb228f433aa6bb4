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

/// A counter is read at least every range / (4 x ceiling), so that no wrap can hide.
std::chrono::nanoseconds safe_interval(std::chrono::nanoseconds wanted,
                                       const std::vector<ChannelSpec>& specs) {
    for (const ChannelSpec& spec : specs) {
        if (spec.kind == ChannelKind::kCounter && spec.range && spec.max_power_w &&
            *spec.max_power_w > 0) {
            const double seconds =
                static_cast<double>(*spec.range) * spec.unit_size / (4 * *spec.max_power_w);
            if (seconds < as_seconds(wanted)) {
                wanted = std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
            }
        }
    }
    return std::max<std::chrono::nanoseconds>(wanted, std::chrono::milliseconds(1));
}

}  // namespace

class Meter::Impl : public RoundSink {
  public:
    Impl(std::vector<std::unique_ptr<Source>> sources, std::vector<ChannelSpec> specs,
         const MeterOptions& options, const Clock& clock)
        : clock_(clock),
          seed_(options.seed),
          interval_(safe_interval(options.interval, specs)),
          begin_(clock.mono_now()),
          started_at_(clock.wall_now()),
          next_checkpoint_(begin_ + kCheckpointInterval),
          recorder_(std::move(specs), begin_),
          sampler_(std::move(sources), interval_, options.seed, *this) {}

    Status open_files(const MeterOptions& options);

    void start() { sampler_.start(); }

    void on_readings(std::size_t first_channel, std::span<const Reading> readings) override;
    void on_round_end() override;
    void phase_edge(std::string_view name, PhaseEdge edge, MonoTime time);
    void journal_event(std::string_view json_object);
    LiveFigures live() const;
    MeterResult stop();

  private:
    void finish_files(MeterResult& result);
    void fill_statistics(MeterResult& result) const;

    const Clock& clock_;
    std::uint64_t seed_;
    std::chrono::nanoseconds interval_;
    MonoTime begin_;
    WallTime started_at_;

    mutable std::mutex mutex_;  ///< guards what follows, up to the sampler
    MonoTime next_checkpoint_;
    Recorder recorder_;
    std::unique_ptr<JournalWriter> journal_;
    std::unique_ptr<TraceWriter> trace_;
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
        header.seed = options.seed;
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
        recorder_.add_reading(first_channel + i, readings[i]);
        if (trace_) {
            trace_->add_reading(first_channel + i, readings[i]);
        }
    }
}

void Meter::Impl::on_round_end() {
    const std::lock_guard lock(mutex_);
    const MonoTime now = clock_.mono_now();
    if (now < next_checkpoint_) {
        return;
    }
    next_checkpoint_ = now + kCheckpointInterval;
    if (journal_) {
        journal_->checkpoint(recorder_.checkpoint(now, clock_.wall_now()));
    }
    if (trace_) {
        trace_->pass_on(now);
    }
}

void Meter::Impl::phase_edge(std::string_view name, PhaseEdge edge, MonoTime time) {
    {
        const std::lock_guard lock(mutex_);
        if (!recorder_.add_phase_edge(name, edge, time)) {
            return;
        }
        if (journal_) {
            journal_->phase_edge({std::string(name), edge, time});
        }
        if (trace_) {
            trace_->add_phase_edge(name, edge, time);
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
        journal_->checkpoint(recorder_.checkpoint(result.end, result.ended_at));
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
    statistics.rounds = sampler.rounds;
    statistics.cpu_s = sampler.cpu_s + writers_cpu_s_;
    statistics.round_time_s_mean = sampler.round_time_s_mean;
    statistics.round_time_s_max = sampler.round_time_s_max;
    statistics.suspends = sampler.suspends;
    statistics.interval_s = as_seconds(interval_);
    statistics.seed = seed_;
    result.stopped_reason = sampler.stopped_reason;
}

MeterResult Meter::Impl::stop() {
    sampler_.stop();
    const std::lock_guard lock(mutex_);
    MeterResult result;
    result.begin = begin_;
    result.started_at = started_at_;
    result.end = clock_.mono_now();
    result.ended_at = clock_.wall_now();
    recorder_.fill_result(result);
    finish_files(result);
    fill_statistics(result);
    return result;
}

Result<std::unique_ptr<Meter>> Meter::start(std::vector<std::unique_ptr<Source>> sources,
                                            MeterOptions options, const Clock& clock) {
    if (options.interval <= std::chrono::nanoseconds(0)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "sampling interval: expected a time above zero, found {} ns",
                              options.interval.count());
    }
    FINEWATT_ASSIGN(std::vector<ChannelSpec> specs, channels_of(sources));
    auto impl = std::make_unique<Impl>(std::move(sources), std::move(specs), options, clock);
    FINEWATT_TRY_CONTEXT(impl->open_files(options), "starting the meter");
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
