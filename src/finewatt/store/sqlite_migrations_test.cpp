#include "finewatt/store/sqlite_migrations_internal.h"
#include "finewatt/store/sqlite_store.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <array>
#include <memory>
#include <vector>

namespace finewatt::sqlite {
namespace {

using ::finewatt::testing::TempTree;

constexpr const char* kStep1 = "CREATE TABLE fruit (name TEXT NOT NULL);";
constexpr const char* kStep2 =
    "ALTER TABLE fruit ADD COLUMN weight_g REAL; UPDATE fruit SET weight_g = 150;";
constexpr const char* kBrokenStep = "CREATE TABLE half (x); CREATE TABLE fruit (name TEXT);";

class Migrations : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_OK_AND_ASSIGN(
            database_, Database::open(tree_.path() / "ledger.db", std::chrono::milliseconds(0)));
    }

    std::int64_t number(std::string_view sql) { return database_->query_integer(sql).value(); }

    TempTree tree_;
    std::unique_ptr<Database> database_;
};

TEST_F(Migrations, OlderFileIsBroughtUpToDateWithItsRows) {
    ASSERT_OK(migrate(*database_, std::array{kStep1}));
    ASSERT_OK(database_->execute("INSERT INTO fruit VALUES ('apple')"));
    ASSERT_OK(migrate(*database_, std::array{kStep1, kStep2}));
    EXPECT_EQ(number("PRAGMA user_version"), 2);
    EXPECT_EQ(number("SELECT weight_g FROM fruit WHERE name = 'apple'"), 150);
}

TEST_F(Migrations, EmptyFileGetsEveryStep) {
    ASSERT_OK(migrate(*database_, std::array{kStep1, kStep2}));
    EXPECT_EQ(number("SELECT count(*) FROM pragma_table_info('fruit')"), 2);
}

TEST_F(Migrations, SecondCallChangesNothing) {
    ASSERT_OK(migrate(*database_, std::array{kStep1}));
    const std::int64_t before = number("PRAGMA schema_version");
    ASSERT_OK(migrate(*database_, std::array{kStep1}));
    EXPECT_EQ(number("PRAGMA schema_version"), before);
}

TEST_F(Migrations, FailedStepLeavesTheOldVersion) {
    ASSERT_OK(migrate(*database_, std::array{kStep1}));
    EXPECT_ERROR(kInternal, migrate(*database_, std::array{kStep1, kBrokenStep}),
                 "schema step 1 to 2");
    EXPECT_EQ(number("PRAGMA user_version"), 1);
    EXPECT_EQ(number("SELECT count(*) FROM sqlite_master WHERE name = 'half'"), 0);
}

TEST_F(Migrations, NewerFileIsRefusedWithAdvice) {
    ASSERT_OK(migrate(*database_, std::array{kStep1, kStep2}));
    EXPECT_ERROR(kUnsupported, migrate(*database_, std::array{kStep1}),
                 "expected schema version 1 or older, found 2: a newer finewatt wrote it; update");
}

TEST_F(Migrations, ForeignDatabaseIsLeftAlone) {
    ASSERT_OK(database_->execute("CREATE TABLE bookmarks (url TEXT)"));
    EXPECT_ERROR(kCorrupt, migrate(*database_, std::array{kStep1}), "another program's database");
    EXPECT_EQ(number("SELECT count(*) FROM sqlite_master"), 1);
}

/// A ledger as version 1 wrote it: the text that `sqlite3 .dump` gave, with other runs.
constexpr const char* kLedgerOfVersion1 = R"sql(
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
INSERT INTO run VALUES('01JDCAFE000000000000000001', 'Nap', 'command', 'complete',
    '2026-11-23T04:28:00.000Z', 2.5, 12.5, 12.0, 13.0, 'measured', NULL,
    '{"run_id":"01JDCAFE000000000000000001","name":"Nap","kind":"command","status":"complete",'
    || '"started_at":"2026-11-23T04:28:00.000Z","duration_s":2.5,"energy":{"energy_j":12.5},'
    || '"settings":{"batch":32,"model":"BERT","host":null},"tags":["Paper"]}');
INSERT INTO run VALUES('01JDCAFE000000000000000002', NULL, 'command', 'complete',
    '2026-11-23T05:28:00.000Z', NULL, NULL, NULL, NULL, NULL, NULL, '{"run_id":');
CREATE TABLE run_tag (
    run_id TEXT NOT NULL REFERENCES run (run_id) ON DELETE CASCADE,
    tag    TEXT NOT NULL,
    PRIMARY KEY (run_id, tag)
) STRICT, WITHOUT ROWID;
INSERT INTO run_tag VALUES('01JDCAFE000000000000000001', 'Paper');
CREATE TABLE power_series (
    run_id     TEXT NOT NULL REFERENCES run (run_id) ON DELETE CASCADE,
    channel    TEXT NOT NULL,
    component  TEXT NOT NULL,
    provenance TEXT NOT NULL,
    points     INTEGER NOT NULL,
    data       BLOB NOT NULL,
    PRIMARY KEY (run_id, channel)
) STRICT;
INSERT INTO power_series VALUES('01JDCAFE000000000000000001', 'powercap:package-0', 'cpu',
    'measured', 3, x'01789cb36760d8592035936115329ac5b0d281c121842184414080011500005c190a5d');
CREATE INDEX run_by_started_at ON run (started_at, run_id);
CREATE INDEX run_by_name ON run (name) WHERE name IS NOT NULL;
CREATE INDEX run_tag_by_tag ON run_tag (tag);
PRAGMA user_version = 1;
)sql";

class LedgerOfVersion1 : public Migrations {
  protected:
    void SetUp() override {
        Migrations::SetUp();
        ASSERT_OK(database_->execute(kLedgerOfVersion1));
        ASSERT_OK_AND_ASSIGN(store_, open_sqlite_store(tree_.path() / "ledger.db"));
    }

    std::unique_ptr<Store> store_;
};

TEST_F(LedgerOfVersion1, RunIsReadWithAllThatBelongsToIt) {
    EXPECT_EQ(number("PRAGMA user_version"), 2);
    ASSERT_OK_AND_ASSIGN(const RunRecord run, store_->get("Nap"));
    EXPECT_EQ(run.energy.energy, joules(12.5));
    EXPECT_EQ(std::get<std::int64_t>(run.settings.at("batch")), 32);
    ASSERT_OK_AND_ASSIGN(const auto series, store_->power_series("Nap"));
    ASSERT_EQ(series.size(), 1U);
    EXPECT_EQ(series[0].power_w, (std::vector{80.0, 80.25, 0.0}));
    RunFilter filter;
    filter.tag = "Paper";
    EXPECT_EQ(store_->list(filter).value().size(), 1U);
}

TEST_F(LedgerOfVersion1, TextFiltersFindOldRuns) {
    for (const char* text : {"nap", "bert", "paper", "01jdcafe000000000000000001"}) {
        RunFilter filter;
        filter.text = text;
        EXPECT_EQ(store_->count(filter).value(), 1U) << text;
    }
    RunFilter filter;
    filter.text = "energy_j";
    EXPECT_EQ(store_->count(filter).value(), 0U);
}

TEST_F(LedgerOfVersion1, DamagedRecordStaysADamagedRun) {
    EXPECT_EQ(store_->count({}).value(), 2U);
    EXPECT_ERROR(kCorrupt, store_->get("01JDCAFE000000000000000002"), "000002");
    EXPECT_OK(store_->erase("01JDCAFE000000000000000002"));
}

TEST_F(LedgerOfVersion1, ErasedRunTakesItsRecordAlong) {
    ASSERT_OK(store_->erase("01JDCAFE000000000000000001"));
    EXPECT_EQ(number("SELECT count(*) FROM run_record"), 1);
    EXPECT_EQ(number("SELECT count(*) FROM power_series"), 0);
    EXPECT_EQ(number("SELECT count(*) FROM run_tag"), 0);
}

}  // namespace
}  // namespace finewatt::sqlite
