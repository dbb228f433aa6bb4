// The history of SQLite's schema: one step of SQL per version, applied in order and never changed
// after a release. The version that a file has is in its `PRAGMA user_version`.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/store/sqlite_database_internal.h"

#include <span>

namespace finewatt::sqlite {

/// Step i leads from version i to version i + 1.
std::span<const char* const> schema_steps();

/// Bring an older or empty database to the newest version, as one transaction. A database that is
/// up to date is not written. Errors: unsupported when it is newer than this program; corrupt when
/// it holds tables but no version of ours; busy, io.
Status migrate(Database& database, std::span<const char* const> steps);

}  // namespace finewatt::sqlite
