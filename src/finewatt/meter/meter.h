// Meter: samples sources in the background while a command runs, and turns the readings into the
// energy of the run, of its phases, and into power series.
//
// Main type: Meter. Readings go through channel_stream.h and are not kept, sums are made by
// energy_total.h. Not for finding sensors (sensor/) nor for starting the command (study/).
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/result.h"
#include "finewatt/meter/node_claims.h"
#include "finewatt/record/run.h"
#include "finewatt/sensor/source.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

struct MeterOptions {
    /// One sample falls at a random point of each slot of this length. Shortened where a counter
    /// could hide a wrap.
    std::chrono::nanoseconds interval = std::chrono::milliseconds(100);
    std::uint64_t seed = 0;              ///< of the random points; stored with the run
    std::string run_id;                  ///< written into the journal
    std::string boot_id;                 ///< written into the journal; see read_boot_id()
    std::filesystem::path journal_path;  ///< append-only journal; empty = none
    /// One JSON object kept in the journal's header for whoever recovers the run: its name, kind
    /// and settings.
    std::string journal_facts = "{}";
    /// Where this node's meters agree who counts which device; nothing: no claim is made.
    std::optional<NodeClaimOptions> node_claims;
    std::filesystem::path trace_path;  ///< trace of every reading; empty = none
};

enum class PhaseEdge { kBegin, kEnd };

/// What one channel shows while the run goes on.
struct LiveComponent {
    std::string component;       ///< cpu, dram, gpu, node or other
    std::string source;          ///< channel id
    bool counted = true;         ///< part of the total
    std::optional<Watts> power;  ///< over about the last second
    std::optional<Joules> energy;
    std::optional<Joules> energy_low;
    std::optional<Joules> energy_high;
};

/// What the meter knows while the run goes on. The totals cover the counted components.
struct LiveFigures {
    std::chrono::nanoseconds duration{};
    std::optional<Watts> power;
    std::optional<Joules> energy;
    std::optional<Joules> energy_low;
    std::optional<Joules> energy_high;
    std::optional<std::string> reason;  ///< why the total is unknown
    std::vector<LiveComponent> components;
};

/// What the meter itself did and cost.
struct MeterStatistics {
    std::uint64_t rounds = 0;                           ///< polls of all sources
    std::uint64_t samples = 0;                          ///< good readings
    std::map<std::string, std::uint64_t> lost_samples;  ///< failed reads by channel id
    double cpu_s = 0;                                   ///< CPU time of the meter's threads
    double round_time_s_mean = 0;
    double round_time_s_max = 0;
    std::uint64_t suspends = 0;  ///< times the machine slept
    double asleep_s = 0;         ///< how long; no part of the run's time
    double interval_s = 0;       ///< slot length in force
    std::uint64_t seed = 0;
};

/// Everything a metered run leaves.
struct MeterResult {
    MonoTime begin{};
    MonoTime end{};
    WallTime started_at{};
    WallTime ended_at{};
    EnergySummary energy;             ///< of [begin, end)
    std::vector<PhaseRecord> phases;  ///< ordered by begin
    std::vector<PowerSeries> series;  ///< one per channel, at most 2,000 points each
    MeterStatistics statistics;
    std::vector<NodeShare> node_shares;         ///< one per counted channel, when claims are made
    std::optional<std::string> stopped_reason;  ///< why metering stopped before the run did
    std::vector<std::string> notes;  ///< journal or trace lost, sources that went away, ...
};

/// Samples each source on a thread of its own. All public functions may be called from any thread,
/// stop() once. Destroying a meter that was not stopped stops it and drops the result.
class Meter {
  public:
    /// Read every source once and start sampling. `clock` must outlive the meter and read the
    /// machine's CLOCK_MONOTONIC; a source that hangs at stop() lives on with its own clock. No
    /// source at all is fine: the result then says "no channel". Errors: invalid argument (interval
    /// not above zero, two channels with one id); not found, permission or io when the journal or
    /// trace cannot be created.
    static Result<std::unique_ptr<Meter>> start(std::vector<std::unique_ptr<Source>> sources,
                                                const MeterOptions& options, const Clock& clock);

    Meter(const Meter&) = delete;
    Meter& operator=(const Meter&) = delete;
    ~Meter();

    /// Mark an edge of a phase at `time` (now or in the past) and ask for a reading at once. An
    /// edge over three seconds old counts as three seconds old, with a note. Phases may nest and
    /// overlap. A begin of an open phase and an end without a begin are ignored and noted.
    void phase_edge(std::string_view name, PhaseEdge edge, MonoTime time);

    /// Put a workload's event (one JSON object) into the journal, unchanged. No-op without one.
    void journal_event(std::string_view json_object);

    LiveFigures live() const;

    /// Read every source once more, stop sampling, close journal and trace, compute the result.
    /// Open phases end now, with the note "phase not closed". A source that does not answer within
    /// a second is left behind and noted.
    MeterResult stop();

  private:
    class Impl;
    explicit Meter(std::unique_ptr<Impl> impl);

    std::unique_ptr<Impl> impl_;
};

}  // namespace finewatt
