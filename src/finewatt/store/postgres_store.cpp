#include "finewatt/store/postgres_store.h"

#include "finewatt/store/postgres_connection_internal.h"
#include "finewatt/store/postgres_migrations_internal.h"
#include "finewatt/store/sql_store_internal.h"

#include <utility>

namespace finewatt {

Result<std::unique_ptr<Store>> open_postgres_store(std::string_view url,
                                                   const PostgresOptions& options) {
    FINEWATT_ASSIGN(std::unique_ptr<PostgresConnection> connection,
                    PostgresConnection::open(url, options));
    FINEWATT_TRY(postgres::migrate(*connection, postgres::schema_steps()));
    return std::unique_ptr<Store>(new SqlStore(std::move(connection)));
}

}  // namespace finewatt
