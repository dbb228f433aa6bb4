// Recorder: everything a run has told so far, without threads and without sensors: a stream per
// channel, the phases, and the windows of the run and of each phase, fed as readings arrive.
//
// The meter feeds it from sources, replay from a trace, recovery from a journal. Private.
#pragma once

#include "finewatt/meter/channel_stream.h"
#include "finewatt/meter/energy_total.h"
#include "finewatt/meter/journal.h"
#include "finewatt/meter/meter.h"
#include "finewatt/meter/phase_book_internal.h"

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// How late a phase edge may be reported and still find the readings around it. A trace holds its
/// lines back for the same time.
inline constexpr std::chrono::nanoseconds kLateEdge = std::chrono::seconds(3);

/// A phase and the energy of each channel over it.
struct PhaseEnergies {
    PhaseSpan span;
    std::vector<ChannelEnergy> channels;
};

struct RecorderOptions {
    /// Begin of the run's window; nothing: each channel's own span, from its first to its last
    /// line.
    std::optional<MonoTime> begin;
    /// How long after a reading an edge before it may be reported; 0 for lines in time order.
    std::chrono::nanoseconds late_edge = kLateEdge;
    bool keeps_series = true;
};

/// Used by one thread at a time.
class Recorder {
  public:
    Recorder(std::vector<ChannelSpec> channels, const RecorderOptions& options);

    void add_reading(std::size_t channel, const Reading& reading);
    void add_journal_step(std::size_t channel, const JournalStep& step);

    /// Add an edge and return the time at which it counts: an edge that is reported too late
    /// counts at the oldest time of which readings are kept, with a note. Nothing, with a note,
    /// for an edge that does not fit (PhaseBook::add).
    std::optional<MonoTime> add_phase_edge(std::string_view name, PhaseEdge edge, MonoTime time);

    std::span<const ChannelSpec> channels() const { return specs_; }

    const ChannelStream& stream(std::size_t channel) const { return streams_[channel]; }

    const ChannelSelection& selection() const { return selection_; }

    /// Latest time of a reading.
    MonoTime newest() const { return newest_; }

    /// Energy of each channel from the begin to `end`, which may lie kLateEdge in the past.
    std::vector<ChannelEnergy> run_energies(MonoTime end) const;

    /// All phases, ordered by begin; open ones end at `end`.
    std::vector<PhaseEnergies> phase_energies(MonoTime end) const;

    LiveFigures live(MonoTime now) const;

    /// The latest time up to which every channel was read that is read often: channels whose last
    /// reading is over 0.4 s older than the newest do not count.
    MonoTime read_until() const;

    /// The totals at `time`, at most kLateEdge in the past.
    Checkpoint checkpoint(MonoTime time, WallTime wall) const;

    /// Power of each channel over the run.
    std::vector<PowerSeries> power_series() const;

    /// Fill energy, phases, series, notes and the sample counts of a result whose begin and end
    /// are set.
    void fill_result(MeterResult& result) const;

  private:
    void see(MonoTime time) { newest_ = std::max(newest_, time); }

    MonoTime settled() const { return newest_ + -options_.late_edge; }

    PowerSeries series_of(const ChannelStream& stream) const;
    void note_edge(std::string note);

    RecorderOptions options_;
    std::vector<ChannelSpec> specs_;
    std::deque<ChannelStream> streams_;
    ChannelSelection selection_;
    MonoTime newest_{};
    PhaseBook phases_;
    std::vector<std::string> phase_notes_;
};

}  // namespace finewatt
