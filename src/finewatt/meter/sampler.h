// Sampler: a thread that polls sources, each time at a random point of its slot, and at once when
// a window's edge asks for it. It sleeps on absolute monotonic deadlines and never spins.
//
// Main type: Sampler; readings go to a RoundSink. It knows nothing of energy.
#pragma once

#include "finewatt/sensor/source.h"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace finewatt {

/// Takes readings. Called by one thread at a time: the sampling thread, or the thread that starts
/// or stops the sampler.
class RoundSink {
  public:
    virtual ~RoundSink() = default;

    /// Readings of one source; the first belongs to channel number `first_channel`, counted over
    /// all sources.
    virtual void on_readings(std::size_t first_channel, std::span<const Reading> readings) = 0;

    /// All due sources have been read.
    virtual void on_round_end() = 0;
};

/// What the sampler did.
struct SamplerStatistics {
    std::uint64_t rounds = 0;
    double cpu_s = 0;  ///< CPU time of the thread, and of the rounds at start and stop
    double round_time_s_mean = 0;
    double round_time_s_max = 0;
    std::uint64_t suspends = 0;
    /// Set when a source failed for good and sampling stopped: names source, channel and code.
    std::optional<std::string> stopped_reason;
};

/// Polls sources until it is stopped. request_round() and statistics() may be called from any
/// thread; start() and stop() from the owner's.
class Sampler {
  public:
    /// `interval` is the slot length, above zero; `seed` chooses the random points. `sink` must
    /// outlive the sampler.
    Sampler(std::vector<std::unique_ptr<Source>> sources, std::chrono::nanoseconds interval,
            std::uint64_t seed, RoundSink& sink);
    Sampler(const Sampler&) = delete;
    Sampler& operator=(const Sampler&) = delete;
    ~Sampler();

    /// Read every source once on the calling thread, then sample in the background.
    void start();

    /// Ask for a round as soon as possible. Requests closer than 10 ms (or a tenth of a slot) to
    /// the last round wait until then and become one.
    void request_round();

    /// End the thread, then read every source once more on the calling thread. Once.
    void stop();

    SamplerStatistics statistics() const;

  private:
    using SteadyTime = std::chrono::steady_clock::time_point;

    struct Polled {
        std::unique_ptr<Source> source;
        std::size_t first_channel = 0;
        std::vector<Reading> readings;
        std::vector<bool> is_closed;
        bool is_finished = false;  ///< all channels are gone
        bool has_gauge = false;
        std::uint64_t polls = 0;
        std::chrono::nanoseconds quickest{};
        SteadyTime last_poll{};
    };

    void run(const std::stop_token& token);
    SteadyTime slot_time(std::uint64_t slot);
    void poll_round(bool is_edge);
    void poll_source(Polled& polled);
    void close_channels(Polled& polled);
    void detect_suspend();
    void count_round(SteadyTime begin);
    void poll_on_caller();
    void count_thread_cpu();
    bool is_stopped() const;

    std::vector<Polled> sources_;
    std::chrono::nanoseconds interval_;
    std::mt19937_64 random_;
    RoundSink& sink_;
    SteadyTime started_{};
    SteadyTime last_round_{};
    std::int64_t asleep_ns_ = 0;

    mutable std::mutex mutex_;  ///< guards what follows
    std::condition_variable_any wake_;
    bool is_edge_requested_ = false;
    SamplerStatistics statistics_;
    double round_time_s_sum_ = 0;
    double thread_cpu_seen_s_ = 0;

    std::jthread thread_;  ///< last: it ends before the rest goes
};

}  // namespace finewatt
