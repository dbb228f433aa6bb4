// The default ledger: one SQLite file. Layout and format are in docs/formats/store.md.
//
// Main function: open_sqlite_store. Most code asks for a Store through open_store (store.h).
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/store/store.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>

namespace finewatt {

/// How to open a SQLite ledger.
struct SqliteOptions {
    /// How long a call waits for another process's write before it fails with busy.
    std::chrono::milliseconds busy_timeout{10'000};
    /// Largest size of the file in pages of 4096 bytes; nothing = as large as the disk allows.
    std::optional<int> max_page_count{};
    /// Whether a stored run outlives a power loss at once. Without, the last runs may be lost then,
    /// but never the file; for ledgers that can be made again.
    bool is_durable = true;
};

/// Open the file, making it and its folders (0700) when they are missing, and bring its schema up
/// to date. A write-ahead log lets readers work beside a writer. Errors and threads: see open_store
/// and Store.
Result<std::unique_ptr<Store>> open_sqlite_store(const std::filesystem::path& path,
                                                 const SqliteOptions& options = {});

}  // namespace finewatt
