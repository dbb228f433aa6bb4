// Recorder: everything a run has told so far, without threads and without sensors: readings per
// channel, phases, and the energy since the start, kept up to date with each reading.
//
// The meter feeds it from sources; it makes live figures, checkpoints and the result. Private.
#pragma once

#include "finewatt/meter/channel_trace.h"
#include "finewatt/meter/energy_total.h"
#include "finewatt/meter/journal.h"
#include "finewatt/meter/meter.h"
#include "finewatt/meter/phase_book_internal.h"
#include "finewatt/meter/running_window_internal.h"

#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// Used by one thread at a time.
class Recorder {
  public:
    /// The run's window begins at `begin`.
    Recorder(std::vector<ChannelSpec> channels, MonoTime begin);

    void add_reading(std::size_t channel, const Reading& reading);

    /// As PhaseBook::add, and notes an edge that does not fit.
    bool add_phase_edge(std::string_view name, PhaseEdge edge, MonoTime time);

    std::span<const ChannelSpec> channels() const { return specs_; }

    LiveFigures live(MonoTime now) const;

    Checkpoint checkpoint(MonoTime now, WallTime wall) const;

    /// Fill energy, phases, series, notes and the sample counts of a result whose begin and end
    /// are set.
    void fill_result(MeterResult& result) const;

  private:
    struct Recorded {
        ChannelTrace trace;
        /// Since the run's begin; made as soon as the usual spacing is settled.
        std::optional<RunningWindow> running;
    };

    ChannelEnergy energy_so_far(const Recorded& channel, MonoTime now) const;
    EnergySummary summary_between(MonoTime begin, MonoTime end) const;
    PowerSeries series_of(const Recorded& channel) const;

    std::vector<ChannelSpec> specs_;
    std::deque<Recorded> channels_;
    ChannelSelection selection_;
    MonoTime begin_;
    PhaseBook phases_;
    std::vector<std::string> phase_notes_;
};

}  // namespace finewatt
