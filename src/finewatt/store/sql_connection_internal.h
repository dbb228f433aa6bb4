// What SqlStore needs of a database: transactions, statements with parameters, and rows.
//
// Main type: SqlConnection, with one implementation for each database. SQL text is constant and
// names its parameters $1, $2, …; values reach it only as parameters.
#pragma once

#include "finewatt/base/result.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace finewatt {

/// Bytes that are no text.
struct SqlBytes {
    std::string_view bytes;
};

/// A parameter: NULL, a number, a text or bytes. Texts and bytes are views, which must live until
/// the call that takes them returns.
using SqlValue = std::variant<std::monostate, std::int64_t, double, std::string_view, SqlBytes>;

/// The value or NULL.
inline SqlValue sql_value(const std::optional<std::string>& text) {
    return text ? SqlValue(std::string_view(*text)) : SqlValue();
}

inline SqlValue sql_value(const std::optional<double>& number) {
    return number ? SqlValue(*number) : SqlValue();
}

/// The current row of a query. Columns count from 0.
class SqlRow {
  public:
    virtual ~SqlRow() = default;
    virtual bool is_null(int column) const = 0;

    /// A text or bytes; empty for NULL. The view lives until the next row.
    virtual std::string_view text(int column) const = 0;
    virtual std::int64_t integer(int column) const = 0;
    virtual double number(int column) const = 0;

    std::optional<std::string> text_or_null(int column) const {
        return is_null(column) ? std::nullopt : std::optional(std::string(text(column)));
    }

    std::optional<double> number_or_null(int column) const {
        return is_null(column) ? std::nullopt : std::optional(number(column));
    }
};

using OnSqlRow = std::function<Status(const SqlRow& row)>;

/// What a transaction is for.
enum class SqlAccess {
    kRead,   ///< a view of one moment; waits for nobody
    kWrite,  ///< may wait for other writers
};

/// Where the databases speak different SQL.
struct SqlDialect {
    std::string_view position;  ///< the function (text, part) that gives 0 where there is no part
    std::string_view lock_row;  ///< after a SELECT: keep the row from other writers
};

/// A connection to one database. One thread at a time.
class SqlConnection {
  public:
    virtual ~SqlConnection() = default;

    virtual Status begin(SqlAccess access) = 0;
    virtual Status commit() = 0;

    /// End the transaction without its changes, if there is one.
    virtual void rollback() = 0;

    /// Run a statement and give each of its rows to `on_row`, whose error ends it.
    virtual Status query(std::string_view sql, std::span<const SqlValue> parameters,
                         const OnSqlRow& on_row) = 0;

    /// Run a statement without rows. Returns how many rows it changed.
    virtual Result<std::size_t> execute(std::string_view sql,
                                        std::span<const SqlValue> parameters) = 0;

    /// Whether the last failure was a conflict with another writer that the same transaction, run
    /// again, need not meet.
    virtual bool is_conflict() const = 0;

    virtual SqlDialect dialect() const = 0;

    /// Where the ledger is, for messages; without a password.
    virtual std::string place() const = 0;
};

}  // namespace finewatt
