// The journal: an append-only file of JSON lines that survives a kill, one per run
// (docs/formats/journal.md). It holds a header, a checkpoint about once a second and at phase
// edges, the edges and the workload's events, and an end line.
//
// Main types: JournalWriter, JournalContents. A checkpoint says how much each channel's energy
// grew; the reader feeds that to the code of the live meter, so it needs no sensor. Not a trace:
// single readings are in trace_writer_internal.h.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/result.h"
#include "finewatt/meter/meter.h"
#include "finewatt/meter/process_identity.h"
#include "finewatt/record/run.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// What a journal begins with. The pair of times anchors the monotonic clock to UTC.
struct JournalHeader {
    std::string run_id;
    std::string boot_id;
    ProcessIdentity process;
    MonoTime begin{};
    WallTime started_at{};
    std::uint64_t seed = 0;
    std::chrono::nanoseconds interval{};
    /// One JSON object of whoever started the meter, e.g. the run's name; kept as it is.
    std::string facts = "{}";
    std::vector<ChannelSpec> channels;
};

/// One channel in a checkpoint: totals since the run's begin.
struct ChannelCheckpoint {
    /// The time of the totals: that of the checkpoint, or of the last good reading when that is
    /// older. Nothing without a good reading.
    std::optional<MonoTime> time;
    std::optional<MonoTime> first_good_time;
    std::optional<std::uint64_t> raw;  ///< a counter's value then
    std::uint64_t energy_uj = 0;       ///< unknown steps left out
    std::uint64_t wraps = 0;
    std::uint64_t gaps = 0;
    std::uint64_t unknown_steps = 0;
    double below_j = 0;                 ///< the energy may be lower by this (gain error apart)
    std::optional<double> above_j = 0;  ///< and higher by this; nothing = no bound
    std::optional<std::string> reason;  ///< why the energy is unknown
    bool is_gone = false;
};

/// The state of all channels at one time; both clocks.
struct Checkpoint {
    MonoTime time{};
    WallTime wall{};
    std::vector<ChannelCheckpoint> channels;  ///< in the order of the header
};

/// A phase edge at the time at which it counts.
struct JournalPhaseEdge {
    std::string name;
    PhaseEdge edge = PhaseEdge::kBegin;
    MonoTime time{};
};

/// Appends to a journal. Lines are written and synced by a thread of its own, at most every
/// second, so callers never wait for the disk. Any thread may call, one at a time.
class JournalWriter {
  public:
    /// Create the file (it must not exist) and write the header. Errors: not found, permission,
    /// io, and invalid argument when the file exists.
    static Result<std::unique_ptr<JournalWriter>> create(const std::filesystem::path& path,
                                                         const JournalHeader& header);

    JournalWriter(const JournalWriter&) = delete;
    JournalWriter& operator=(const JournalWriter&) = delete;
    ~JournalWriter();

    /// Append a checkpoint; times must not decrease.
    void checkpoint(const Checkpoint& checkpoint);

    void phase_edge(const JournalPhaseEdge& edge);

    /// Append a workload's event: one JSON object, kept as it is. Anything else is dropped.
    void event(std::string_view json_object);

    /// Write the end line and close. Returns the first failure of the whole run, such as a full
    /// disk: the journal is then marked lost, and nothing was written after it.
    Status finish(MonoTime time, WallTime wall);

    /// Whether a write failed and the journal ends there.
    bool is_lost() const;

    /// CPU time of the writing thread so far.
    double cpu_s() const;

  private:
    class Impl;
    explicit JournalWriter(std::unique_ptr<Impl> impl);

    std::unique_ptr<Impl> impl_;
};

/// What a journal tells, up to its last whole line.
struct JournalContents {
    JournalHeader header;
    bool is_complete = false;    ///< has an end line
    bool has_torn_tail = false;  ///< the last line was cut and dropped
    /// The end line's time, else that of the last checkpoint, else the begin.
    MonoTime end{};
    WallTime ended_at{};
    /// Energy from the begin to `end`. Without a checkpoint the figures are unknown. Ranges of
    /// phases are as wide as the run's.
    EnergySummary energy;
    std::vector<PhaseRecord> phases;  ///< ordered by begin
    std::vector<PowerSeries> series;  ///< one per channel
    std::vector<std::string> events;  ///< JSON objects, as the workload wrote them
    std::vector<std::string> notes;   ///< what happened to channels
    std::optional<Checkpoint> last_checkpoint;

    std::chrono::nanoseconds duration() const { return end - header.begin; }
};

/// Read a journal. A torn last line is dropped; any other broken line is an error (corrupt) that
/// names file and line. Memory does not grow with the length of the run.
Result<JournalContents> read_journal(const std::filesystem::path& path);

/// Read only the header of a journal, as read_journal() does.
Result<JournalHeader> read_journal_header(const std::filesystem::path& path);

/// Return the identity of this boot (/proc/sys/kernel/random/boot_id), without the line end.
/// Errors: those of reading the file.
Result<std::string> read_boot_id(
    const std::filesystem::path& path = "/proc/sys/kernel/random/boot_id");

}  // namespace finewatt
