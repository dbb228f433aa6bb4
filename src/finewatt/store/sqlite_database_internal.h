// SQLite's C API as owned objects that return Result: a database, a statement, a transaction.
//
// Values reach SQL only through Statement::bind. One thread at a time per database.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/store/sql_connection_internal.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

namespace finewatt::sqlite {

struct CloseDatabase {
    void operator()(sqlite3* database) const;
};

struct FinalizeStatement {
    void operator()(sqlite3_stmt* statement) const;
};

class Database;

/// A prepared statement. Must not outlive its database.
class Statement {
  public:
    /// Bind $1, $2, … Texts and bytes are not copied: they must live as long as the statement.
    Status bind(std::span<const SqlValue> values);

    /// Run to the next row. Returns whether there is one.
    Result<bool> step();

    /// Columns of the current row, from 0.
    bool is_null(int column) const;
    std::string_view text(int column) const;  ///< also bytes; until the next step; empty for NULL
    std::int64_t integer(int column) const;
    double number(int column) const;

  private:
    friend class Database;

    Statement(const Database& database, sqlite3_stmt* statement)
        : database_(&database),
          statement_(statement) {}

    int bind_one(int parameter, const SqlValue& value);

    const Database* database_;
    std::unique_ptr<sqlite3_stmt, FinalizeStatement> statement_;
};

/// An open database file. Stays at one address, since statements point to it.
class Database {
  public:
    /// Open or make the file. Nothing is read or written yet.
    static Result<std::unique_ptr<Database>> open(const std::filesystem::path& path,
                                                  std::chrono::milliseconds busy_timeout);

    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    /// Run SQL of our own without parameters (schema, pragmas).
    Status execute(const char* sql);

    Result<Statement> prepare(std::string_view sql) const;

    /// Return the single whole number that a query gives.
    Result<std::int64_t> query_integer(std::string_view sql) const;

    /// Return rows changed by the last statement.
    int changes() const;

    const std::filesystem::path& path() const { return path_; }

    std::chrono::milliseconds busy_timeout() const { return busy_timeout_; }

    /// Make the Error for a failed call: what failed, which file, what to do next.
    Error error(int code) const;

  private:
    Database(std::filesystem::path path, std::chrono::milliseconds busy_timeout)
        : path_(std::move(path)),
          busy_timeout_(busy_timeout) {}

    std::filesystem::path path_;
    std::chrono::milliseconds busy_timeout_;
    std::unique_ptr<sqlite3, CloseDatabase> handle_;
};

/// A transaction; rolled back unless committed.
class Transaction {
  public:
    /// Begin and take the write lock, so that no later statement meets another writer.
    static Result<Transaction> begin_write(Database& database);

    Transaction(Transaction&& other) noexcept
        : database_(std::exchange(other.database_, nullptr)) {}

    Transaction& operator=(Transaction&&) = delete;
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction();

    Status commit();

  private:
    explicit Transaction(Database& database) : database_(&database) {}

    Database* database_;
};

}  // namespace finewatt::sqlite
