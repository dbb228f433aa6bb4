#include "finewatt/base/ascii.h"
#include "finewatt/record/json.h"
#include "finewatt/store/run_query_internal.h"
#include "finewatt/store/run_row_internal.h"
#include "finewatt/store/series_codec_internal.h"
#include "finewatt/store/sql_store_internal.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>
#include <utility>

namespace finewatt {
namespace {

/// How often a transaction is tried that meets other writers.
constexpr int kAttempts = 6;
/// Ids in one statement. SQLite 3.32 takes 32766 parameters, PostgreSQL 65535.
constexpr std::size_t kIdsAtOnce = 500;

constexpr std::string_view kOverviewColumns =
    "run_id, name, kind, status, started_at, duration_s, energy_j, energy_j_low, energy_j_high, "
    "provenance, co2_kg";

constexpr std::string_view kInsertRun =
    "INSERT INTO run (run_id, name, kind, status, started_at, duration_s, energy_j, energy_j_low, "
    "energy_j_high, provenance, co2_kg, search) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
    "$11, $12) ON CONFLICT (run_id) DO NOTHING";

constexpr std::string_view kUpdateRun =
    "UPDATE run SET name = $2, kind = $3, status = $4, started_at = $5, duration_s = $6, "
    "energy_j = $7, energy_j_low = $8, energy_j_high = $9, provenance = $10, co2_kg = $11, "
    "search = $12 WHERE run_id = $1";

/// The parameters of kInsertRun and kUpdateRun.
std::vector<SqlValue> values_of(const RunRow& row) {
    return {std::string_view(row.run_id),
            sql_value(row.name),
            std::string_view(row.kind),
            std::string_view(row.status),
            std::string_view(row.started_at),
            sql_value(row.duration_s),
            sql_value(row.energy_j),
            sql_value(row.energy_j_low),
            sql_value(row.energy_j_high),
            sql_value(row.provenance),
            sql_value(row.co2_kg),
            std::string_view(row.search)};
}

Error no_such_run(std::string_view key) {
    return FINEWATT_ERROR(kNotFound,
                          "run '{}': expected a run id, the beginning of one, or a run's name; no "
                          "run matches (see finewatt runs list)",
                          key);
}

std::optional<Joules> from_joules(const std::optional<double>& energy_j) {
    return energy_j ? std::optional(joules(*energy_j)) : std::nullopt;
}

Result<RunOverview> read_overview(const SqlRow& row) {
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

/// "$1, $2, …, $count"
std::string placeholders(std::size_t count) {
    std::string list;
    for (std::size_t i = 1; i <= count; ++i) {
        list += fmt::format("{}${}", i == 1 ? "" : ", ", i);
    }
    return list;
}

bool contains(std::span<const std::string> texts, std::string_view text) {
    return std::find(texts.begin(), texts.end(), text) != texts.end();
}

}  // namespace

// ---- Transactions

template <class Body>
auto SqlStore::transact(SqlAccess access, const Body& body) -> decltype(body()) {
    for (int attempt = 1;; ++attempt) {
        FINEWATT_TRY(connection_->begin(access));
        auto result = body();
        if (result) {
            Status committed = connection_->commit();
            if (committed) {
                return result;
            }
            result = decltype(body())(std::move(committed).error());
        }
        const bool is_conflict = connection_->is_conflict();
        connection_->rollback();
        if (!is_conflict || attempt == kAttempts) {
            return result;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5 * attempt));
    }
}

// ---- Writing

Result<std::vector<SqlStore::PackedSeries>> SqlStore::pack(
    std::span<const PowerSeries> series) const {
    FINEWATT_TRY(check_series(series));
    std::vector<PackedSeries> packed;
    packed.reserve(series.size());
    for (const PowerSeries& one : series) {
        FINEWATT_ASSIGN(std::string bytes, encode_series(one.t_s, one.power_w));
        packed.push_back({&one, std::move(bytes)});
    }
    return packed;
}

Status SqlStore::insert(const RunRecord& run, std::span<const PowerSeries> series) {
    FINEWATT_TRY(check_run_id(run.run_id));
    FINEWATT_ASSIGN(const std::vector<PackedSeries> packed, pack(series));
    const RunRow row = make_run_row(run);
    return transact(SqlAccess::kWrite, [&]() -> Status {
        FINEWATT_ASSIGN(const bool is_new, insert_new(row, packed));
        if (!is_new) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "run {}: expected a new run, but the ledger {} has it already; "
                                  "delete it first, or keep the stored one",
                                  run.run_id, connection_->place());
        }
        return {};
    });
}

Result<ImportOutcome> SqlStore::import_run(const RunRecord& run,
                                           std::span<const PowerSeries> series) {
    FINEWATT_TRY(check_run_id(run.run_id));
    FINEWATT_ASSIGN(const std::vector<PackedSeries> packed, pack(series));
    const RunRow row = make_run_row(run);
    return transact(SqlAccess::kWrite, [&]() -> Result<ImportOutcome> {
        FINEWATT_ASSIGN(const bool is_new, insert_new(row, packed));
        if (is_new) {
            return ImportOutcome::kStored;
        }
        FINEWATT_ASSIGN(const RunRecord stored, read_record(run.run_id, ""));
        FINEWATT_ASSIGN(const std::vector<PowerSeries> stored_series, read_series(run.run_id));
        std::vector<std::string> differing = differing_fields(run, stored);
        if (!is_same_series(series, stored_series)) {
            differing.emplace_back("power series");
        }
        if (differing.empty()) {
            return ImportOutcome::kAlreadyStored;
        }
        return FINEWATT_ERROR(kInvalidArgument,
                              "run {}: expected the content that the ledger {} has already, found "
                              "another: {}; delete the stored run first, or keep it",
                              run.run_id, connection_->place(), fmt::join(differing, ", "));
    });
}

Status SqlStore::update(const RunRecord& run) {
    const RunRow row = make_run_row(run);
    return transact(SqlAccess::kWrite, [&]() -> Status { return replace_record(row); });
}

Status SqlStore::update(const RunRecord& run, std::span<const PowerSeries> series) {
    FINEWATT_ASSIGN(const std::vector<PackedSeries> packed, pack(series));
    const RunRow row = make_run_row(run);
    return transact(SqlAccess::kWrite, [&]() -> Status {
        FINEWATT_TRY(replace_record(row));
        FINEWATT_TRY(erase_rows("power_series", row.run_id));
        return insert_series(row.run_id, packed);
    });
}

Result<std::vector<std::string>> SqlStore::set_tags(std::string_view run_id,
                                                    std::span<const std::string> add,
                                                    std::span<const std::string> remove) {
    if (contains(add, "")) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "run {}: expected a tag of at least one letter, found an empty one",
                              run_id);
    }
    return transact(SqlAccess::kWrite, [&]() -> Result<std::vector<std::string>> {
        FINEWATT_ASSIGN(RunRecord run, read_record(run_id, connection_->dialect().lock_row));
        const std::vector<std::string> before = run.tags;
        run.tags.clear();
        for (const std::string& tag : before) {
            if (!contains(remove, tag) && !contains(run.tags, tag)) {
                run.tags.push_back(tag);
            }
        }
        for (const std::string& tag : add) {
            std::string text = column_text(tag);
            if (!contains(run.tags, text)) {
                run.tags.push_back(std::move(text));
            }
        }
        FINEWATT_TRY(replace_record(make_run_row(run)));
        return run.tags;
    });
}

Status SqlStore::erase(std::string_view run_id) {
    return transact(SqlAccess::kWrite, [&]() -> Status {
        const std::vector<SqlValue> id{run_id};
        FINEWATT_ASSIGN(const std::size_t erased,
                        connection_->execute("DELETE FROM run WHERE run_id = $1", id));
        return erased == 0 ? Status(no_such_run(run_id)) : Status();
    });
}

Result<bool> SqlStore::insert_new(const RunRow& row, const std::vector<PackedSeries>& series) {
    FINEWATT_ASSIGN(const std::size_t inserted, connection_->execute(kInsertRun, values_of(row)));
    if (inserted == 0) {
        return false;
    }
    const std::vector<SqlValue> record{std::string_view(row.run_id), std::string_view(row.record)};
    FINEWATT_TRY(
        connection_->execute("INSERT INTO run_record (run_id, record) VALUES ($1, $2)", record));
    FINEWATT_TRY(insert_tags(row));
    FINEWATT_TRY(insert_series(row.run_id, series));
    return true;
}

Status SqlStore::replace_record(const RunRow& row) {
    FINEWATT_ASSIGN(const std::size_t updated, connection_->execute(kUpdateRun, values_of(row)));
    if (updated == 0) {
        return no_such_run(row.run_id);
    }
    const std::vector<SqlValue> record{std::string_view(row.run_id), std::string_view(row.record)};
    FINEWATT_TRY(
        connection_->execute("UPDATE run_record SET record = $2 WHERE run_id = $1", record));
    FINEWATT_TRY(erase_rows("run_tag", row.run_id));
    return insert_tags(row);
}

Status SqlStore::insert_tags(const RunRow& row) {
    for (const std::string& tag : row.tags) {
        const std::vector<SqlValue> values{std::string_view(row.run_id), std::string_view(tag)};
        FINEWATT_TRY(
            connection_->execute("INSERT INTO run_tag (run_id, tag) VALUES ($1, $2)", values));
    }
    return {};
}

Status SqlStore::insert_series(std::string_view run_id, const std::vector<PackedSeries>& series) {
    for (const PackedSeries& packed : series) {
        const std::string channel = column_text(packed.series->channel);
        const std::string component = column_text(packed.series->component);
        const std::string provenance = column_text(packed.series->provenance);
        const std::vector<SqlValue> values{run_id,
                                           std::string_view(channel),
                                           std::string_view(component),
                                           std::string_view(provenance),
                                           static_cast<std::int64_t>(packed.series->t_s.size()),
                                           SqlBytes{packed.bytes}};
        FINEWATT_TRY(connection_->execute(
            "INSERT INTO power_series (run_id, channel, component, provenance, points, data) "
            "VALUES ($1, $2, $3, $4, $5, $6)",
            values));
    }
    return {};
}

/// `table` is a name of ours.
Status SqlStore::erase_rows(std::string_view table, std::string_view run_id) {
    const std::vector<SqlValue> id{run_id};
    FINEWATT_TRY(connection_->execute(fmt::format("DELETE FROM {} WHERE run_id = $1", table), id));
    return {};
}

// ---- Reading

Result<std::vector<std::string>> SqlStore::find_ids(std::string_view sql,
                                                    std::initializer_list<SqlValue> parameters) {
    std::vector<std::string> ids;
    FINEWATT_TRY(connection_->query(sql, std::vector(parameters), [&ids](const SqlRow& row) {
        ids.emplace_back(row.text(0));
        return Status();
    }));
    return ids;
}

Result<std::string> SqlStore::resolve_here(std::string_view key) {
    const std::string text = column_text(key);
    if (text.empty()) {
        return no_such_run(key);
    }
    const std::string id = ascii_upper(text);
    FINEWATT_ASSIGN(const std::vector<std::string> same,
                    find_ids("SELECT run_id FROM run WHERE run_id = $1", {std::string_view(id)}));
    if (!same.empty()) {
        return same.front();
    }
    FINEWATT_ASSIGN(const std::vector<std::string> named,
                    find_ids("SELECT run_id FROM run WHERE name = $1 ORDER BY run_id DESC LIMIT 5",
                             {std::string_view(text)}));
    if (!named.empty()) {
        return only_id(key, "name", named);
    }
    const std::string end = id + "~";  // '~' sorts after every character of an id
    FINEWATT_ASSIGN(const std::vector<std::string> begun,
                    find_ids("SELECT run_id FROM run WHERE run_id >= $1 AND run_id < $2 "
                             "ORDER BY run_id DESC LIMIT 5",
                             {std::string_view(id), std::string_view(end)}));
    if (!begun.empty()) {
        return only_id(key, "beginning", begun);
    }
    return no_such_run(key);
}

Result<RunRecord> SqlStore::parse_record(std::string_view run_id, std::string_view record) const {
    Result<RunRecord> run = run_from_json(record);
    if (!run) {
        return std::move(run.error())
            .with_context(fmt::format("ledger {}: run {}", connection_->place(), run_id));
    }
    return run;
}

Result<RunRecord> SqlStore::read_record(std::string_view run_id, std::string_view lock) {
    const std::vector<SqlValue> id{run_id};
    std::optional<RunRecord> run;
    FINEWATT_TRY(
        connection_->query(fmt::format("SELECT record FROM run_record WHERE run_id = $1{}", lock),
                           id, [&](const SqlRow& row) -> Status {
                               FINEWATT_ASSIGN(run, parse_record(run_id, row.text(0)));
                               return {};
                           }));
    if (!run) {
        return no_such_run(run_id);
    }
    return *std::move(run);
}

Result<std::vector<PowerSeries>> SqlStore::read_series(std::string_view run_id) {
    const std::vector<SqlValue> id{run_id};
    std::vector<PowerSeries> all;
    FINEWATT_TRY(connection_->query(
        "SELECT channel, component, provenance, points, data FROM power_series WHERE run_id = $1 "
        "ORDER BY channel",
        id, [&](const SqlRow& row) -> Status {
            const auto points = static_cast<std::size_t>(std::max<std::int64_t>(row.integer(3), 0));
            Result<SeriesColumns> columns = decode_series(row.text(4), points);
            if (!columns) {
                return std::move(columns.error())
                    .with_context(fmt::format("ledger {}: run {}: channel {}", connection_->place(),
                                              run_id, row.text(0)));
            }
            all.push_back({std::string(row.text(0)), std::string(row.text(1)),
                           std::string(row.text(2)), std::move(columns->t_s),
                           std::move(columns->power_w)});
            return {};
        }));
    return all;
}

Status SqlStore::read_tags(std::span<RunOverview> runs) {
    std::map<std::string_view, RunOverview*> by_id;
    std::vector<SqlValue> ids;
    for (RunOverview& run : runs) {
        by_id[run.run_id] = &run;
        ids.emplace_back(std::string_view(run.run_id));
    }
    return connection_->query(
        fmt::format("SELECT run_id, tag FROM run_tag WHERE run_id IN ({}) ORDER BY tag",
                    placeholders(ids.size())),
        ids, [&by_id](const SqlRow& row) {
            by_id[row.text(0)]->tags.emplace_back(row.text(1));
            return Status();
        });
}

Result<std::string> SqlStore::resolve(std::string_view key) {
    return transact(SqlAccess::kRead, [&] { return resolve_here(key); });
}

Result<RunRecord> SqlStore::get(std::string_view key) {
    return transact(SqlAccess::kRead, [&]() -> Result<RunRecord> {
        FINEWATT_ASSIGN(const std::string run_id, resolve_here(key));
        return read_record(run_id, "");
    });
}

Result<std::vector<PowerSeries>> SqlStore::power_series(std::string_view key) {
    return transact(SqlAccess::kRead, [&]() -> Result<std::vector<PowerSeries>> {
        FINEWATT_ASSIGN(const std::string run_id, resolve_here(key));
        return read_series(run_id);
    });
}

Result<std::vector<RunOverview>> SqlStore::list(const RunFilter& filter) {
    const RunQuery query(filter, connection_->dialect());
    return transact(SqlAccess::kRead, [&]() -> Result<std::vector<RunOverview>> {
        std::vector<RunOverview> runs;
        FINEWATT_TRY(connection_->query(query.select(kOverviewColumns), query.parameters(),
                                        [&runs](const SqlRow& row) -> Status {
                                            FINEWATT_ASSIGN(runs.emplace_back(),
                                                            read_overview(row));
                                            return {};
                                        }));
        for (std::size_t i = 0; i < runs.size(); i += kIdsAtOnce) {
            const std::size_t size = std::min(kIdsAtOnce, runs.size() - i);
            FINEWATT_TRY(read_tags(std::span(runs).subspan(i, size)));
        }
        return runs;
    });
}

Result<std::size_t> SqlStore::count(const RunFilter& filter) {
    const RunQuery query(filter, connection_->dialect());
    return transact(SqlAccess::kRead, [&]() -> Result<std::size_t> {
        std::size_t size = 0;
        FINEWATT_TRY(connection_->query(query.select_count(), query.parameters(),
                                        [&size](const SqlRow& row) {
                                            size = static_cast<std::size_t>(row.integer(0));
                                            return Status();
                                        }));
        return size;
    });
}

Result<std::vector<std::string>> SqlStore::list_ids(const RunFilter& filter) {
    const RunQuery query(filter, connection_->dialect());
    return transact(SqlAccess::kRead, [&]() -> Result<std::vector<std::string>> {
        std::vector<std::string> ids;
        FINEWATT_TRY(connection_->query(query.select("run_id"), query.parameters(),
                                        [&ids](const SqlRow& row) {
                                            ids.emplace_back(row.text(0));
                                            return Status();
                                        }));
        return ids;
    });
}

Result<std::vector<RunRecord>> SqlStore::get_all(std::span<const std::string> run_ids) {
    return transact(SqlAccess::kRead, [&]() -> Result<std::vector<RunRecord>> {
        std::vector<RunRecord> runs;
        for (std::size_t i = 0; i < run_ids.size(); i += kIdsAtOnce) {
            const auto some = run_ids.subspan(i, std::min(kIdsAtOnce, run_ids.size() - i));
            std::map<std::string, RunRecord, std::less<>> found;
            const std::vector<SqlValue> ids(some.begin(), some.end());
            FINEWATT_TRY(connection_->query(
                fmt::format("SELECT run_id, record FROM run_record WHERE run_id IN ({})",
                            placeholders(ids.size())),
                ids, [&](const SqlRow& row) -> Status {
                    FINEWATT_ASSIGN(found[std::string(row.text(0))],
                                    parse_record(row.text(0), row.text(1)));
                    return {};
                }));
            for (const std::string& run_id : some) {
                if (const auto run = found.find(run_id); run != found.end()) {
                    runs.push_back(run->second);
                }
            }
        }
        return runs;
    });
}

}  // namespace finewatt
