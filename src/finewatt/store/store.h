// The ledger: where runs and their power series are kept.
//
// Main type: Store, the interface; open_store() makes one from a URL. sqlite_store.h is the default
// implementation; docs/formats/store.md describes what it keeps. Not for study journals or models.
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

/// Which runs to list. An empty filter lists all.
struct RunFilter {
    std::optional<std::string> kind;
    std::optional<std::string> status;
    std::optional<std::string> name;
    std::optional<std::string> tag;
    std::optional<WallTime> since;  ///< started at this time or later
    std::optional<std::size_t> limit;
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

/// A ledger of runs. Each call is one transaction: it happens as a whole or not at all.
///
/// One object serves one thread at a time; several objects, threads and processes may use one
/// ledger. Every call may fail with busy (another writer held the ledger for longer than the
/// timeout), io (disk full, broken disk), permission or corrupt.
class Store {
  public:
    virtual ~Store() = default;

    /// Store a new run with its power series. Errors: invalid argument when run_id is no ULID or
    /// is stored already.
    virtual Status insert(const RunRecord& run, std::span<const PowerSeries> series) = 0;

    /// Replace a stored run's record; its power series stay. Error: not found.
    virtual Status update(const RunRecord& run) = 0;

    /// Replace a stored run's record and its power series. Error: not found.
    virtual Status update(const RunRecord& run, std::span<const PowerSeries> series) = 0;

    /// Return the full id that `key` means: a run id, else the name of just one run, else the
    /// beginning of just one run's id (any case). Errors: not found; invalid argument when several
    /// runs match, listing some of them.
    virtual Result<std::string> resolve(std::string_view key) = 0;

    /// Return the record that `key` means (see resolve).
    virtual Result<RunRecord> get(std::string_view key) = 0;

    /// Return the power series of the run that `key` means, ordered by channel; may be empty.
    virtual Result<std::vector<PowerSeries>> power_series(std::string_view key) = 0;

    /// Return the runs that pass the filter, newest first.
    virtual Result<std::vector<RunOverview>> list(const RunFilter& filter) = 0;

    /// Remove a run and all that belongs to it. `run_id` is a full id, so that nothing is removed
    /// by a guess. Error: not found.
    virtual Status erase(std::string_view run_id) = 0;
};

/// Open the ledger at `url`, making it (and its folder, for the owner alone) on first use:
/// "sqlite:PATH". Errors: invalid argument for another form; unsupported for "postgresql://…",
/// which this build does not have, and for a ledger written by a newer version; permission, busy,
/// corrupt and io from the ledger itself.
Result<std::unique_ptr<Store>> open_store(std::string_view url);

/// Looks up an environment variable; null when unset. ::getenv fits.
using EnvironmentLookup = std::function<const char*(const char* name)>;

/// Return the URL to use when the user names none: FINEWATT_STORE, else
/// sqlite:$XDG_DATA_HOME/finewatt/finewatt.db, else the same under $HOME/.local/share.
/// Error: not found when none of the three variables is set.
Result<std::string> default_store_url(const EnvironmentLookup& environment);

}  // namespace finewatt
