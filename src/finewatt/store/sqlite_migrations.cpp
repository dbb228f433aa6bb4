#include "finewatt/store/sqlite_migrations_internal.h"

#include <array>

namespace finewatt::sqlite {
namespace {

// The columns beside `record` repeat fields of it, for lists and filters. docs/formats/store.md
// describes every table.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE run (
    run_id        TEXT PRIMARY KEY NOT NULL,
    name          TEXT,
    kind          TEXT NOT NULL,
    status        TEXT NOT NULL,
    started_at    TEXT NOT NULL,
    duration_s    REAL,
    energy_j      REAL,
    energy_j_low  REAL,
    energy_j_high REAL,
    provenance    TEXT,
    co2_kg        REAL,
    record        TEXT NOT NULL
) STRICT;
CREATE INDEX run_by_started_at ON run (started_at, run_id);
CREATE INDEX run_by_name ON run (name) WHERE name IS NOT NULL;

CREATE TABLE run_tag (
    run_id TEXT NOT NULL REFERENCES run (run_id) ON DELETE CASCADE,
    tag    TEXT NOT NULL,
    PRIMARY KEY (run_id, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_tag_by_tag ON run_tag (tag);

CREATE TABLE power_series (
    run_id     TEXT NOT NULL REFERENCES run (run_id) ON DELETE CASCADE,
    channel    TEXT NOT NULL,
    component  TEXT NOT NULL,
    provenance TEXT NOT NULL,
    points     INTEGER NOT NULL,
    data       BLOB NOT NULL,
    PRIMARY KEY (run_id, channel)
) STRICT;
)sql";

// The record moves to a table of its own, so that a list reads only what it shows, and what a text
// filter looks into is kept in one column. A record that is damaged keeps its run.
constexpr const char* kVersion2 = R"sql(
CREATE TABLE run_record (
    run_id TEXT PRIMARY KEY NOT NULL REFERENCES run (run_id) ON DELETE CASCADE,
    record TEXT NOT NULL
) STRICT;
INSERT INTO run_record (run_id, record) SELECT run_id, record FROM run;

ALTER TABLE run ADD COLUMN search TEXT NOT NULL DEFAULT '';
UPDATE run SET search = lower(
    run_id || char(10) || coalesce(name, '') || char(10) || kind
    || coalesce((SELECT char(10) || group_concat(tag, char(10)) FROM run_tag
                 WHERE run_tag.run_id = run.run_id), '')
    || coalesce((SELECT char(10) || group_concat(value, char(10))
                 FROM json_each(CASE WHEN json_valid(record) THEN record ELSE '{}' END,
                                '$.settings')
                 WHERE type = 'text'), ''));
ALTER TABLE run DROP COLUMN record;
CREATE INDEX run_by_energy ON run (energy_j, started_at, run_id);
)sql";

constexpr std::array<const char*, 2> kSteps{kVersion1, kVersion2};

/// Return the version; refuse one from the future, and files that are not ours.
Result<std::size_t> read_version(const Database& database, std::size_t newest) {
    FINEWATT_ASSIGN(const std::int64_t version, database.query_integer("PRAGMA user_version"));
    if (version < 0 || static_cast<std::size_t>(version) > newest) {
        return FINEWATT_ERROR(kUnsupported,
                              "ledger {}: expected schema version {} or older, found {}: a newer "
                              "finewatt wrote it; update finewatt, or name another ledger with "
                              "--store sqlite:PATH",
                              database.path().string(), newest, version);
    }
    if (version == 0) {
        FINEWATT_ASSIGN(const std::int64_t tables,
                        database.query_integer("SELECT count(*) FROM sqlite_master"));
        if (tables != 0) {
            return FINEWATT_ERROR(kCorrupt,
                                  "ledger {}: expected a finewatt ledger or an empty file, found "
                                  "another program's database; name another with --store "
                                  "sqlite:PATH",
                                  database.path().string());
        }
    }
    return static_cast<std::size_t>(version);
}

}  // namespace

std::span<const char* const> schema_steps() {
    return kSteps;
}

Status migrate(Database& database, std::span<const char* const> steps) {
    FINEWATT_ASSIGN(const std::size_t version_before, read_version(database, steps.size()));
    if (version_before == steps.size()) {
        return {};
    }
    FINEWATT_ASSIGN(Transaction transaction, Transaction::begin_write(database));
    // Again under the lock: another process may have been first.
    FINEWATT_ASSIGN(const std::size_t version, read_version(database, steps.size()));
    for (std::size_t i = version; i < steps.size(); ++i) {
        FINEWATT_TRY_CONTEXT(database.execute(steps[i]), "schema step {} to {}", i, i + 1);
    }
    // A pragma takes no parameter; the number is our own.
    const std::string set_version = fmt::format("PRAGMA user_version = {}", steps.size());
    FINEWATT_TRY(database.execute(set_version.c_str()));
    return transaction.commit();
}

}  // namespace finewatt::sqlite
