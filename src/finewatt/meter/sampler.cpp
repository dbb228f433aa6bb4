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

/// One source and its thread. The thread shares ownership, so that a source that hangs can be left
/// behind.
class Sampler::Poller : public std::enable_shared_from_this<Poller> {
  public:
    Poller(std::unique_ptr<Source> source, std::size_t first_channel,
           std::shared_ptr<Shared> shared, ReadingSink& sink)
        : source_(std::move(source)),
          first_channel_(first_channel),
          shared_(std::move(shared)),
          sink_(&sink) {
        const std::span<const ChannelSpec> specs = source_->channels();
        readings_.resize(specs.size());
        is_gone_.resize(specs.size(), false);
        has_gauge_ = std::any_of(specs.begin(), specs.end(), [](const ChannelSpec& spec) {
            return spec.kind == ChannelKind::kGauge;
        });
        safe_period_ = longest_safe_period(specs);
        is_finished_ = specs.empty();
    }

    void start() {
        if (is_finished_) {
            return;
        }
        try {
            thread_ = std::thread([self = shared_from_this()] { self->run(); });
        } catch (const std::system_error& e) {
            const std::lock_guard lock(shared_->mutex);
            is_finished_ = true;
            shared_->statistics.left_behind.push_back(
                fmt::format("source {}: no thread could be started ({}); it was not read",
                            source_->name(), e.what()));
        }
    }

    // The next two are called with the shared mutex held.
    bool has_answered() const { return polls_ > 0 || is_finished_; }

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
        std::string names;
        for (const ChannelSpec& spec : source_->channels()) {
            names += (names.empty() ? "" : ", ") + spec.id;
        }
        return fmt::format("source {}: did not answer; what it counted last is unknown ({})",
                           source_->name(), names);
    }

  private:
    void run() {
        poll();
        std::uint64_t slot = 0;
        SteadyTime due = shared_->slot_time(slot);
        while (wait_until(due)) {
            poll();
            const SteadyTime now = std::chrono::steady_clock::now();
            if (now >= due) {
                const auto slot_now =
                    static_cast<std::uint64_t>((now - shared_->started) / shared_->interval);
                slot = std::max(slot + slots_per_poll(), slot_now);
                due = shared_->slot_time(slot);
            }
        }
        if (is_last_poll_due()) {
            poll();
        }
        const std::lock_guard lock(shared_->mutex);
        is_finished_ = true;
        shared_->answered.notify_all();
    }

    /// Sleep until `due` or an edge. Returns false when the thread shall end.
    bool wait_until(SteadyTime due) {
        std::unique_lock lock(shared_->mutex);
        const auto is_over = [this] { return shared_->is_stopping || is_ended(); };
        const bool is_edge = shared_->wake.wait_until(
            lock, due, [&] { return is_over() || shared_->edges != edges_seen_; });
        if (is_edge && !is_over()) {
            const nanoseconds distance =
                std::max(std::min(shared_->interval / 10, kLeastDistance), source_period_ / 10);
            shared_->wake.wait_until(lock, last_poll_ + distance, is_over);
        }
        edges_seen_ = shared_->edges;
        return !is_over();
    }

    /// With the shared mutex held: whether there is nothing to read any more.
    bool is_ended() const { return shared_->statistics.stopped_reason.has_value() || is_all_gone_; }

    bool is_last_poll_due() {
        const std::lock_guard lock(shared_->mutex);
        return !is_ended();
    }

    std::uint64_t slots_per_poll() const {
        nanoseconds period = source_period_;
        if (!has_gauge_ && polls_seen_ >= 2 && quickest_ > kSlowPoll) {
            period = std::max(period, kSlowPeriod);
        }
        period = safe_period_ ? std::min(period, *safe_period_) : period;
        const nanoseconds slot = shared_->interval;
        return static_cast<std::uint64_t>(std::max<std::int64_t>(1, (period + slot / 2) / slot));
    }

    void poll() {
        if (shared_->has_slept()) {
            deliver_suspend();
        }
        std::fill(readings_.begin(), readings_.end(), Reading{});
        const SteadyTime begin = std::chrono::steady_clock::now();
        source_->poll(readings_);
        const nanoseconds took = std::chrono::steady_clock::now() - begin;
        {
            const std::lock_guard lock(sink_mutex_);
            if (sink_ != nullptr) {
                sink_->on_readings(first_channel_, readings_);
            }
        }
        quickest_ = polls_seen_ == 0 ? took : std::min(quickest_, took);
        ++polls_seen_;
        source_period_ = source_->poll_period();
        last_poll_ = begin;
        count(took);
    }

    void deliver_suspend() {
        const std::lock_guard lock(sink_mutex_);
        if (sink_ != nullptr) {
            sink_->on_suspend(MonoTime::from_ns(clock_ns(CLOCK_MONOTONIC)));
        }
    }

    void count(nanoseconds took) {
        const double cpu_s = thread_cpu_s();
        const double took_s = static_cast<double>(took.count()) * 1e-9;
        const std::lock_guard lock(shared_->mutex);
        SamplerStatistics& statistics = shared_->statistics;
        ++statistics.polls;
        shared_->poll_time_s_sum += took_s;
        statistics.poll_time_s_mean =
            shared_->poll_time_s_sum / static_cast<double>(statistics.polls);
        statistics.poll_time_s_max = std::max(statistics.poll_time_s_max, took_s);
        statistics.cpu_s += cpu_s - cpu_seen_s_;
        cpu_seen_s_ = cpu_s;
        take_outcomes(statistics);
        ++polls_;
        if (polls_ == 1) {
            shared_->answered.notify_all();
        }
    }

    void take_outcomes(SamplerStatistics& statistics) {
        for (std::size_t i = 0; i < readings_.size(); ++i) {
            const Reading& reading = readings_[i];
            if (reading.outcome == PollOutcome::kGone) {
                is_gone_[i] = true;
            } else if (reading.outcome == PollOutcome::kFatal && !statistics.stopped_reason) {
                statistics.stopped_reason = fmt::format(
                    "source {}: channel {} failed for good ({}); metering stopped", source_->name(),
                    source_->channels()[i].id, reading.error.empty() ? "no code" : reading.error);
                shared_->wake.notify_all();
            }
        }
        is_all_gone_ =
            std::all_of(is_gone_.begin(), is_gone_.end(), [](bool is_gone) { return is_gone; });
    }

    std::unique_ptr<Source> source_;
    std::size_t first_channel_;
    std::shared_ptr<Shared> shared_;
    std::optional<nanoseconds> safe_period_;
    bool has_gauge_ = false;
    std::thread thread_;

    std::mutex sink_mutex_;  ///< guards the sink; taken before the sink's own
    ReadingSink* sink_;

    // Of the thread alone:
    std::vector<Reading> readings_;
    nanoseconds quickest_{};
    nanoseconds source_period_{};
    std::uint64_t polls_seen_ = 0;
    std::uint64_t edges_seen_ = 0;
    SteadyTime last_poll_{};
    double cpu_seen_s_ = 0;

    // Guarded by the shared mutex:
    std::uint64_t polls_ = 0;
    std::vector<bool> is_gone_;
    bool is_all_gone_ = false;
    bool is_finished_ = false;
};

Sampler::Sampler(std::vector<std::unique_ptr<Source>> sources, nanoseconds interval,
                 std::uint64_t seed, ReadingSink& sink)
    : sink_(sink),
      shared_(std::make_shared<Shared>()) {
    shared_->interval = interval;
    shared_->seed = seed;
    std::size_t channels = 0;
    for (std::unique_ptr<Source>& source : sources) {
        const std::size_t count = source->channels().size();
        pollers_.push_back(std::make_shared<Poller>(std::move(source), channels, shared_, sink_));
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
