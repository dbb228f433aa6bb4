// recover_run: finishes runs whose meter was killed, from the journals they left, and reads runs
// that had ended but could not be stored (keep_run.h).
//
// Main functions: find_journals, recover_run. Storing the result and removing the journal
// (remove_journal) is the caller's. Not for the journal's format: that is meter/journal.h.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/result.h"
#include "finewatt/record/run.h"
#include "finewatt/sensor/source.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace finewatt {

/// How a journal stands.
enum class JournalState {
    kRunning,  ///< its meter runs: leave it alone
    kLeft,     ///< its meter is gone: can be recovered
    kBroken,   ///< has no readable header, and no finished run lies beside it
};

/// A journal in the folder.
struct FoundJournal {
    std::filesystem::path path;
    JournalState state{};
    std::string run_id;    ///< empty for a broken one
    std::int64_t pid = 0;  ///< of the meter
    std::string reason;    ///< why a broken one is broken
};

/// Return the folder of journals: $XDG_STATE_HOME/finewatt/journal, else the same under
/// $HOME/.local/state. Error: not found when neither variable is set.
Result<std::filesystem::path> default_journal_folder(
    const std::function<const char*(const char* name)>& environment);

/// List the journals of a folder, ordered by name; none where there is no folder. `boot_id` is the
/// machine's (read_boot_id()); a journal of another boot belongs to no running meter.
std::vector<FoundJournal> find_journals(const std::filesystem::path& folder,
                                        const std::string& boot_id);

/// What the machine used between the last checkpoint of a killed run and its recovery. It is no
/// part of the run.
struct DeadTime {
    double duration_s = 0;
    EnergySummary energy;
};

/// A run out of its journal.
struct RecoveredRun {
    /// Of a killed run: status "recovered"; machine, place and score facts as far as known. Of a
    /// run that had ended: as it was.
    RunRecord record;
    std::vector<PowerSeries> series;
    std::optional<DeadTime> dead_time;  ///< nothing after a reboot, or without a lasting counter
};

/// What recovery needs beside the journal.
struct RecoverOptions {
    std::string boot_id;  ///< of the machine now
    /// Finds the machine's sensors; called only when the journal is of this boot. May be empty.
    std::function<std::vector<std::unique_ptr<Source>>()> find_sources;
};

/// Return what a run's meter should put into MeterOptions::journal_facts, so that a recovered run
/// has its name, kind, settings and software: the record as far as it is known at the start.
std::string journal_facts(const RunRecord& record);

/// Read the finished run beside a journal; without one, finish the run from the journal. A torn
/// last line is dropped then, and the run ends at its last checkpoint, at most about a second
/// before it was killed. A finished run that cannot be read is told in the record's notes. Errors:
/// those of read_journal().
Result<RecoveredRun> recover_run(const std::filesystem::path& journal,
                                 const RecoverOptions& options);

}  // namespace finewatt
