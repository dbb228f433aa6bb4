#include "finewatt/store/sqlite_store.h"

#include "finewatt/store/sql_store_internal.h"
#include "finewatt/store/sqlite_database_internal.h"
#include "finewatt/store/sqlite_migrations_internal.h"

#include <sys/stat.h>

#include <cerrno>
#include <thread>
#include <utility>

namespace finewatt {
namespace {

using sqlite::Database;
using sqlite::Statement;

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

class SqliteRow : public SqlRow {
  public:
    explicit SqliteRow(const Statement& statement) : statement_(statement) {}

    bool is_null(int column) const override { return statement_.is_null(column); }

    std::string_view text(int column) const override { return statement_.text(column); }

    std::int64_t integer(int column) const override { return statement_.integer(column); }

    double number(int column) const override { return statement_.number(column); }

  private:
    const Statement& statement_;
};

class SqliteConnection : public SqlConnection {
  public:
    explicit SqliteConnection(std::unique_ptr<Database> database)
        : database_(std::move(database)) {}

    Status begin(SqlAccess access) override {
        // The write lock is taken first, so that no later statement meets another writer.
        return database_->execute(access == SqlAccess::kWrite ? "BEGIN IMMEDIATE"
                                                              : "BEGIN DEFERRED");
    }

    Status commit() override { return database_->execute("COMMIT"); }

    void rollback() override {
        // Fails only where SQLite has rolled back already (disk full, broken disk).
        static_cast<void>(database_->execute("ROLLBACK"));
    }

    Status query(std::string_view sql, std::span<const SqlValue> parameters,
                 const OnSqlRow& on_row) override {
        FINEWATT_ASSIGN(Statement statement, database_->prepare(sql));
        FINEWATT_TRY(statement.bind(parameters));
        const SqliteRow row(statement);
        while (true) {
            FINEWATT_ASSIGN(const bool has_row, statement.step());
            if (!has_row) {
                return {};
            }
            FINEWATT_TRY(on_row(row));
        }
    }

    Result<std::size_t> execute(std::string_view sql,
                                std::span<const SqlValue> parameters) override {
        FINEWATT_TRY(query(sql, parameters, [](const SqlRow&) { return Status(); }));
        return static_cast<std::size_t>(database_->changes());
    }

    bool is_conflict() const override { return false; }  // SQLite has waited already

    SqlDialect dialect() const override { return {.position = "instr", .lock_row = ""}; }

    std::string place() const override { return database_->path().string(); }

  private:
    std::unique_ptr<Database> database_;
};

/// The path that SQLite shall open: absolute, so that ":memory:" and other names that it reads
/// specially are plain files.
Result<std::filesystem::path> file_of(const std::filesystem::path& path) {
    std::error_code code;
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
    return file;
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const std::filesystem::path& path,
                                                 const SqliteOptions& options) {
    FINEWATT_ASSIGN(const std::filesystem::path file, file_of(path));
    FINEWATT_TRY(make_private_folders(file.parent_path()));
    FINEWATT_ASSIGN(std::unique_ptr<Database> database, Database::open(file, options.busy_timeout));
    FINEWATT_TRY(database->execute("PRAGMA foreign_keys = ON"));
    if (options.max_page_count) {
        // A pragma takes no parameter; the number is the caller's own.
        const std::string limit =
            fmt::format("PRAGMA max_page_count = {}", *options.max_page_count);
        FINEWATT_TRY(database->execute(limit.c_str()));
    }
    if (!options.is_durable) {
        FINEWATT_TRY(database->execute("PRAGMA synchronous = NORMAL"));
    }
    FINEWATT_TRY(sqlite::migrate(*database, sqlite::schema_steps()));
    FINEWATT_TRY(use_write_ahead_log(*database));
    return std::unique_ptr<Store>(
        new SqlStore(std::make_unique<SqliteConnection>(std::move(database))));
}

}  // namespace finewatt
