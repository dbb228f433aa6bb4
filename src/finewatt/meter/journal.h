// The journal: an append-only file of JSON lines that survives a kill, one per run. It holds a
// header, a checkpoint at most once a second with the energy so far of every channel, phase edges
// and events of the workload, and an end line.
//
// Main types: JournalWriter, JournalContents. The reader needs no sensor code: checkpoints hold
// finished figures. Not a trace: single readings are in trace_writer_internal.h.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/result.h"
#include "finewatt/meter/channel_energy.h"
#include "finewatt/meter/meter.h"
#include "finewatt/record/run.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// What a journal begins with. The pair of times anchors the monotonic clock to UTC.
struct JournalHeader {
    std::string run_id;
    std::string boot_id;
    MonoTime begin{};
    WallTime started_at{};
    std::uint64_t seed = 0;
    std::vector<ChannelSpec> channels;
};

/// One channel in a checkpoint: the state of the counter and the energy since the start.
struct ChannelCheckpoint {
    std::optional<std::uint64_t> last_raw;  ///< last good reading, in raw units
    ChannelEnergy energy;                   ///< resolution, powers and notes are not stored
};

/// The state of all channels at one time; both clocks.
struct Checkpoint {
    MonoTime time{};
    WallTime wall{};
    std::vector<ChannelCheckpoint> channels;  ///< in the order of the header
};

/// A phase edge as it was reported.
struct JournalPhaseEdge {
    std::string name;
    PhaseEdge edge = PhaseEdge::kBegin;
    MonoTime time{};
};

/// Appends to a journal. Lines are written and synced by a thread of its own, at most every
/// second, so callers never wait for the disk. Any thread may call.
class JournalWriter {
  public:
    /// Create the file (it must not exist) and write the header. Errors: not found, permission,
    /// io, and invalid argument when the file exists.
    static Result<std::unique_ptr<JournalWriter>> create(const std::filesystem::path& path,
                                                         const JournalHeader& header);

    JournalWriter(const JournalWriter&) = delete;
    JournalWriter& operator=(const JournalWriter&) = delete;
    ~JournalWriter();

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
    std::optional<Checkpoint> last_checkpoint;
    std::vector<JournalPhaseEdge> phase_edges;
    std::vector<std::string> events;  ///< JSON objects, as the workload wrote them
    bool is_complete = false;         ///< has an end line
    bool has_torn_tail = false;       ///< the last line was cut and dropped
    std::optional<MonoTime> ended;

    /// Energy from the start to the last checkpoint. Without a checkpoint the figures are unknown.
    EnergySummary energy() const;

    /// Time from the start to the last checkpoint (or to the end line).
    std::chrono::nanoseconds duration() const;
};

/// Read a journal. A torn last line is dropped; any other broken line is an error (corrupt) that
/// names file and line.
Result<JournalContents> read_journal(const std::filesystem::path& path);

/// Return the identity of this boot (/proc/sys/kernel/random/boot_id), without the line end.
/// Errors: those of reading the file.
Result<std::string> read_boot_id(
    const std::filesystem::path& path = "/proc/sys/kernel/random/boot_id");

}  // namespace finewatt
