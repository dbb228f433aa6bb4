#include "finewatt/meter/sampler.h"

#include <fmt/format.h>

#include <system_error>

#include <algorithm>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <thread>
#include <utility>

namespace finewatt {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;
using std::chrono::nanoseconds;

/// A source of counters whose quickest poll takes longer is read at edges and once a second only:
/// some vendor calls take milliseconds, and a counter loses nothing between reads.
constexpr nanoseconds kSlowPoll = std::chrono::milliseconds(1);
constexpr nanoseconds kSlowPeriod = std::chrono::seconds(1);
/// Readings that edges ask for are at least this far apart (a tenth of a slot, when that is less),
/// so that a workload with many phases does not make the meter busy.
constexpr nanoseconds kLeastDistance = std::chrono::milliseconds(10);
/// How long start() and stop() wait for a source.
constexpr nanoseconds kPatience = std::chrono::seconds(1);
/// CLOCK_BOOTTIME runs on while the machine sleeps, CLOCK_MONOTONIC does not. Reads of the two
/// clocks are far closer together than this.
constexpr std::int64_t kSuspendNs = 500'000'000;

std::int64_t clock_ns(clockid_t id) {
    timespec t{};
    clock_gettime(id, &t);
    return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

double thread_cpu_s() {
    return static_cast<double>(clock_ns(CLOCK_THREAD_CPUTIME_ID)) * 1e-9;
}

std::int64_t time_asleep_ns() {
    return clock_ns(CLOCK_BOOTTIME) - clock_ns(CLOCK_MONOTONIC);
}

/// A random number that depends on seed and slot alone, so that all threads find the same points
/// (SplitMix64: Steele, Lea, Flood, OOPSLA 2014).
std::uint64_t mixed(std::uint64_t seed, std::uint64_t slot) {
    std::uint64_t z = seed + (slot + 1) * 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
}

}  // namespace

std::optional<nanoseconds> longest_safe_period(std::span<const ChannelSpec> channels) {
    std::optional<nanoseconds> longest;
    for (const ChannelSpec& spec : channels) {
        if (spec.kind == ChannelKind::kCounter && spec.range && spec.max_power_w &&
            *spec.max_power_w > 0) {
            const double wrap_s =
                static_cast<double>(*spec.range) * spec.unit_size / *spec.max_power_w;
            // Above a day the period is no limit, and the conversion stays defined.
            const nanoseconds period(
                static_cast<std::int64_t>(std::min(wrap_s / 4, 86'400.0) * 1e9));
            longest = longest ? std::min(*longest, period) : period;
        }
    }
    return longest;
}

/// What the threads of one sampler have in common.
struct Sampler::Shared {
    nanoseconds interval{};
    std::uint64_t seed = 0;
    SteadyTime started{};

    std::mutex mutex;  ///< guards what follows
    std::condition_variable wake;
    std::condition_variable answered;
    std::uint64_t edges = 0;  ///< requests so far
    bool is_stopping = false;
    std::int64_t asleep_ns = 0;
    double poll_time_s_sum = 0;
    SamplerStatistics statistics;

    std::uint64_t slot_at(SteadyTime time) const {
        return static_cast<std::uint64_t>((time - started) / interval);
    }

    /// The random point of a slot.
    SteadyTime slot_time(std::uint64_t slot) const {
        const auto length = static_cast<std::uint64_t>(interval.count());
        return started + interval * static_cast<std::int64_t>(slot) +
               nanoseconds(static_cast<std::int64_t>(mixed(seed, slot) % length));
    }

    /// Whether the machine slept since the last call.
    bool has_slept() {
        const std::int64_t now_ns = time_asleep_ns();
        const std::lock_guard lock(mutex);
        const std::int64_t slept_ns = now_ns - asleep_ns;
        asleep_ns = now_ns;
        if (slept_ns <= kSuspendNs) {
            return false;
        }
        ++statistics.suspends;
        statistics.asleep_s += static_cast<double>(slept_ns) * 1e-9;
        return true;
    }
};

/// One source and when it is read next. Used by its thread alone.
class Sampler::Polled {
  public:
    Polled(std::unique_ptr<Source> source, std::size_t first_channel, const Shared& shared)
        : source_(std::move(source)),
          first_channel_(first_channel),
          readings_(source_->channels().size()),
          is_gone_(source_->channels().size(), false) {
        const std::span<const ChannelSpec> specs = source_->channels();
        has_gauge_ = std::any_of(specs.begin(), specs.end(), [](const ChannelSpec& spec) {
            return spec.kind == ChannelKind::kGauge;
        });
        safe_period_ = longest_safe_period(specs);
        interval_ = shared.interval;
    }

    /// Begin with slot 0.
    void start(const Shared& shared) { due_ = shared.slot_time(slot_); }

    SteadyTime due() const { return due_; }

    nanoseconds source_period() const { return source_period_; }

    void deliver(ReadingSink& sink) const { sink.on_readings(first_channel_, readings_); }

    const Source& source() const { return *source_; }

    /// Read every channel. Returns how long that took.
    nanoseconds read() {
        std::fill(readings_.begin(), readings_.end(), Reading{});
        const SteadyTime begin = std::chrono::steady_clock::now();
        source_->poll(readings_);
        const nanoseconds took = std::chrono::steady_clock::now() - begin;
        quickest_ = polls_ == 0 ? took : std::min(quickest_, took);
        ++polls_;
        source_period_ = source_->poll_period();
        return took;
    }

    /// Choose the next point after a reading that began at `begin`. A source with a longer period
    /// than a slot waits all of it, also after a reading that an edge asked for: readings close to
    /// each other would shorten its usual spacing, and a gauge's next step would be taken for a
    /// silence (gap rule, docs/measuring.md).
    void advance(const Shared& shared, SteadyTime begin) {
        const SteadyTime now = std::chrono::steady_clock::now();
        const std::uint64_t slots = slots_per_poll();
        if (slots == 1 && now < due_) {
            return;
        }
        const std::uint64_t slot_read = slots == 1 ? slot_ : shared.slot_at(begin);
        slot_ = std::max(slot_read + slots, shared.slot_at(now));
        due_ = shared.slot_time(slot_);
    }

    bool is_all_gone() const { return is_all_gone_; }

    /// With the shared mutex held.
    void take_outcomes(Shared& shared) {
        for (std::size_t i = 0; i < readings_.size(); ++i) {
            const Reading& reading = readings_[i];
            if (reading.outcome == PollOutcome::kGone) {
                is_gone_[i] = true;
            } else if (reading.outcome == PollOutcome::kFatal &&
                       !shared.statistics.stopped_reason) {
                shared.statistics.stopped_reason = fmt::format(
                    "source {}: channel {} failed for good ({}); metering stopped", source_->name(),
                    source_->channels()[i].id, reading.error.empty() ? "no code" : reading.error);
                shared.wake.notify_all();
            }
        }
        is_all_gone_ =
            std::all_of(is_gone_.begin(), is_gone_.end(), [](bool is_gone) { return is_gone; });
    }

  private:
    std::uint64_t slots_per_poll() const {
        nanoseconds period = source_period_;
        if (!has_gauge_ && polls_ >= 2 && quickest_ > kSlowPoll) {
            period = std::max(period, kSlowPeriod);
        }
        period = safe_period_ ? std::min(period, *safe_period_) : period;
        return static_cast<std::uint64_t>(
            std::max<std::int64_t>(1, (period + interval_ / 2) / interval_));
    }

    std::unique_ptr<Source> source_;
    std::size_t first_channel_;
    std::vector<Reading> readings_;
    std::vector<bool> is_gone_;
    std::optional<nanoseconds> safe_period_;
    nanoseconds interval_{};
    nanoseconds quickest_{};
    nanoseconds source_period_{};
    SteadyTime due_{};
    std::uint64_t slot_ = 0;
    std::uint64_t polls_ = 0;
    bool has_gauge_ = false;
    bool is_all_gone_ = false;
};

/// A thread and the sources it reads. The thread shares ownership, so that one whose source hangs
/// can be left behind.
class Sampler::Poller : public std::enable_shared_from_this<Poller> {
  public:
    Poller(std::shared_ptr<Shared> shared, ReadingSink& sink)
        : shared_(std::move(shared)),
          sink_(&sink) {}

    /// Before start(): read this source too.
    void add(std::unique_ptr<Source> source, std::size_t first_channel) {
        sources_.emplace_back(std::move(source), first_channel, *shared_);
    }

    void start() {
        for (Polled& source : sources_) {
            source.start(*shared_);
        }
        try {
            thread_ = std::thread([self = shared_from_this()] { self->run(); });
        } catch (const std::system_error& e) {
            const std::lock_guard lock(shared_->mutex);
            is_finished_ = true;
            shared_->statistics.left_behind.push_back(fmt::format(
                "source {}: no thread could be started ({}); it was not read", names(), e.what()));
        }
    }

    // The next two are called with the shared mutex held.
    bool has_answered() const { return has_answered_ || is_finished_; }

    bool is_finished() const { return is_finished_; }

    /// Wait for the end of a finished thread.
    void join() {
        if (thread_.joinable()) {
            thread_.join();
        }
    }

    /// Leave the thread behind, and return the note.
    std::string leave_behind() {
        {
            const std::lock_guard lock(sink_mutex_);
            sink_ = nullptr;
        }
        thread_.detach();
        std::string channels;
        for (const Polled& polled : sources_) {
            for (const ChannelSpec& spec : polled.source().channels()) {
                channels += (channels.empty() ? "" : ", ") + spec.id;
            }
        }
        return fmt::format("source {}: did not answer; what it counted last is unknown ({})",
                           names(), channels);
    }

  private:
    std::string names() const {
        std::string text;
        for (const Polled& polled : sources_) {
            text += (text.empty() ? "" : ", ") + std::string(polled.source().name());
        }
        return text;
    }

    enum class Wake { kDue, kEdge, kEnd };

    void run() {
        poll(Wake::kEdge);
        for (Wake why = wait(); why != Wake::kEnd; why = wait()) {
            poll(why);
        }
        if (is_last_poll_due()) {
            poll(Wake::kEdge);
        }
        const std::lock_guard lock(shared_->mutex);
        is_finished_ = true;
        shared_->answered.notify_all();
    }

    /// Sleep until a source is due or an edge asks for all.
    Wake wait() {
        SteadyTime due = SteadyTime::max();
        nanoseconds period = nanoseconds::max();
        std::unique_lock lock(shared_->mutex);
        for (const Polled& source : sources_) {
            if (!source.is_all_gone()) {
                due = std::min(due, source.due());
                period = std::min(period, source.source_period());
            }
        }
        const auto is_over = [this] { return shared_->is_stopping || is_ended(); };
        const bool is_edge = shared_->wake.wait_until(
            lock, due, [&] { return is_over() || shared_->edges != edges_seen_; });
        if (is_edge && !is_over()) {
            const nanoseconds distance =
                std::max(std::min(shared_->interval / 10, kLeastDistance), period / 10);
            shared_->wake.wait_until(lock, last_poll_ + distance, is_over);
        }
        edges_seen_ = shared_->edges;
        if (is_over()) {
            return Wake::kEnd;
        }
        return is_edge ? Wake::kEdge : Wake::kDue;
    }

    /// Whether there is nothing to read any more. With the shared mutex held.
    bool is_ended() const {
        return shared_->statistics.stopped_reason.has_value() ||
               std::all_of(sources_.begin(), sources_.end(),
                           [](const Polled& source) { return source.is_all_gone(); });
    }

    bool is_last_poll_due() {
        const std::lock_guard lock(shared_->mutex);
        return !is_ended();
    }

    /// Read the sources that are due; at an edge all.
    void poll(Wake why) {
        if (shared_->has_slept()) {
            deliver_suspend();
        }
        const SteadyTime begin = std::chrono::steady_clock::now();
        std::uint64_t polls = 0;
        nanoseconds longest{};
        nanoseconds sum{};
        for (Polled& source : sources_) {
            if (source.is_all_gone() || (why == Wake::kDue && source.due() > begin)) {
                continue;
            }
            const nanoseconds took = source.read();
            source.advance(*shared_, begin);
            longest = std::max(longest, took);
            sum += took;
            ++polls;
            const std::lock_guard lock(sink_mutex_);
            if (sink_ != nullptr) {
                source.deliver(*sink_);
            }
        }
        last_poll_ = begin;
        count(polls, sum, longest);
    }

    void deliver_suspend() {
        const std::lock_guard lock(sink_mutex_);
        if (sink_ != nullptr) {
            sink_->on_suspend(MonoTime::from_ns(clock_ns(CLOCK_MONOTONIC)));
        }
    }

    void count(std::uint64_t polls, nanoseconds sum, nanoseconds longest) {
        const double cpu_s = thread_cpu_s();
        const std::lock_guard lock(shared_->mutex);
        SamplerStatistics& statistics = shared_->statistics;
        statistics.polls += polls;
        shared_->poll_time_s_sum += as_seconds(sum);
        if (statistics.polls > 0) {
            statistics.poll_time_s_mean =
                shared_->poll_time_s_sum / static_cast<double>(statistics.polls);
        }
        statistics.poll_time_s_max = std::max(statistics.poll_time_s_max, as_seconds(longest));
        statistics.cpu_s += cpu_s - cpu_seen_s_;
        cpu_seen_s_ = cpu_s;
        for (Polled& source : sources_) {
            source.take_outcomes(*shared_);
        }
        if (!std::exchange(has_answered_, true)) {
            shared_->answered.notify_all();
        }
    }

    std::shared_ptr<Shared> shared_;
    std::vector<Polled> sources_;
    std::thread thread_;

    std::mutex sink_mutex_;  ///< guards the sink; taken before the sink's own
    ReadingSink* sink_;

    // Of the thread alone:
    std::uint64_t edges_seen_ = 0;
    SteadyTime last_poll_{};
    double cpu_seen_s_ = 0;

    // Guarded by the shared mutex:
    bool has_answered_ = false;
    bool is_finished_ = false;
};

Sampler::Sampler(std::vector<std::unique_ptr<Source>> sources, nanoseconds interval,
                 std::uint64_t seed, ReadingSink& sink)
    : sink_(sink),
      shared_(std::make_shared<Shared>()) {
    shared_->interval = interval;
    shared_->seed = seed;
    std::size_t channels = 0;
    std::shared_ptr<Poller> prompt;  // reads all prompt sources
    for (std::unique_ptr<Source>& source : sources) {
        const std::size_t count = source->channels().size();
        if (count == 0) {
            continue;
        }
        const bool is_prompt = source->is_prompt();
        if (!is_prompt || prompt == nullptr) {
            pollers_.push_back(std::make_shared<Poller>(shared_, sink_));
            prompt = is_prompt ? pollers_.back() : prompt;
        }
        (is_prompt ? prompt : pollers_.back())->add(std::move(source), channels);
        channels += count;
    }
}

Sampler::~Sampler() {
    stop();
}

void Sampler::start() {
    is_started_ = true;
    shared_->started = std::chrono::steady_clock::now();
    shared_->asleep_ns = time_asleep_ns();
    for (const auto& poller : pollers_) {
        poller->start();
    }
    std::unique_lock lock(shared_->mutex);
    shared_->answered.wait_for(lock, kPatience, [this] {
        return std::all_of(pollers_.begin(), pollers_.end(),
                           [](const auto& poller) { return poller->has_answered(); });
    });
}

void Sampler::request_round() {
    {
        const std::lock_guard lock(shared_->mutex);
        ++shared_->edges;
    }
    shared_->wake.notify_all();
}

void Sampler::stop() {
    if (!std::exchange(is_started_, false)) {
        return;
    }
    std::vector<std::shared_ptr<Poller>> hanging;
    {
        std::unique_lock lock(shared_->mutex);
        shared_->is_stopping = true;
        shared_->wake.notify_all();
        shared_->answered.wait_for(lock, kPatience, [this] {
            return std::all_of(pollers_.begin(), pollers_.end(),
                               [](const auto& poller) { return poller->is_finished(); });
        });
        for (const auto& poller : pollers_) {
            if (!poller->is_finished()) {
                hanging.push_back(poller);
            }
        }
    }
    for (const auto& poller : pollers_) {
        if (std::find(hanging.begin(), hanging.end(), poller) == hanging.end()) {
            poller->join();
            continue;
        }
        const std::string note = poller->leave_behind();
        const std::lock_guard lock(shared_->mutex);
        shared_->statistics.left_behind.push_back(note);
    }
}

SamplerStatistics Sampler::statistics() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->statistics;
}

}  // namespace finewatt
