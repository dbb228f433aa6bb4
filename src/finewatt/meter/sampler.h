// Sampler: polls sources at the same random point of each slot, and at once when a window's edge
// asks for it. One with a longer period waits all of it after each reading. A source that may wait
// for its device has a thread of its own and holds up nobody else; the prompt ones share one, since
// waking a thread costs more than they do. Threads sleep on absolute monotonic deadlines and never
// spin.
//
// Main type: Sampler; readings go to a ReadingSink. It knows nothing of energy.
#pragma once

#include "finewatt/sensor/source.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace finewatt {

/// Takes readings, from several threads at once.
class ReadingSink {
  public:
    virtual ~ReadingSink() = default;

    /// Readings of one source; the first belongs to channel number `first_channel`, counted over
    /// all sources.
    virtual void on_readings(std::size_t first_channel, std::span<const Reading> readings) = 0;

    /// The machine slept until `time`; what every channel did meanwhile was not seen.
    virtual void on_suspend(MonoTime time) = 0;
};

/// What the sampler did.
struct SamplerStatistics {
    std::uint64_t polls = 0;  ///< of all sources
    double cpu_s = 0;         ///< CPU time of the threads
    double poll_time_s_mean = 0;
    double poll_time_s_max = 0;
    std::uint64_t suspends = 0;
    double asleep_s = 0;  ///< time the machine slept
    /// Set when a source failed for good and sampling stopped: names source, channel and code.
    std::optional<std::string> stopped_reason;
    /// One line for each source that was left behind because it did not answer.
    std::vector<std::string> left_behind;
};

/// Polls sources until it is stopped. request_round() and statistics() may be called from any
/// thread; start() and stop() from the owner's.
class Sampler {
  public:
    /// `interval` is the slot length, above zero; `seed` chooses the random points. `sink` must
    /// outlive the sampler.
    Sampler(std::vector<std::unique_ptr<Source>> sources, std::chrono::nanoseconds interval,
            std::uint64_t seed, ReadingSink& sink);
    Sampler(const Sampler&) = delete;
    Sampler& operator=(const Sampler&) = delete;

    /// Stops, if stop() was not called.
    ~Sampler();

    /// Begin. Returns when every source has been read once, or after a second.
    void start();

    /// Ask every source for a reading as soon as possible. Requests closer than 10 ms (or a tenth
    /// of a slot, or of the source's poll period) to the last reading wait until then and become
    /// one.
    void request_round();

    /// Read every source once more and end the threads. A source that does not answer within a
    /// second is left behind: its thread goes on alone, and nothing it reads arrives any more.
    void stop();

    SamplerStatistics statistics() const;

  private:
    struct Shared;
    class Polled;
    class Poller;

    ReadingSink& sink_;
    std::shared_ptr<Shared> shared_;
    std::vector<std::shared_ptr<Poller>> pollers_;
    bool is_started_ = false;
};

/// Return how often a source's counters must be read so that no wrap can hide: a quarter of the
/// shortest time in which one can wrap at its ceiling. Nothing where no counter can.
std::optional<std::chrono::nanoseconds> longest_safe_period(std::span<const ChannelSpec> channels);

}  // namespace finewatt
