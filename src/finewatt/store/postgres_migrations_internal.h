// The history of PostgreSQL's schema: one step of SQL per version, applied in order and never
// changed after a release. The version that a database has is in finewatt.schema_version.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/store/postgres_connection_internal.h"

#include <span>

namespace finewatt::postgres {

/// Step i leads from version i to version i + 1. Their names are looked up in the schema finewatt.
std::span<const char* const> schema_steps();

/// Bring an older or empty database to the newest version, as one transaction. A database that is
/// up to date is not written. Errors: unsupported when it is newer than this program; corrupt when
/// the schema finewatt holds tables of another program; permission, busy, io.
Status migrate(PostgresConnection& connection, std::span<const char* const> steps);

}  // namespace finewatt::postgres
