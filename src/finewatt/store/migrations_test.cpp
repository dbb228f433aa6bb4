#include "finewatt/store/migrations_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <array>

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

}  // namespace
}  // namespace finewatt::sqlite
