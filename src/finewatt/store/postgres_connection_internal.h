// A connection to a PostgreSQL server as a SqlConnection.
//
// Each transaction names its own schema and waiting time, so nothing depends on the session: a
// connection pooler may stand between.
#pragma once

#include "finewatt/store/libpq_internal.h"
#include "finewatt/store/postgres_store.h"
#include "finewatt/store/sql_connection_internal.h"

#include <memory>
#include <string>

namespace finewatt {

class PostgresConnection : public SqlConnection {
  public:
    /// Connect. Errors: see open_store.
    static Result<std::unique_ptr<PostgresConnection>> open(std::string_view url,
                                                            const PostgresOptions& options);

    Status begin(SqlAccess access) override;
    Status commit() override;
    void rollback() override;
    Status query(std::string_view sql, std::span<const SqlValue> parameters,
                 const OnSqlRow& on_row) override;
    Result<std::size_t> execute(std::string_view sql,
                                std::span<const SqlValue> parameters) override;

    bool is_conflict() const override { return is_conflict_; }

    SqlDialect dialect() const override {
        return {.position = "strpos", .lock_row = " FOR UPDATE"};
    }

    std::string place() const override { return place_; }

    /// Run SQL of our own, without parameters; several statements may stand in one text.
    Status run_script(const std::string& sql);

  private:
    struct Finish {
        const LibPq* api = nullptr;

        void operator()(PGconn* connection) const { api->finish(connection); }
    };

    struct Clear {
        const LibPq* api = nullptr;

        void operator()(PGresult* result) const { api->clear(result); }
    };

    using PgResult = std::unique_ptr<PGresult, Clear>;

    PostgresConnection(std::unique_ptr<LibPq> api, const PostgresOptions& options)
        : api_(std::move(api)),
          options_(options),
          connection_(nullptr, Finish{api_.get()}) {}

    Status connect(const std::string& url);
    Status check_server() const;
    Status try_begin(SqlAccess access);
    bool is_connected() const;
    Error cannot_connect() const;
    Result<PgResult> run(std::string_view sql, std::span<const SqlValue> parameters);

    /// Say what went wrong, and note whether it was a conflict.
    Status check(const PGresult* result);
    Error lost() const;
    std::string message_of(const PGresult* result) const;

    std::unique_ptr<LibPq> api_;
    PostgresOptions options_;
    std::string password_;  ///< of the URL; kept out of messages
    std::string place_;
    std::unique_ptr<PGconn, Finish> connection_;
    bool is_conflict_ = false;
    bool is_broken_ = false;  ///< the last call failed without an answer of the server
};

}  // namespace finewatt
