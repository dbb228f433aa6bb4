#include "finewatt/meter/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <utility>

namespace finewatt {
namespace {

/// A source of counters whose quickest poll takes longer is read at edges and once a second only:
/// some vendor calls take milliseconds, and a counter loses nothing between reads.
constexpr std::chrono::nanoseconds kSlowPoll = std::chrono::milliseconds(1);
constexpr std::chrono::nanoseconds kSlowInterval = std::chrono::seconds(1);
/// Rounds that edges ask for are at least this far apart (a tenth of a slot, when that is less), so
/// that a workload with many phases does not make the meter busy.
constexpr std::chrono::nanoseconds kLeastDistance = std::chrono::milliseconds(10);
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

}  // namespace

Sampler::Sampler(std::vector<std::unique_ptr<Source>> sources, std::chrono::nanoseconds interval,
                 std::uint64_t seed, RoundSink& sink)
    : interval_(interval),
      random_(seed),
      sink_(sink) {
    std::size_t channels = 0;
    for (std::unique_ptr<Source>& source : sources) {
        Polled polled;
        const std::span<const ChannelSpec> specs = source->channels();
        polled.first_channel = channels;
        polled.readings.resize(specs.size());
        polled.is_closed.resize(specs.size(), false);
        polled.is_finished = specs.empty();
        polled.has_gauge = std::any_of(specs.begin(), specs.end(), [](const ChannelSpec& spec) {
            return spec.kind == ChannelKind::kGauge;
        });
        channels += specs.size();
        polled.source = std::move(source);
        sources_.push_back(std::move(polled));
    }
}

Sampler::~Sampler() = default;

void Sampler::start() {
    asleep_ns_ = time_asleep_ns();
    started_ = std::chrono::steady_clock::now();
    poll_on_caller();
    thread_ = std::jthread([this](const std::stop_token& token) { run(token); });
}

void Sampler::request_round() {
    {
        const std::lock_guard lock(mutex_);
        is_edge_requested_ = true;
    }
    wake_.notify_one();
}

void Sampler::stop() {
    if (thread_.joinable()) {
        thread_.request_stop();
        thread_.join();
        poll_on_caller();
    }
}

void Sampler::poll_on_caller() {
    const double before_s = thread_cpu_s();
    poll_round(true);
    const std::lock_guard lock(mutex_);
    statistics_.cpu_s += thread_cpu_s() - before_s;
}

SamplerStatistics Sampler::statistics() const {
    const std::lock_guard lock(mutex_);
    return statistics_;
}

bool Sampler::is_stopped() const {
    const std::lock_guard lock(mutex_);
    return statistics_.stopped_reason.has_value();
}

Sampler::SteadyTime Sampler::slot_time(std::uint64_t slot) {
    std::uniform_int_distribution<std::int64_t> point(0, interval_.count() - 1);
    return started_ + interval_ * static_cast<std::int64_t>(slot) +
           std::chrono::nanoseconds(point(random_));
}

void Sampler::run(const std::stop_token& token) {
    std::uint64_t slot = 0;
    SteadyTime due = slot_time(slot);
    while (!token.stop_requested() && !is_stopped()) {
        bool is_edge = false;
        {
            std::unique_lock lock(mutex_);
            is_edge = wake_.wait_until(lock, token, due, [this] { return is_edge_requested_; });
            const SteadyTime calm = last_round_ + std::min(interval_ / 10, kLeastDistance);
            if (is_edge && std::chrono::steady_clock::now() < calm) {
                wake_.wait_until(lock, token, calm, [] { return false; });
            }
            is_edge_requested_ = false;
        }
        if (token.stop_requested()) {
            return;
        }
        poll_round(is_edge);
        count_thread_cpu();
        const SteadyTime now = std::chrono::steady_clock::now();
        if (now >= due) {
            const auto slot_now = static_cast<std::uint64_t>((now - started_) / interval_);
            slot = std::max(slot + 1, slot_now);
            due = slot_time(slot);
        }
    }
}

void Sampler::count_thread_cpu() {
    const double now_s = thread_cpu_s();
    const std::lock_guard lock(mutex_);
    statistics_.cpu_s += now_s - thread_cpu_seen_s_;
    thread_cpu_seen_s_ = now_s;
}

void Sampler::poll_round(bool is_edge) {
    if (is_stopped()) {
        return;
    }
    const SteadyTime begin = std::chrono::steady_clock::now();
    detect_suspend();
    for (Polled& polled : sources_) {
        const bool is_slow = !polled.has_gauge && polled.polls >= 2 && polled.quickest > kSlowPoll;
        if (polled.is_finished ||
            (is_slow && !is_edge && begin - polled.last_poll < kSlowInterval)) {
            continue;
        }
        poll_source(polled);
    }
    sink_.on_round_end();
    last_round_ = begin;
    count_round(begin);
}

void Sampler::poll_source(Polled& polled) {
    const SteadyTime begin = std::chrono::steady_clock::now();
    std::fill(polled.readings.begin(), polled.readings.end(), Reading{});
    polled.source->poll(polled.readings);
    const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - begin;
    polled.quickest = polled.polls == 0 ? took : std::min(polled.quickest, took);
    ++polled.polls;
    polled.last_poll = begin;
    sink_.on_readings(polled.first_channel, polled.readings);
    close_channels(polled);
}

void Sampler::close_channels(Polled& polled) {
    for (std::size_t i = 0; i < polled.readings.size(); ++i) {
        const Reading& reading = polled.readings[i];
        if (reading.outcome == PollOutcome::kGone) {
            polled.is_closed[i] = true;
        }
        if (reading.outcome == PollOutcome::kFatal) {
            const std::lock_guard lock(mutex_);
            statistics_.stopped_reason =
                fmt::format("source {}: channel {} failed for good ({}); metering stopped",
                            polled.source->name(), polled.source->channels()[i].id,
                            reading.error.empty() ? "no code" : reading.error);
            return;
        }
    }
    polled.is_finished =
        std::all_of(polled.is_closed.begin(), polled.is_closed.end(), [](bool b) { return b; });
}

void Sampler::detect_suspend() {
    const std::int64_t asleep_ns = time_asleep_ns();
    if (asleep_ns - asleep_ns_ > kSuspendNs) {
        Reading lost;
        lost.time = MonoTime::from_ns(clock_ns(CLOCK_MONOTONIC));
        lost.outcome = PollOutcome::kRetry;
        lost.error = "SUSPEND";
        for (Polled& polled : sources_) {
            std::fill(polled.readings.begin(), polled.readings.end(), lost);
            if (!polled.is_finished) {
                sink_.on_readings(polled.first_channel, polled.readings);
            }
        }
        const std::lock_guard lock(mutex_);
        ++statistics_.suspends;
    }
    asleep_ns_ = asleep_ns;
}

void Sampler::count_round(SteadyTime begin) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    const std::lock_guard lock(mutex_);
    ++statistics_.rounds;
    round_time_s_sum_ += took.count();
    statistics_.round_time_s_mean = round_time_s_sum_ / static_cast<double>(statistics_.rounds);
    statistics_.round_time_s_max = std::max(statistics_.round_time_s_max, took.count());
}

}  // namespace finewatt
