// The default ledger: one SQLite file. Layout and format are in docs/formats/store.md.
//
// Main type: SqliteStore. Most code asks for a Store through open_store (store.h).
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/store/store.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>

namespace finewatt {

namespace sqlite {
class Database;
}

/// How to open a SQLite ledger.
struct SqliteOptions {
    /// How long a call waits for another process's write before it fails with busy.
    std::chrono::milliseconds busy_timeout{10'000};
    /// Largest size of the file in pages of 4096 bytes; nothing = as large as the disk allows.
    std::optional<int> max_page_count{};
};

/// A ledger in a SQLite file with a write-ahead log. Threads: see Store.
class SqliteStore : public Store {
  public:
    /// Open the file, making it and its folders (0700) when they are missing, and bring its schema
    /// up to date. Errors: see open_store.
    static Result<std::unique_ptr<SqliteStore>> open(const std::filesystem::path& path,
                                                     const SqliteOptions& options = {});

    SqliteStore(const SqliteStore&) = delete;
    SqliteStore& operator=(const SqliteStore&) = delete;
    ~SqliteStore() override;

    Status insert(const RunRecord& run, std::span<const PowerSeries> series) override;
    Status update(const RunRecord& run) override;
    Status update(const RunRecord& run, std::span<const PowerSeries> series) override;
    Result<std::string> resolve(std::string_view key) override;
    Result<RunRecord> get(std::string_view key) override;
    Result<std::vector<PowerSeries>> power_series(std::string_view key) override;
    Result<std::vector<RunOverview>> list(const RunFilter& filter) override;
    Status erase(std::string_view run_id) override;

  private:
    explicit SqliteStore(std::unique_ptr<sqlite::Database> database);

    std::unique_ptr<sqlite::Database> database_;
};

}  // namespace finewatt
