// ChannelTrace: the readings of one channel, in time order, as the meter keeps them.
//
// A good reading costs 16 bytes; a failed one is remembered beside it. Not for energy: that is
// channel_energy.h. First form: all readings of a run stay in memory (about 14 MB per channel and
// day at 10 Hz).
#pragma once

#include "finewatt/record/channel.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace finewatt {

/// A good reading: monotonic nanoseconds and the raw integer in native ticks.
struct RawSample {
    std::int64_t t_ns = 0;
    std::uint64_t raw = 0;
};

/// A failed read. `good_before` good readings came before it.
struct FailedRead {
    std::int64_t t_ns = 0;
    std::size_t good_before = 0;
};

/// The readings of one channel. Used by one thread at a time.
class ChannelTrace {
  public:
    explicit ChannelTrace(ChannelSpec spec) : spec_(std::move(spec)) {}

    /// Append one reading; time must not run backwards (a reading that is older than the last line
    /// is kept at the last line's time). A raw value above the range is a failed read. Outcomes
    /// kGone and kFatal close the channel; what comes later is ignored and noted. Returns whether
    /// a good reading was added.
    bool add(const Reading& reading);

    const ChannelSpec& spec() const { return spec_; }

    std::span<const RawSample> samples() const { return samples_; }

    std::span<const FailedRead> failed_reads() const { return failed_; }

    /// Whether any line, good or failed, was added.
    bool is_empty() const { return !has_line_; }

    /// Whether the source said that the channel is gone.
    bool is_closed() const { return closed_; }

    /// Whether lines came after the channel was gone; they are not part of the trace.
    bool has_ignored_lines() const { return ignored_lines_; }

    /// Time of the first and of the last line, good or failed. Only when not empty.
    MonoTime first_time() const { return MonoTime::from_ns(first_ns_); }

    MonoTime last_time() const { return MonoTime::from_ns(last_ns_); }

    /// Median of the first 101 spacings between good readings, in nanoseconds; nothing with fewer
    /// than two good readings.
    std::optional<double> usual_spacing_ns() const;

    /// Whether the usual spacing will not change any more.
    bool has_settled_spacing() const { return settled_spacing_ns_.has_value(); }

    /// Largest raw value of a good reading, 0 when there is none.
    std::uint64_t largest_raw() const { return largest_raw_; }

  private:
    std::optional<double> median_spacing_ns() const;

    ChannelSpec spec_;
    std::vector<RawSample> samples_;
    std::vector<FailedRead> failed_;
    std::optional<double> settled_spacing_ns_;
    std::int64_t first_ns_ = 0;
    std::int64_t last_ns_ = 0;
    std::uint64_t largest_raw_ = 0;
    bool has_line_ = false;
    bool closed_ = false;
    bool ignored_lines_ = false;
};

}  // namespace finewatt
