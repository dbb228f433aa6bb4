#include "finewatt/store/postgres_migrations_internal.h"

#include <array>

namespace finewatt::postgres {
namespace {

// The same tables as in SQLite. Collation "C" sorts texts by their bytes, as SQLite does. An index
// by hash takes names and tags of any length. Series are compressed already.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE run (
    run_id        TEXT COLLATE "C" PRIMARY KEY,
    name          TEXT COLLATE "C",
    kind          TEXT COLLATE "C" NOT NULL,
    status        TEXT COLLATE "C" NOT NULL,
    started_at    TEXT COLLATE "C" NOT NULL,
    duration_s    DOUBLE PRECISION,
    energy_j      DOUBLE PRECISION,
    energy_j_low  DOUBLE PRECISION,
    energy_j_high DOUBLE PRECISION,
    provenance    TEXT,
    co2_kg        DOUBLE PRECISION,
    search        TEXT COLLATE "C" NOT NULL
);
CREATE INDEX run_by_started_at ON run (started_at, run_id);
CREATE INDEX run_by_name ON run USING hash (name);
CREATE INDEX run_by_energy ON run (energy_j DESC NULLS LAST, started_at DESC, run_id DESC);

CREATE TABLE run_record (
    run_id TEXT COLLATE "C" PRIMARY KEY REFERENCES run (run_id) ON DELETE CASCADE,
    record JSON NOT NULL
);

CREATE TABLE run_tag (
    run_id TEXT COLLATE "C" NOT NULL REFERENCES run (run_id) ON DELETE CASCADE,
    tag    TEXT COLLATE "C" NOT NULL
);
CREATE INDEX run_tag_by_run ON run_tag (run_id);
CREATE INDEX run_tag_by_tag ON run_tag USING hash (tag);

CREATE TABLE power_series (
    run_id     TEXT COLLATE "C" NOT NULL REFERENCES run (run_id) ON DELETE CASCADE,
    channel    TEXT COLLATE "C" NOT NULL,
    component  TEXT NOT NULL,
    provenance TEXT NOT NULL,
    points     BIGINT NOT NULL,
    data       BYTEA NOT NULL
);
CREATE INDEX power_series_by_run ON power_series (run_id);
ALTER TABLE power_series ALTER COLUMN data SET STORAGE EXTERNAL;
)sql";

constexpr std::array<const char*, 1> kSteps{kVersion1};

/// Any number: programs that bring one ledger up to date at once take the lock of this name.
constexpr std::int64_t kMigrationLock = 7'310'034'283'826'791'782;

Result<std::int64_t> query_integer(PostgresConnection& connection, std::string_view sql,
                                   std::span<const SqlValue> parameters = {}) {
    std::int64_t number = 0;
    FINEWATT_TRY(connection.query(sql, parameters, [&number](const SqlRow& row) {
        number = row.integer(0);
        return Status();
    }));
    return number;
}

/// Return the version; refuse one from the future, and schemas that are not ours.
Result<std::size_t> read_version(PostgresConnection& connection, std::size_t newest) {
    FINEWATT_ASSIGN(const std::int64_t has_version,
                    query_integer(connection,
                                  "SELECT count(*) FROM pg_catalog.pg_class "
                                  "WHERE oid = to_regclass('finewatt.schema_version')"));
    if (has_version == 0) {
        FINEWATT_ASSIGN(const std::int64_t tables,
                        query_integer(connection,
                                      "SELECT count(*) FROM pg_catalog.pg_class "
                                      "WHERE relnamespace = to_regnamespace('finewatt')"));
        if (tables != 0) {
            return FINEWATT_ERROR(kCorrupt,
                                  "ledger {}: expected a schema finewatt of ours or none, found "
                                  "one that another program made; name another database with "
                                  "--store",
                                  connection.place());
        }
        return 0;
    }
    FINEWATT_ASSIGN(const std::int64_t version,
                    query_integer(connection, "SELECT max(version) FROM schema_version"));
    if (version < 1 || static_cast<std::size_t>(version) > newest) {
        return FINEWATT_ERROR(kUnsupported,
                              "ledger {}: expected schema version {} or older, found {}: a newer "
                              "finewatt wrote it; update finewatt, or name another ledger with "
                              "--store",
                              connection.place(), newest, version);
    }
    return static_cast<std::size_t>(version);
}

Status make_version_table(PostgresConnection& connection) {
    FINEWATT_ASSIGN(const std::int64_t has_schema,
                    query_integer(connection,
                                  "SELECT count(*) FROM pg_catalog.pg_namespace "
                                  "WHERE nspname = 'finewatt'"));
    if (has_schema == 0) {
        FINEWATT_TRY(connection.run_script("CREATE SCHEMA finewatt"));
    }
    return connection.run_script(
        "CREATE TABLE schema_version (version INTEGER NOT NULL);"
        "INSERT INTO schema_version VALUES (0)");
}

Status apply_steps(PostgresConnection& connection, std::span<const char* const> steps) {
    FINEWATT_TRY(
        connection.run_script(fmt::format("SELECT pg_advisory_xact_lock({})", kMigrationLock)));
    // Under the lock: another program may have been first.
    FINEWATT_ASSIGN(const std::size_t version, read_version(connection, steps.size()));
    if (version == 0) {
        FINEWATT_TRY(make_version_table(connection));
    }
    for (std::size_t i = version; i < steps.size(); ++i) {
        FINEWATT_TRY_CONTEXT(connection.run_script(steps[i]), "schema step {} to {}", i, i + 1);
    }
    return connection.run_script(
        fmt::format("UPDATE schema_version SET version = {}", steps.size()));
}

}  // namespace

std::span<const char* const> schema_steps() {
    return kSteps;
}

Status migrate(PostgresConnection& connection, std::span<const char* const> steps) {
    FINEWATT_TRY(connection.begin(SqlAccess::kRead));
    const Result<std::size_t> version = read_version(connection, steps.size());
    connection.rollback();
    FINEWATT_TRY(version);
    if (*version == steps.size()) {
        return {};
    }
    FINEWATT_TRY(connection.begin(SqlAccess::kWrite));
    Status applied = apply_steps(connection, steps);
    if (applied) {
        applied = connection.commit();
    }
    if (!applied) {
        connection.rollback();
    }
    return applied;
}

}  // namespace finewatt::postgres
