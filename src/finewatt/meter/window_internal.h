// Windows: they take the steps between good readings of one channel, in time order, and give the
// energy inside [begin, end). One class for counters, one for gauges; both keep O(1) state, so the
// window of a run of weeks is as small as that of a second.
//
// Private to the meter. Sums are integers in raw units (counter) or raw units x nanoseconds x 2
// (gauge); the conversion to joules is the last step.
#pragma once

#include "finewatt/meter/channel_energy.h"
#include "finewatt/meter/counter_step_internal.h"

#include <array>
#include <cstdint>
#include <optional>

namespace finewatt {

/// Where a window lies, and what the rules need to know of its channel.
struct WindowFrame {
    std::int64_t begin_ns = 0;
    std::int64_t end_ns = 0;
    bool is_closed = false;  ///< the end belongs to the window (steps without duration)
    double usual_spacing_ns = 0;
};

/// What happened between two good readings of one channel.
struct Step {
    RawSample from;
    RawSample to;
    /// Runs of failed reads in between; several only when a journal's checkpoint sums them up.
    std::uint32_t gaps = 0;
    // The rest is set for steps out of a journal only, whose counters do not wrap any more.
    std::uint32_t wraps = 0;
    StepDoubt doubt = StepDoubt::kNone;
    bool is_unseen = false;  ///< does not count as covered
};

/// The part of a step that lies inside a window.
struct StepPart {
    std::int64_t from_ns = 0;
    std::int64_t to_ns = 0;
    bool is_touched = false;
    bool is_whole = false;

    std::int64_t length_ns() const { return to_ns - from_ns; }
};

/// Cut a step at the edges of a window.
StepPart cut_step(const WindowFrame& frame, const RawSample& from, const RawSample& to);

/// Whether a step of a gauge is longer than five usual spacings: a gap, as failed reads are.
bool is_silence(const Step& step, double usual_spacing_ns);

/// Convert raw units (ticks of a counter; raw x seconds of a gauge) to joules. Unit sizes of 1/n
/// divide by n, so that decimal units round once.
Joules to_joules(long double raw, double unit_size);

/// Largest mean power over stretches of at least `least_ns`; see ChannelEnergy::power_max.
class PeakPower {
  public:
    explicit PeakPower(double least_ns) : least_ns_(least_ns) {}

    void add(long double raw, std::int64_t length_ns);

    /// Forget the stretch that is being built: the next step does not join it.
    void interrupt();

    /// Raw units per nanosecond; nothing when no stretch was long enough.
    std::optional<long double> peak() const { return peak_; }

  private:
    double least_ns_;
    long double raw_ = 0;
    std::int64_t length_ns_ = 0;
    std::optional<long double> peak_;
};

/// Return the least stretch for the peak power of a channel.
double least_peak_stretch_ns(const ChannelSpec& spec, double usual_spacing_ns);

/// The energy near the edges of a window that a counter, renewed every `update_ns` only, may have
/// shown too late: update period x power. The power is the larger mean of the two steps next to the
/// edge, each over at least one update (closer readings show the counter's step, not the load), and
/// of the shortest stretch there that is one update long, or of the whole window.
class StaleEnergy {
  public:
    explicit StaleEnergy(long double update_ns) : update_ns_(update_ns) {}

    void add(Uint128 raw, std::int64_t length_ns);

    /// Raw units at the begin and at the end of what was added.
    long double at_begin() const;
    long double at_end() const;

  private:
    struct Stretch {
        Uint128 raw = 0;
        std::int64_t length_ns = 0;
    };

    static void extend(Stretch& stretch, const Stretch& by);
    bool is_long(const Stretch& stretch) const;
    long double stale_step(const Stretch& step) const;
    long double stale_stretch(const Stretch& stretch) const;

    long double update_ns_;
    std::uint64_t steps_ = 0;
    std::array<Stretch, 2> first_{};  ///< the first two steps
    std::array<Stretch, 2> last_{};   ///< the last two steps
    Stretch first_stretch_;           ///< grows until it is one update long
    Stretch block_before_;            ///< the last stretch of one update or more
    Stretch block_;                   ///< the one being filled
};

/// The window of a counter. Used by one thread at a time.
class CounterWindow {
  public:
    CounterWindow(const ChannelSpec& spec, const WindowFrame& frame);

    void add(const Step& step);

    /// Move the end; no step after it may have been added.
    void set_end(std::int64_t end_ns) { frame_.end_ns = end_ns; }

    /// Fill energy, range, provenance, wraps, powers, reason and notes. `covered_ns` gets the time
    /// that counts as seen.
    void finish(ChannelEnergy& energy, std::int64_t& covered_ns) const;

  private:
    void fill_range(ChannelEnergy& energy) const;
    void add_notes(ChannelEnergy& energy) const;

    const ChannelSpec* spec_;
    WindowFrame frame_;
    CounterRule rule_;
    PeakPower peak_;
    long double update_ns_;
    StaleEnergy stale_;
    Uint128 whole_best_ = 0;
    Uint128 whole_low_ = 0;
    Uint128 touched_high_ = 0;
    long double part_best_ = 0;
    std::uint64_t touched_steps_ = 0;
    std::uint64_t wraps_ = 0;
    std::uint64_t gaps_ = 0;
    std::uint64_t unknown_steps_ = 0;
    std::int64_t covered_ns_ = 0;
    StepDoubt doubt_ = StepDoubt::kNone;
    bool has_high_ = true;
    bool is_above_ceiling_ = false;
};

/// Means of consecutive blocks of a gauge, for the spread of its power.
class BlockMeans {
  public:
    explicit BlockMeans(std::int64_t block_ns) : block_ns_(block_ns) {}

    /// Add a straight line of power inside the window; stretches join or leave a hole.
    void add_line(std::int64_t from_ns, long double from_raw, std::int64_t to_ns,
                  long double to_raw);

    std::uint64_t count() const { return count_; }

    /// Standard deviation of the block means, raw units.
    long double deviation() const;

  private:
    void start_at(std::int64_t t_ns);
    void close_block();

    std::int64_t block_ns_;
    std::int64_t block_begin_ns_ = 0;
    std::int64_t last_ns_ = 0;
    bool is_open_ = false;
    long double area_ = 0;
    std::uint64_t count_ = 0;
    long double mean_ = 0;
    long double squares_ = 0;
};

/// The window of a gauge. Used by one thread at a time.
class GaugeWindow {
  public:
    GaugeWindow(const ChannelSpec& spec, const WindowFrame& frame);

    void add(const Step& step);

    /// As CounterWindow::set_end.
    void set_end(std::int64_t end_ns) { frame_.end_ns = end_ns; }

    /// As CounterWindow::finish. `largest_raw` is the largest sample of the channel.
    void finish(ChannelEnergy& energy, std::int64_t& covered_ns, std::uint64_t largest_raw) const;

  private:
    long double sampling_error() const;
    long double edge_error() const;

    const ChannelSpec* spec_;
    WindowFrame frame_;
    PeakPower peak_;
    BlockMeans blocks_;
    Uint128 whole_area2_ = 0;      ///< raw x ns x 2, steps wholly inside
    long double part_area_ = 0;    ///< raw x ns, steps cut by an edge
    long double gap_area_ = 0;     ///< raw x ns of the bridged stretches, part of the sums above
    std::int64_t gap_ns_ = 0;      ///< length of the bridged stretches
    std::int64_t covered_ns_ = 0;  ///< without them
    std::uint64_t touched_steps_ = 0;
    std::uint64_t gaps_ = 0;
    std::uint64_t least_raw_ = 0;
    std::uint64_t most_raw_ = 0;
    std::uint64_t first_change_ = 0;
    std::uint64_t last_change_ = 0;
};

}  // namespace finewatt
