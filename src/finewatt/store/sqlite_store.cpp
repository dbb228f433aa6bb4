#include "finewatt/store/sqlite_store.h"

#include "finewatt/base/ascii.h"
#include "finewatt/record/json.h"
#include "finewatt/record/ulid.h"
#include "finewatt/store/migrations_internal.h"
#include "finewatt/store/series_codec_internal.h"
#include "finewatt/store/sqlite_database_internal.h"

#include <fmt/ranges.h>

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

namespace finewatt {
namespace {

using sqlite::Database;
using sqlite::Statement;
using sqlite::Transaction;

/// Make the missing folders on the way to `folder`, readable by the owner alone.
Status make_private_folders(const std::filesystem::path& folder) {
    std::filesystem::path made;
    for (const std::filesystem::path& part : folder) {
        made /= part;
        std::error_code ignored;
        if (std::filesystem::is_directory(made, ignored)) {
            continue;
        }
        if (::mkdir(made.c_str(), 0700) != 0 && errno != EEXIST) {
            return error_from_errno(errno,
                                    fmt::format("make the ledger's folder {}", made.string()));
        }
    }
    return {};
}

/// Let readers and one writer work side by side. The mode stays with the file. Where it cannot be
/// had (some network file systems), SQLite keeps its rollback journal, which is correct too.
Status use_write_ahead_log(Database& database) {
    constexpr std::chrono::milliseconds kPause{5};
    // SQLite does not wait for the lock that this change needs, so the waiting is done here.
    for (auto waited = std::chrono::milliseconds(0);; waited += kPause) {
        Status status = database.execute("PRAGMA journal_mode = WAL");
        if (status || status.error().code() != ErrorCode::kBusy ||
            waited >= database.busy_timeout()) {
            return status;
        }
        std::this_thread::sleep_for(kPause);
    }
}

Error no_such_run(std::string_view key) {
    return FINEWATT_ERROR(kNotFound,
                          "run '{}': expected a run id, the beginning of one, or a run's name; no "
                          "run matches (see finewatt runs list)",
                          key);
}

std::optional<double> in_joules(const std::optional<Joules>& energy) {
    return energy ? std::optional(energy->as_joules()) : std::nullopt;
}

std::optional<Joules> from_joules(const std::optional<double>& energy_j) {
    return energy_j ? std::optional(joules(*energy_j)) : std::nullopt;
}

/// Bind the columns of a run in the order of kInsertRun and kUpdateRun.
Status bind_run(Statement& statement, const RunRecord& run) {
    FINEWATT_TRY(statement.bind(std::string_view(run.run_id)));
    FINEWATT_TRY(statement.bind(run.name));
    FINEWATT_TRY(statement.bind(std::string_view(run.kind)));
    FINEWATT_TRY(statement.bind(std::string_view(run.status)));
    FINEWATT_TRY(statement.bind(std::string_view(run.started_at.to_iso8601())));
    FINEWATT_TRY(statement.bind(run.duration_s));
    FINEWATT_TRY(statement.bind(in_joules(run.energy.energy)));
    FINEWATT_TRY(statement.bind(in_joules(run.energy.energy_low)));
    FINEWATT_TRY(statement.bind(in_joules(run.energy.energy_high)));
    FINEWATT_TRY(statement.bind(run.energy.provenance.empty()
                                    ? std::optional<std::string>()
                                    : std::optional(run.energy.provenance)));
    FINEWATT_TRY(statement.bind(run.carbon ? run.carbon->co2_kg : std::nullopt));
    return statement.bind(std::string_view(to_json(run)));
}

constexpr std::string_view kInsertRun =
    "INSERT INTO run (run_id, name, kind, status, started_at, duration_s, energy_j, energy_j_low, "
    "energy_j_high, provenance, co2_kg, record) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)";

constexpr std::string_view kUpdateRun =
    "UPDATE run SET name = ?2, kind = ?3, status = ?4, started_at = ?5, duration_s = ?6, "
    "energy_j = ?7, energy_j_low = ?8, energy_j_high = ?9, provenance = ?10, co2_kg = ?11, "
    "record = ?12 WHERE run_id = ?1";

/// Run a statement whose only parameter is a run id.
Status run_with_id(const Database& database, std::string_view sql, std::string_view run_id) {
    FINEWATT_ASSIGN(Statement statement, database.prepare(sql));
    FINEWATT_TRY(statement.bind(run_id));
    return statement.run();
}

Result<bool> has_run(const Database& database, std::string_view run_id) {
    FINEWATT_ASSIGN(Statement statement, database.prepare("SELECT 1 FROM run WHERE run_id = ?1"));
    FINEWATT_TRY(statement.bind(run_id));
    return statement.step();
}

Status insert_tags(const Database& database, const RunRecord& run) {
    for (const std::string& tag : run.tags) {
        FINEWATT_ASSIGN(
            Statement statement,
            database.prepare("INSERT OR IGNORE INTO run_tag (run_id, tag) VALUES (?1, ?2)"));
        FINEWATT_TRY(statement.bind(std::string_view(run.run_id)));
        FINEWATT_TRY(statement.bind(std::string_view(tag)));
        FINEWATT_TRY(statement.run());
    }
    return {};
}

Status insert_series(const Database& database, std::string_view run_id,
                     std::span<const PowerSeries> all) {
    for (const PowerSeries& series : all) {
        FINEWATT_ASSIGN(const std::string bytes, encode_series(series.t_s, series.power_w));
        FINEWATT_ASSIGN(
            Statement statement,
            database.prepare("INSERT INTO power_series (run_id, channel, component, provenance, "
                             "points, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"));
        FINEWATT_TRY(statement.bind(run_id));
        FINEWATT_TRY(statement.bind(std::string_view(series.channel)));
        FINEWATT_TRY(statement.bind(std::string_view(series.component)));
        FINEWATT_TRY(statement.bind(std::string_view(series.provenance)));
        FINEWATT_TRY(statement.bind(static_cast<std::int64_t>(series.t_s.size())));
        FINEWATT_TRY(statement.bind_blob(bytes));
        FINEWATT_TRY(statement.run());
    }
    return {};
}

Status replace_record(const Database& database, const RunRecord& run) {
    FINEWATT_ASSIGN(Statement statement, database.prepare(kUpdateRun));
    FINEWATT_TRY(bind_run(statement, run));
    FINEWATT_TRY(statement.run());
    if (database.changes() == 0) {
        return no_such_run(run.run_id);
    }
    FINEWATT_TRY(run_with_id(database, "DELETE FROM run_tag WHERE run_id = ?1", run.run_id));
    return insert_tags(database, run);
}

/// Return the ids that a query with one or two text parameters gives.
Result<std::vector<std::string>> find_ids(const Database& database, std::string_view sql,
                                          std::initializer_list<std::string_view> parameters) {
    FINEWATT_ASSIGN(Statement statement, database.prepare(sql));
    for (const std::string_view parameter : parameters) {
        FINEWATT_TRY(statement.bind(parameter));
    }
    std::vector<std::string> ids;
    while (true) {
        FINEWATT_ASSIGN(const bool has_row, statement.step());
        if (!has_row) {
            return ids;
        }
        ids.push_back(statement.text(0));
    }
}

Result<std::string> only_id(std::string_view key, std::string_view what,
                            const std::vector<std::string>& ids) {
    if (ids.size() == 1) {
        return ids.front();
    }
    return FINEWATT_ERROR(kInvalidArgument,
                          "run '{}': expected one run, found several with this {}: {}; use a full "
                          "run id",
                          key, what, fmt::join(ids, ", "));
}

Result<std::string> resolve_in(const Database& database, std::string_view key) {
    if (key.empty()) {
        return no_such_run(key);
    }
    const std::string id = ascii_upper(key);
    FINEWATT_ASSIGN(const bool is_id, has_run(database, id));
    if (is_id) {
        return id;
    }
    FINEWATT_ASSIGN(
        const std::vector<std::string> named,
        find_ids(database, "SELECT run_id FROM run WHERE name = ?1 ORDER BY run_id DESC LIMIT 5",
                 {key}));
    if (!named.empty()) {
        return only_id(key, "name", named);
    }
    // '~' sorts after every character of an id.
    FINEWATT_ASSIGN(const std::vector<std::string> begun,
                    find_ids(database,
                             "SELECT run_id FROM run WHERE run_id >= ?1 AND run_id < ?2 "
                             "ORDER BY run_id DESC LIMIT 5",
                             {id, id + "~"}));
    if (!begun.empty()) {
        return only_id(key, "beginning", begun);
    }
    return no_such_run(key);
}

Result<RunOverview> read_overview(const Statement& row) {
    RunOverview run;
    run.run_id = row.text(0);
    run.name = row.text_or_null(1);
    run.kind = row.text(2);
    run.status = row.text(3);
    FINEWATT_ASSIGN(run.started_at, WallTime::parse_iso8601(row.text(4)));
    run.duration_s = row.number_or_null(5);
    run.energy = from_joules(row.number_or_null(6));
    run.energy_low = from_joules(row.number_or_null(7));
    run.energy_high = from_joules(row.number_or_null(8));
    run.provenance = row.text(9);
    run.co2_kg = row.number_or_null(10);
    return run;
}

}  // namespace

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::filesystem::path& path,
                                                       const SqliteOptions& options) {
    std::error_code code;
    // Absolute, so that ":memory:" and other names that SQLite reads specially are plain files.
    const std::filesystem::path file = std::filesystem::absolute(path, code);
    if (code || path.empty()) {
        return FINEWATT_ERROR(kInvalidArgument, "ledger '{}': expected the path of a file",
                              path.string());
    }
    if (std::filesystem::is_directory(file, code)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "ledger {}: expected a file, found a folder; name a file in it, such "
                              "as sqlite:{}/finewatt.db",
                              file.string(), file.string());
    }
    FINEWATT_TRY(make_private_folders(file.parent_path()));
    FINEWATT_ASSIGN(std::unique_ptr<Database> database, Database::open(file, options.busy_timeout));
    FINEWATT_TRY(database->execute("PRAGMA foreign_keys = ON"));
    if (options.max_page_count) {
        // A pragma takes no parameter; the number is the caller's own.
        const std::string limit =
            fmt::format("PRAGMA max_page_count = {}", *options.max_page_count);
        FINEWATT_TRY(database->execute(limit.c_str()));
    }
    FINEWATT_TRY(sqlite::migrate(*database, sqlite::schema_steps()));
    FINEWATT_TRY(use_write_ahead_log(*database));
    return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(database)));
}

SqliteStore::SqliteStore(std::unique_ptr<Database> database) : database_(std::move(database)) {}

SqliteStore::~SqliteStore() = default;

Status SqliteStore::insert(const RunRecord& run, std::span<const PowerSeries> series) {
    if (!is_ulid(run.run_id)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "run id: expected a ULID (26 characters of base 32), found '{}'",
                              run.run_id);
    }
    FINEWATT_ASSIGN(Transaction transaction, Transaction::begin_write(*database_));
    FINEWATT_ASSIGN(const bool is_stored, has_run(*database_, run.run_id));
    if (is_stored) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "run {}: expected a new run, but the ledger {} has it already; "
                              "delete it first, or keep the stored one",
                              run.run_id, database_->path().string());
    }
    FINEWATT_ASSIGN(Statement statement, database_->prepare(kInsertRun));
    FINEWATT_TRY(bind_run(statement, run));
    FINEWATT_TRY(statement.run());
    FINEWATT_TRY(insert_tags(*database_, run));
    FINEWATT_TRY(insert_series(*database_, run.run_id, series));
    return transaction.commit();
}

Status SqliteStore::update(const RunRecord& run) {
    FINEWATT_ASSIGN(Transaction transaction, Transaction::begin_write(*database_));
    FINEWATT_TRY(replace_record(*database_, run));
    return transaction.commit();
}

Status SqliteStore::update(const RunRecord& run, std::span<const PowerSeries> series) {
    FINEWATT_ASSIGN(Transaction transaction, Transaction::begin_write(*database_));
    FINEWATT_TRY(replace_record(*database_, run));
    FINEWATT_TRY(run_with_id(*database_, "DELETE FROM power_series WHERE run_id = ?1", run.run_id));
    FINEWATT_TRY(insert_series(*database_, run.run_id, series));
    return transaction.commit();
}

Result<std::string> SqliteStore::resolve(std::string_view key) {
    FINEWATT_ASSIGN(const Transaction view, Transaction::begin_read(*database_));
    return resolve_in(*database_, key);
}

Result<RunRecord> SqliteStore::get(std::string_view key) {
    FINEWATT_ASSIGN(const Transaction view, Transaction::begin_read(*database_));
    FINEWATT_ASSIGN(const std::string run_id, resolve_in(*database_, key));
    FINEWATT_ASSIGN(Statement statement,
                    database_->prepare("SELECT record FROM run WHERE run_id = ?1"));
    FINEWATT_TRY(statement.bind(std::string_view(run_id)));
    FINEWATT_TRY(statement.step());
    Result<RunRecord> run = run_from_json(statement.text(0));
    if (!run) {
        return std::move(run.error())
            .with_context(fmt::format("ledger {}: run {}", database_->path().string(), run_id));
    }
    return run;
}

Result<std::vector<PowerSeries>> SqliteStore::power_series(std::string_view key) {
    FINEWATT_ASSIGN(const Transaction view, Transaction::begin_read(*database_));
    FINEWATT_ASSIGN(const std::string run_id, resolve_in(*database_, key));
    FINEWATT_ASSIGN(Statement row,
                    database_->prepare("SELECT channel, component, provenance, points, data "
                                       "FROM power_series WHERE run_id = ?1 ORDER BY channel"));
    FINEWATT_TRY(row.bind(std::string_view(run_id)));
    std::vector<PowerSeries> all;
    while (true) {
        FINEWATT_ASSIGN(const bool has_row, row.step());
        if (!has_row) {
            return all;
        }
        const std::int64_t points = std::max<std::int64_t>(row.integer(3), 0);
        Result<SeriesColumns> columns =
            decode_series(row.text(4), static_cast<std::size_t>(points));
        if (!columns) {
            return std::move(columns.error())
                .with_context(fmt::format("ledger {}: run {}: channel {}",
                                          database_->path().string(), run_id, row.text(0)));
        }
        all.push_back({row.text(0), row.text(1), row.text(2), std::move(columns->t_s),
                       std::move(columns->power_w)});
    }
}

Result<std::vector<RunOverview>> SqliteStore::list(const RunFilter& filter) {
    FINEWATT_ASSIGN(const Transaction view, Transaction::begin_read(*database_));
    FINEWATT_ASSIGN(
        Statement row,
        database_->prepare(
            "SELECT run_id, name, kind, status, started_at, duration_s, energy_j, energy_j_low, "
            "energy_j_high, provenance, co2_kg FROM run "
            "WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR status = ?2) "
            "AND (?3 IS NULL OR name = ?3) AND (?4 IS NULL OR started_at >= ?4) "
            "AND (?5 IS NULL OR run_id IN (SELECT run_id FROM run_tag WHERE tag = ?5)) "
            "ORDER BY started_at DESC, run_id DESC LIMIT ?6"));
    FINEWATT_TRY(row.bind(filter.kind));
    FINEWATT_TRY(row.bind(filter.status));
    FINEWATT_TRY(row.bind(filter.name));
    FINEWATT_TRY(row.bind(filter.since ? std::optional(filter.since->to_iso8601())
                                       : std::optional<std::string>()));
    FINEWATT_TRY(row.bind(filter.tag));
    // A negative limit is none (SQLite documentation, SELECT).
    FINEWATT_TRY(
        row.bind(filter.limit ? static_cast<std::int64_t>(*filter.limit) : std::int64_t{-1}));
    std::vector<RunOverview> runs;
    while (true) {
        FINEWATT_ASSIGN(const bool has_row, row.step());
        if (!has_row) {
            return runs;
        }
        FINEWATT_ASSIGN(RunOverview run, read_overview(row));
        FINEWATT_ASSIGN(
            run.tags, find_ids(*database_, "SELECT tag FROM run_tag WHERE run_id = ?1 ORDER BY tag",
                               {run.run_id}));
        runs.push_back(std::move(run));
    }
}

Status SqliteStore::erase(std::string_view run_id) {
    FINEWATT_ASSIGN(Transaction transaction, Transaction::begin_write(*database_));
    FINEWATT_TRY(run_with_id(*database_, "DELETE FROM run WHERE run_id = ?1", run_id));
    if (database_->changes() == 0) {
        return no_such_run(run_id);
    }
    return transaction.commit();
}

}  // namespace finewatt
