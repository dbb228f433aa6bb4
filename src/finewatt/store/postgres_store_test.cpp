// What can go wrong between a PostgreSQL ledger and its server. What every store does is in
// store_contract_test.cpp, which runs on the ledger made here.
#include "finewatt/store/postgres_store.h"

#include "finewatt/store/postgres_connection_internal.h"
#include "finewatt/store/postgres_migrations_internal.h"
#include "finewatt/store/store_contract_test_internal.h"
#include "finewatt/testing/local_postgres.h"
#include "finewatt/testing/matchers.h"

#include <array>
#include <memory>
#include <string>

namespace finewatt {

using testing::LocalPostgres;

Result<ContractLedger> make_contract_ledger() {
    FINEWATT_ASSIGN(LocalPostgres * server, LocalPostgres::shared());
    const std::string url = server->make_database();
    ContractLedger ledger;
    ledger.open = [url] { return open_store(url); };
    ledger.run_sql = [server, url](const std::string& sql) {
        server->run_sql(url, "SET search_path = finewatt; " + sql);
    };
    return ledger;
}

namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kId1 = "01JDCAFE000000000000000001";
constexpr std::string_view kId2 = "01JDCAFE000000000000000002";

RunRecord make_run(std::string_view id) {
    RunRecord run;
    run.run_id = id;
    run.started_at = WallTime::from_unix_ns(1'795'408'080'000'000'000);
    return run;
}

class PostgresStoreTest : public ::testing::Test {
  protected:
    void SetUp() override {
        const Result<LocalPostgres*> server = LocalPostgres::shared();
        if (!server && server.error().code() == ErrorCode::kUnsupported) {
            GTEST_SKIP() << server.error().message();
        }
        ASSERT_OK(server);
        server_ = *server;
        url_ = server_->make_database();
    }

    Result<std::unique_ptr<Store>> open(const PostgresOptions& options = {}) {
        return open_postgres_store(url_, options);
    }

    std::string sql(const std::string& text) { return server_->run_sql(url_, text); }

    LocalPostgres* server_ = nullptr;
    std::string url_;
};

// ---- Opening

TEST_F(PostgresStoreTest, MissingClientLibraryNamesThePackage) {
    PostgresOptions options;
    options.library = "libpq-that-is-not-there.so";
    EXPECT_ERROR(kUnsupported, open(options), "install libpq5");
    options.library = "libz.so.1";
    EXPECT_ERROR(kUnsupported, open(options), "lacks a function");
}

TEST_F(PostgresStoreTest, ServerThatIsNotThereIsAnIoError) {
    EXPECT_ERROR(kIo, open_postgres_store("postgresql://me@127.0.0.1:1/db"), "Connection refused");
    EXPECT_ERROR(kIo, open_postgres_store("postgresql:///db?host=/nonexistent"),
                 "expected a server that answers");
    EXPECT_ERROR(kIo, open_postgres_store(url_.replace(url_.find("ledger"), 6, "absent")),
                 "does not exist");
}

TEST_F(PostgresStoreTest, WrongPasswordIsToldWithoutIt) {
    const auto refused = open_postgres_store(LocalPostgres::url_for(url_, "guarded", "hunter2"));
    EXPECT_ERROR(kIo, refused, "password authentication failed for user \"guarded\"");
    EXPECT_THAT(refused.error().describe(), Not(HasSubstr("hunter2")));
    EXPECT_ERROR(kPermission, open_postgres_store(LocalPostgres::url_for(url_, "guarded")),
                 "~/.pgpass or PGPASSWORD");
}

TEST_F(PostgresStoreTest, PasswordOfTheUrlOpensTheLedger) {
    sql("GRANT CREATE ON DATABASE " + sql("SELECT current_database()") + " TO guarded");
    const std::string url = LocalPostgres::url_for(url_, "guarded", "open%20sesame");
    ASSERT_OK_AND_ASSIGN(const auto store, open_postgres_store(url));
    EXPECT_OK(store->insert(make_run(kId1), {}));
}

TEST_F(PostgresStoreTest, MessagesHoldNoPasswordThatIsAWordOfTheServer) {
    // The server names the role; here the role is the password.
    const auto refused = open_postgres_store(LocalPostgres::url_for(url_, "nobody77", "nobody77"));
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().describe(), Not(HasSubstr("nobody77")));
}

TEST_F(PostgresStoreTest, RoleWithoutRightsIsAPermissionError) {
    const std::string stranger = LocalPostgres::url_for(url_, "stranger");
    sql("DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN");
    EXPECT_ERROR(kPermission, open_postgres_store(stranger), "ask the database's owner");
    ASSERT_OK(open());
    EXPECT_ERROR(kPermission, open_postgres_store(stranger), "permission denied");
}

TEST_F(PostgresStoreTest, RoleThatMayOnlyReadReads) {
    ASSERT_OK_AND_ASSIGN(const auto owner, open());
    ASSERT_OK(owner->insert(make_run(kId1), {}));
    sql("DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN;"
        "GRANT USAGE ON SCHEMA finewatt TO reader;"
        "GRANT SELECT ON ALL TABLES IN SCHEMA finewatt TO reader");
    ASSERT_OK_AND_ASSIGN(const auto store,
                         open_postgres_store(LocalPostgres::url_for(url_, "reader")));
    EXPECT_OK(store->get(kId1));
    EXPECT_ERROR(kPermission, store->insert(make_run(kId2), {}), "permission denied");
    EXPECT_ERROR(kPermission, store->erase(kId1), "permission denied");
    EXPECT_EQ(store->count({}).value(), 1U);
    sql("DROP OWNED BY reader; DROP ROLE reader");
}

TEST_F(PostgresStoreTest, ReadOnlyServerIsAPermissionError) {
    ASSERT_OK(open());
    const std::string database = sql("SELECT current_database()");
    sql("ALTER DATABASE " + database.substr(0, database.find('\n')) +
        " SET default_transaction_read_only = on");
    ASSERT_OK_AND_ASSIGN(const auto store, open());
    EXPECT_ERROR(kPermission, store->insert(make_run(kId1), {}), "read-only");
    EXPECT_OK(store->list({}));
}

TEST_F(PostgresStoreTest, DatabaseOfAnotherEncodingIsRefused) {
    sql("CREATE DATABASE latin ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    const std::string name = url_.substr(url_.find("ledger"), url_.find('?') - url_.find("ledger"));
    EXPECT_ERROR(kUnsupported,
                 open_postgres_store(url_.replace(url_.find(name), name.size(), "latin")),
                 "expected a database with the encoding UTF8, found LATIN1");
}

// ---- Schema

TEST_F(PostgresStoreTest, LedgerOfANewerVersionIsRefused) {
    ASSERT_OK(open());
    sql("UPDATE finewatt.schema_version SET version = 99");
    EXPECT_ERROR(kUnsupported, open(), "found 99: a newer finewatt wrote it");
}

TEST_F(PostgresStoreTest, SchemaOfAnotherProgramIsLeftAlone) {
    sql("CREATE SCHEMA finewatt; CREATE TABLE finewatt.bookmarks (url TEXT)");
    EXPECT_ERROR(kCorrupt, open(), "that another program made");
    EXPECT_EQ(sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'finewatt'"), "1\n");
}

TEST_F(PostgresStoreTest, TablesThatAreGoneAreCorrupt) {
    ASSERT_OK_AND_ASSIGN(const auto store, open());
    sql("DROP TABLE finewatt.run CASCADE");
    EXPECT_ERROR(kCorrupt, store->list({}), "restore them from a copy");
}

class PostgresMigrations : public PostgresStoreTest {
  protected:
    static constexpr const char* kStep1 = "CREATE TABLE fruit (name TEXT NOT NULL)";
    static constexpr const char* kStep2 =
        "ALTER TABLE fruit ADD COLUMN weight_g REAL; UPDATE fruit SET weight_g = 150";
    static constexpr const char* kBrokenStep =
        "CREATE TABLE half (x TEXT); CREATE TABLE fruit (name TEXT)";

    Status migrate(std::span<const char* const> steps) {
        FINEWATT_ASSIGN(const auto connection, PostgresConnection::open(url_, {}));
        return postgres::migrate(*connection, steps);
    }
};

TEST_F(PostgresMigrations, OlderLedgerIsBroughtUpToDateWithItsRows) {
    ASSERT_OK(migrate(std::array{kStep1}));
    sql("INSERT INTO finewatt.fruit VALUES ('apple')");
    ASSERT_OK(migrate(std::array{kStep1, kStep2}));
    EXPECT_EQ(sql("SELECT weight_g FROM finewatt.fruit"), "150\n");
    EXPECT_EQ(sql("SELECT version FROM finewatt.schema_version"), "2\n");
}

TEST_F(PostgresMigrations, FailedStepLeavesTheOldVersion) {
    ASSERT_OK(migrate(std::array{kStep1}));
    EXPECT_ERROR(kCorrupt, migrate(std::array{kStep1, kBrokenStep}), "schema step 1 to 2");
    EXPECT_EQ(sql("SELECT version FROM finewatt.schema_version"), "1\n");
    EXPECT_EQ(sql("SELECT to_regclass('finewatt.half') IS NULL"), "t\n");
}

// ---- Other writers and lost connections

TEST_F(PostgresStoreTest, WriterThatWaitsTooLongIsBusy) {
    PostgresOptions options;
    options.busy_timeout = std::chrono::milliseconds(20);
    ASSERT_OK_AND_ASSIGN(const auto store, open(options));
    ASSERT_OK(store->insert(make_run(kId1), {}));
    ASSERT_OK_AND_ASSIGN(const auto other, PostgresConnection::open(url_, {}));
    ASSERT_OK(other->begin(SqlAccess::kWrite));
    ASSERT_OK(other->run_script("SELECT * FROM run FOR UPDATE"));
    EXPECT_ERROR(kBusy, store->update(make_run(kId1)), "another connection holds the ledger");
    EXPECT_OK(store->get(kId1));  // readers do not wait
    other->rollback();
    EXPECT_OK(store->update(make_run(kId1)));
}

/// A trigger that fails the first `times` inserts with a serialization failure.
std::string conflicts(int times) {
    return "CREATE SEQUENCE finewatt.tries;"
           "CREATE FUNCTION finewatt.conflict() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN "
           "IF nextval('finewatt.tries') <= " +
           std::to_string(times) +
           " THEN RAISE EXCEPTION 'try again' USING ERRCODE = '40001'; END IF;"
           "RETURN NEW; END $f$;"
           "CREATE TRIGGER conflict BEFORE INSERT ON finewatt.run FOR EACH ROW "
           "EXECUTE FUNCTION finewatt.conflict()";
}

TEST_F(PostgresStoreTest, ConflictIsTriedAgain) {
    ASSERT_OK_AND_ASSIGN(const auto store, open());
    sql(conflicts(3));
    EXPECT_OK(store->insert(make_run(kId1), {}));
    EXPECT_EQ(store->count({}).value(), 1U);
}

TEST_F(PostgresStoreTest, ConflictThatStaysIsBusyAfterAFewTries) {
    ASSERT_OK_AND_ASSIGN(const auto store, open());
    sql(conflicts(1000));
    EXPECT_ERROR(kBusy, store->insert(make_run(kId1), {}), "try again");
    EXPECT_EQ(sql("SELECT last_value FROM finewatt.tries"), "6\n");
    EXPECT_EQ(store->count({}).value(), 0U);
}

std::string end_other_connections() {
    return "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
           "WHERE datname = current_database() AND pid <> pg_backend_pid()";
}

TEST_F(PostgresStoreTest, ConnectionThatWasCutBetweenCallsIsMadeAnew) {
    ASSERT_OK_AND_ASSIGN(const auto store, open());
    ASSERT_OK(store->insert(make_run(kId1), {}));
    sql(end_other_connections());
    EXPECT_OK(store->insert(make_run(kId2), {}));
    EXPECT_EQ(store->count({}).value(), 2U);
}

TEST_F(PostgresStoreTest, ConnectionLostInTheMiddleOfACallStoresNothingAndSaysWhereTheRunIs) {
    ASSERT_OK_AND_ASSIGN(const auto store, open());
    sql("CREATE FUNCTION finewatt.cut() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN "
        "PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $f$;"
        "CREATE TRIGGER cut AFTER INSERT ON finewatt.run_record FOR EACH ROW "
        "EXECUTE FUNCTION finewatt.cut()");
    EXPECT_ERROR(kIo, store->insert(make_run(kId1), {}), "finewatt runs recover");
    sql("DROP TRIGGER cut ON finewatt.run_record");
    EXPECT_EQ(store->count({}).value(), 0U);
    EXPECT_EQ(store->import_run(make_run(kId1), {}).value(), ImportOutcome::kStored);
}

TEST_F(PostgresStoreTest, ServerThatWentAndCameBackIsUsedAgain) {
    const Result<std::unique_ptr<LocalPostgres>> server = LocalPostgres::start();
    ASSERT_OK(server);
    ASSERT_OK_AND_ASSIGN(const auto store, open_store((*server)->make_database()));
    ASSERT_OK(store->insert(make_run(kId1), {}));
    (*server)->stop();
    EXPECT_ERROR(kIo, store->insert(make_run(kId2), {}), "expected a server that answers");
    EXPECT_ERROR(kIo, store->list({}), "expected a server that answers");
    ASSERT_OK((*server)->start_again());
    EXPECT_OK(store->insert(make_run(kId2), {}));
    EXPECT_EQ(store->count({}).value(), 2U);
}

}  // namespace
}  // namespace finewatt
