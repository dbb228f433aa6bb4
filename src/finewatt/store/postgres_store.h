// The ledger for teams: a PostgreSQL database. What it keeps is in docs/formats/store.md.
//
// Main function: open_postgres_store. Most code asks for a Store through open_store (store.h).
// libpq is opened at run time, so that a program without such a ledger starts without it.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/store/store.h"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace finewatt {

/// How to open a PostgreSQL ledger.
struct PostgresOptions {
    /// How long a call waits for another connection's write before it fails with busy.
    std::chrono::milliseconds busy_timeout{10'000};
    /// How long to wait for the server, unless the URL has a connect_timeout.
    std::chrono::seconds connect_timeout{10};
    /// The client library to open; a name or a path.
    std::string library = "libpq.so.5";
};

/// Open the ledger and bring its tables, in the schema "finewatt", up to date. A role that may only
/// read can open a ledger that is up to date. A server that was gone is called again by the next
/// call after the one that failed. Errors and threads: see open_store and Store.
Result<std::unique_ptr<Store>> open_postgres_store(std::string_view url,
                                                   const PostgresOptions& options = {});

}  // namespace finewatt
