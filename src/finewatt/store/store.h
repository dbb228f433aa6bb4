// The ledger: where runs and their power series are kept.
//
// Main type: Store, the interface; open_store() makes one from a URL. sqlite_store.h is the default
// implementation, postgres_store.h the one for teams; docs/formats/store.md describes what they
// keep. Not for study journals or models.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/result.h"
#include "finewatt/record/run.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// What a list is ordered by. Runs without the figure or name come last in either direction; equal
/// ones are newest first.
enum class RunOrder { kStarted, kName, kDuration, kEnergy, kCo2 };

/// Which runs to list, and in which order. An empty filter lists all, newest first.
struct RunFilter {
    std::optional<std::string> kind{};
    std::optional<std::string> status{};
    std::optional<std::string> name{};
    std::optional<std::string> tag{};
    std::optional<WallTime> since{};  ///< started at this time or later
    std::optional<WallTime> until{};  ///< started before this time
    /// Energy at least and at most this much; a run of unknown energy passes neither.
    std::optional<Joules> min_energy{};
    std::optional<Joules> max_energy{};
    /// Part of the id, the name, the kind, a tag or a setting that is a text. Nothing in it has a
    /// special meaning; ASCII letters match in either case.
    std::optional<std::string> text{};
    RunOrder order = RunOrder::kStarted;
    bool is_ascending = false;
    std::optional<std::size_t> limit{};
    std::size_t offset = 0;  ///< runs to skip, in the order above
};

/// One line of a list: the columns that are indexed, without reading the whole record.
struct RunOverview {
    std::string run_id;
    std::optional<std::string> name;
    std::string kind;
    std::string status;
    WallTime started_at{};
    std::optional<double> duration_s;
    std::optional<Joules> energy;
    std::optional<Joules> energy_low;
    std::optional<Joules> energy_high;
    std::string provenance;
    std::optional<double> co2_kg;
    std::vector<std::string> tags;
};

/// What became of a run that was brought in.
enum class ImportOutcome {
    kStored,         ///< it is new in this ledger
    kAlreadyStored,  ///< the same run with the same content was there; nothing was written
};

/// A ledger of runs. Each call is one transaction: it happens as a whole or not at all.
///
/// One object serves one thread at a time; several objects, threads and processes may use one
/// ledger. Every call may fail with busy (another writer held the ledger for longer than the
/// timeout), io (disk full, broken disk, connection lost), permission or corrupt. A call that
/// writes and fails with io over a lost connection may have happened; import_run() finds out.
class Store {
  public:
    virtual ~Store() = default;

    /// Store a new run with its power series. Errors: invalid argument when run_id is no ULID or
    /// is stored already.
    virtual Status insert(const RunRecord& run, std::span<const PowerSeries> series) = 0;

    /// Store a run unless it is there already. May be repeated at will. Errors: invalid argument
    /// when run_id is no ULID, or is stored with another content, naming the fields that differ.
    virtual Result<ImportOutcome> import_run(const RunRecord& run,
                                             std::span<const PowerSeries> series) = 0;

    /// Replace a stored run's record; its power series stay. Error: not found.
    virtual Status update(const RunRecord& run) = 0;

    /// Replace a stored run's record and its power series. Error: not found.
    virtual Status update(const RunRecord& run, std::span<const PowerSeries> series) = 0;

    /// Remove and add tags of a run; the others stay in their order. `run_id` is a full id. A tag
    /// that is not there to be removed, or there already, is no error. Returns the tags it has
    /// now. Errors: not found; invalid argument when a tag to add is empty.
    virtual Result<std::vector<std::string>> set_tags(std::string_view run_id,
                                                      std::span<const std::string> add,
                                                      std::span<const std::string> remove) = 0;

    /// Return the full id that `key` means: a run id, else the name of just one run, else the
    /// beginning of just one run's id (any case). Errors: not found; invalid argument when several
    /// runs match, listing some of them.
    virtual Result<std::string> resolve(std::string_view key) = 0;

    /// Return the record that `key` means (see resolve).
    virtual Result<RunRecord> get(std::string_view key) = 0;

    /// Return the power series of the run that `key` means, ordered by channel; may be empty.
    virtual Result<std::vector<PowerSeries>> power_series(std::string_view key) = 0;

    /// Return the runs that pass the filter, in its order.
    virtual Result<std::vector<RunOverview>> list(const RunFilter& filter) = 0;

    /// Return how many runs pass the filter; order, limit and offset do not matter.
    virtual Result<std::size_t> count(const RunFilter& filter) = 0;

    /// Return the ids of the runs that pass the filter, in its order.
    virtual Result<std::vector<std::string>> list_ids(const RunFilter& filter) = 0;

    /// Return the records of runs by their full ids, in the same order. Ids that are not stored
    /// are left out.
    virtual Result<std::vector<RunRecord>> get_all(std::span<const std::string> run_ids) = 0;

    /// Remove a run and all that belongs to it. `run_id` is a full id, so that nothing is removed
    /// by a guess. Error: not found.
    virtual Status erase(std::string_view run_id) = 0;
};

/// Give the record of each run that passes the filter to `visit`, in the filter's order, reading a
/// few at a time: memory does not grow with the ledger, but for 26 bytes an id. Which runs are
/// visited is settled at the beginning; one that is erased meanwhile is left out. `visit` may use
/// the store, and ends the walk with an error. Errors: those of `visit` and of the store.
Status for_each_run(Store& store, const RunFilter& filter,
                    const std::function<Status(const RunRecord& run)>& visit);

/// Open the ledger at `url`, making it on first use: "sqlite:PATH" (a file, its folder made for the
/// owner alone) or "postgresql://USER@HOST:PORT/DATABASE" (its tables are made in the schema
/// "finewatt"; any form that libpq reads; passwords are better kept in ~/.pgpass). Errors: invalid
/// argument for another form; unsupported where libpq or the build has no PostgreSQL, and for a
/// ledger written by a newer version; permission, busy, corrupt and io from the ledger itself. No
/// message holds a password.
Result<std::unique_ptr<Store>> open_store(std::string_view url);

/// Looks up an environment variable; null when unset. ::getenv fits.
using EnvironmentLookup = std::function<const char*(const char* name)>;

/// Return the URL to use when the user names none: FINEWATT_STORE, else
/// sqlite:$XDG_DATA_HOME/finewatt/finewatt.db, else the same under $HOME/.local/share.
/// Error: not found when none of the three variables is set.
Result<std::string> default_store_url(const EnvironmentLookup& environment);

}  // namespace finewatt
