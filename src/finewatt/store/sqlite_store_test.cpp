// What can go wrong with the file under a SQLite ledger. What every store does is in
// store_contract_test.cpp, which runs on the ledger made here.
#include "finewatt/store/sqlite_store.h"

#include "finewatt/base/file.h"
#include "finewatt/store/sqlite_database_internal.h"
#include "finewatt/store/store_contract_test_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>

namespace finewatt {

Result<ContractLedger> make_contract_ledger() {
    const auto tree = std::make_shared<testing::TempTree>();
    const std::filesystem::path file = tree->path() / "ledger.db";
    ContractLedger ledger;
    ledger.open = [file] { return open_store("sqlite:" + file.string()); };
    ledger.run_sql = [file](const std::string& sql) {
        const auto database = sqlite::Database::open(file, std::chrono::milliseconds(1000));
        ASSERT_OK(database);
        ASSERT_OK((*database)->execute(sql.c_str()));
    };
    ledger.keeper = tree;
    return ledger;
}

namespace {

using ::finewatt::testing::TempTree;
using std::chrono::milliseconds;

RunRecord make_run(std::string_view id) {
    RunRecord run;
    run.run_id = id;
    run.started_at = WallTime::from_unix_ns(1'795'408'080'000'000'000);
    return run;
}

constexpr std::string_view kId1 = "01JDCAFE000000000000000001";
constexpr std::string_view kId2 = "01JDCAFE000000000000000002";

TEST(SqliteStore, FileOfANewerVersionIsRefused) {
    const TempTree tree;
    const auto file = tree.path() / "ledger.db";
    ASSERT_OK(open_sqlite_store(file));
    ASSERT_OK_AND_ASSIGN(const auto database, sqlite::Database::open(file, milliseconds(0)));
    ASSERT_OK(database->execute("PRAGMA user_version = 99"));
    EXPECT_ERROR(kUnsupported, open_sqlite_store(file), "found 99");
}

TEST(SqliteStore, WriterThatWaitsTooLongIsBusy) {
    const TempTree tree;
    const auto file = tree.path() / "ledger.db";
    SqliteOptions options;
    options.busy_timeout = milliseconds(1);
    ASSERT_OK_AND_ASSIGN(const auto store, open_sqlite_store(file, options));
    ASSERT_OK_AND_ASSIGN(const auto other, sqlite::Database::open(file, milliseconds(0)));
    ASSERT_OK(other->execute("BEGIN IMMEDIATE"));
    EXPECT_ERROR(kBusy, store->insert(make_run(kId1), {}), "another process holds it");
    EXPECT_OK(store->list({}));  // readers do not wait for the writer
    ASSERT_OK(other->execute("ROLLBACK"));
    EXPECT_OK(store->insert(make_run(kId1), {}));
}

TEST(SqliteStore, FileThatIsNoDatabaseIsCorruptAndStaysAsItIs) {
    const TempTree tree;
    const std::string text(4096, 'x');
    const auto file = tree.write("ledger.db", text);
    EXPECT_ERROR(kCorrupt, open_sqlite_store(file), "expected a SQLite database");
    EXPECT_EQ(read_file(file).value(), text);
}

TEST(SqliteStore, FolderInPlaceOfTheFileIsRefused) {
    const TempTree tree;
    EXPECT_ERROR(kInvalidArgument, open_sqlite_store(tree.path()), "found a folder");
    EXPECT_ERROR(kInvalidArgument, open_sqlite_store(""), "expected the path of a file");
}

TEST(SqliteStore, FileInPlaceOfAFolderIsRefused) {
    const TempTree tree;
    const auto file = tree.write("data", "text");
    EXPECT_ERROR(kNotFound, open_sqlite_store(file / "finewatt" / "ledger.db"),
                 "make the ledger's folder");
}

TEST(SqliteStore, FullDiskStoresNothingAndLeavesTheLedgerUsable) {
    const TempTree tree;
    const auto file = tree.path() / "ledger.db";
    SqliteOptions options;
    options.max_page_count = 24;
    ASSERT_OK_AND_ASSIGN(const auto store, open_sqlite_store(file, options));
    ASSERT_OK(store->insert(make_run(kId1), {}));
    std::mt19937_64 random(1);
    PowerSeries noise{"c", "cpu", "measured", {}, {}};
    for (int i = 0; i < 20'000; ++i) {
        noise.t_s.push_back(i);
        noise.power_w.push_back(static_cast<double>(random()));
    }
    EXPECT_ERROR(kIo, store->insert(make_run(kId2), std::vector{noise}), "disk is full");
    EXPECT_EQ(store->list({}).value().size(), 1U);
    EXPECT_OK(store->insert(make_run(kId2), {}));
    EXPECT_TRUE(store->power_series(kId2).value().empty());
}

/// Run `test` in a child process without the rights of root. Returns its status; 99 when the
/// rights could not be dropped.
int run_unprivileged(const std::function<int()>& test) {
    const pid_t child = ::fork();
    if (child == 0) {
        constexpr uid_t kNobody = 65534;
        if (::geteuid() == 0 && (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)) {
            ::_exit(99);
        }
        ::_exit(test());
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

/// 0 when a run can be stored, 1 for a permission error, 2 for another error.
int insert_outcome(const std::filesystem::path& file) {
    const Result<std::unique_ptr<Store>> store = open_sqlite_store(file);
    const Status status = store ? (*store)->insert(make_run(kId2), {}) : Status(store.error());
    if (status) {
        return 0;
    }
    return status.error().code() == ErrorCode::kPermission ? 1 : 2;
}

TEST(SqliteStore, ReadOnlyFileIsAPermissionError) {
    const TempTree tree;
    const auto file = tree.path() / "ledger.db";
    ASSERT_OK(open_sqlite_store(file));
    ASSERT_EQ(::chmod(tree.path().c_str(), 0777), 0);
    ASSERT_EQ(::chmod(file.c_str(), 0444), 0);
    EXPECT_EQ(run_unprivileged([&file] { return insert_outcome(file); }), 1);
}

TEST(SqliteStore, ReadOnlyFolderIsAPermissionError) {
    const TempTree tree;
    ASSERT_EQ(::chmod(tree.path().c_str(), 0555), 0);
    const auto in_folder = tree.path() / "ledger.db";
    const auto in_new_folder = tree.path() / "new" / "ledger.db";
    EXPECT_EQ(run_unprivileged([&] { return insert_outcome(in_folder); }), 1);
    EXPECT_EQ(run_unprivileged([&] { return insert_outcome(in_new_folder); }), 1);
    ASSERT_EQ(::chmod(tree.path().c_str(), 0755), 0);
    EXPECT_FALSE(std::filesystem::exists(in_folder));
}

}  // namespace
}  // namespace finewatt
