// ChannelStream: one channel while its readings arrive. It keeps a short ring of readings and the
// windows that are fed from it, each of constant size; a run of weeks takes no more memory than one
// of minutes.
//
// Main type: ChannelStream. Windows run behind the readings: a step reaches them only when no edge
// of a window can fall into it any more. So edges may come late. The figures are channel_energy.h,
// the rules are in counter_window.cpp and gauge_window.cpp.
#pragma once

#include "finewatt/meter/channel_energy.h"
#include "finewatt/record/channel.h"
#include "finewatt/units/quantity.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace finewatt {

/// One checkpoint of a journal for one channel: what happened since the checkpoint before it.
struct JournalStep {
    MonoTime time{};
    std::uint64_t energy_uj = 0;  ///< since the run's begin, unknown steps left out
    std::uint32_t wraps = 0;
    std::uint32_t gaps = 0;
    bool is_unknown = false;  ///< the energy since the checkpoint before is not known
    bool is_unseen = false;   ///< the time since then does not count as covered
};

/// Where a window begins that takes all readings of its channel.
inline constexpr std::int64_t kOwnSpan = INT64_MIN;

/// Used by one thread at a time. Neither copied nor moved.
class ChannelStream {
  public:
    explicit ChannelStream(ChannelSpec spec);
    ChannelStream(const ChannelStream&) = delete;
    ChannelStream& operator=(const ChannelStream&) = delete;
    ~ChannelStream();

    /// Add one reading. Time must not run backwards: a reading older than the last line counts at
    /// the last line's time. A raw value above the range is a failed read. Outcomes kGone and
    /// kFatal close the channel; what comes later is ignored and noted.
    ///
    /// No edge before `settled` will be asked for any more: steps that end before it go to the
    /// windows and are forgotten (once the usual spacing of the channel is known).
    void add(const Reading& reading, MonoTime settled);

    /// Add a checkpoint of a journal instead, for a run that is recovered. The spec is then that
    /// of a counter in microjoules.
    void add(const JournalStep& step, MonoTime settled);

    /// Open a window at `begin_ns`, or at the first line for kOwnSpan, and return its number,
    /// counted from 0. Not before the last `settled`.
    std::size_t open_window(std::int64_t begin_ns);

    /// End a window; not before the last `settled`.
    void close_window(std::size_t window, std::int64_t end_ns);

    /// Return the energy of a window up to its end, or to `end_ns` when that is earlier or the
    /// window is open; not before the last `settled`. Windows are half-open; one over the
    /// channel's own span holds its last line too.
    ChannelEnergy energy(std::size_t window, std::int64_t end_ns) const;

    /// Return the mean power over about the last second of readings; nothing when the last one is
    /// old (3 s, or three of its usual spacings).
    std::optional<Watts> recent_power(MonoTime now) const;

    /// Keep a thinned series of the power, at most `max_points` points. Before the first reading.
    void keep_series(std::size_t max_points);

    /// Return the series so far; `t_s` counts from `origin`. Empty without keep_series().
    PowerPoints series(MonoTime origin) const;

    const ChannelSpec& spec() const { return spec_; }

    /// Whether any line, good or failed, was added.
    bool is_empty() const { return !has_line_; }

    /// Whether the source said that the channel is gone.
    bool is_closed() const { return is_closed_; }

    /// Time of the last line, good or failed. Only when not empty.
    MonoTime last_time() const { return MonoTime::from_ns(last_ns_); }

    /// Times of the first and of the last good reading. Only with good_reads() above 0.
    MonoTime first_good_time() const { return MonoTime::from_ns(first_good_ns_); }

    MonoTime last_good_time() const { return MonoTime::from_ns(last_good_ns_); }

    /// Return a counter's value at a time, on a straight line between the readings around it; after
    /// the last one its value. Nothing before the readings that are kept, in an unknown step, and
    /// for a gauge.
    std::optional<std::uint64_t> raw_at(MonoTime time) const;

    /// How many reads went well, and how many did not.
    std::uint64_t good_reads() const { return good_reads_; }

    std::uint64_t failed_reads() const { return failed_reads_; }

    /// Median of the first 101 spacings between good readings, in nanoseconds; nothing with fewer
    /// than two good readings.
    std::optional<double> usual_spacing_ns() const;

  private:
    struct Kept;
    struct Window;
    struct State;

    void count_failure(std::int64_t t_ns);
    void keep(const Kept& kept, MonoTime settled);
    void pass_steps(std::int64_t settled_ns);
    std::uint64_t outer_gaps(std::int64_t begin_ns, std::int64_t end_ns, bool is_closed) const;

    ChannelSpec spec_;
    std::unique_ptr<State> state_;
    std::optional<double> settled_spacing_ns_;
    std::int64_t first_ns_ = 0;
    std::int64_t last_ns_ = 0;
    std::int64_t first_good_ns_ = 0;
    std::int64_t last_good_ns_ = 0;
    std::uint64_t largest_raw_ = 0;
    std::uint64_t good_reads_ = 0;
    std::uint64_t failed_reads_ = 0;
    bool has_line_ = false;
    bool is_closed_ = false;
    bool has_ignored_lines_ = false;
};

}  // namespace finewatt
