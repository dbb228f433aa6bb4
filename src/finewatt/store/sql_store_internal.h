// The ledger over SQL: one implementation of Store for every SqlConnection.
#pragma once

#include "finewatt/store/sql_connection_internal.h"
#include "finewatt/store/store.h"

#include <memory>
#include <string>
#include <vector>

namespace finewatt {

struct RunRow;

/// A Store whose tables are as docs/formats/store.md says and up to date.
class SqlStore : public Store {
  public:
    explicit SqlStore(std::unique_ptr<SqlConnection> connection)
        : connection_(std::move(connection)) {}

    Status insert(const RunRecord& run, std::span<const PowerSeries> series) override;
    Result<ImportOutcome> import_run(const RunRecord& run,
                                     std::span<const PowerSeries> series) override;
    Status update(const RunRecord& run) override;
    Status update(const RunRecord& run, std::span<const PowerSeries> series) override;
    Result<std::vector<std::string>> set_tags(std::string_view run_id,
                                              std::span<const std::string> add,
                                              std::span<const std::string> remove) override;
    Result<std::string> resolve(std::string_view key) override;
    Result<RunRecord> get(std::string_view key) override;
    Result<std::vector<PowerSeries>> power_series(std::string_view key) override;
    Result<std::vector<RunOverview>> list(const RunFilter& filter) override;
    Result<std::size_t> count(const RunFilter& filter) override;
    Result<std::vector<std::string>> list_ids(const RunFilter& filter) override;
    Result<std::vector<RunRecord>> get_all(std::span<const std::string> run_ids) override;
    Status erase(std::string_view run_id) override;

  private:
    /// A series as it is kept: its place in the caller's span, and its bytes.
    struct PackedSeries {
        const PowerSeries* series = nullptr;
        std::string bytes;
    };

    /// Run `body` in a transaction; again, a few times, after a conflict with another writer.
    template <class Body>
    auto transact(SqlAccess access, const Body& body) -> decltype(body());

    Result<std::vector<PackedSeries>> pack(std::span<const PowerSeries> series) const;

    // The rest runs inside a transaction.

    /// Insert run, tags and series. Returns whether the id was free.
    Result<bool> insert_new(const RunRow& row, const std::vector<PackedSeries>& series);
    Status replace_record(const RunRow& row);
    Status insert_tags(const RunRow& row);
    Status insert_series(std::string_view run_id, const std::vector<PackedSeries>& series);
    Status erase_rows(std::string_view table, std::string_view run_id);
    Result<std::vector<std::string>> find_ids(std::string_view sql,
                                              std::initializer_list<SqlValue> parameters);
    Result<std::string> resolve_here(std::string_view key);

    /// Read a record; `lock` is SqlDialect::lock_row or empty.
    Result<RunRecord> read_record(std::string_view run_id, std::string_view lock);
    Result<RunRecord> parse_record(std::string_view run_id, std::string_view record) const;
    Result<std::vector<PowerSeries>> read_series(std::string_view run_id);
    Status read_tags(std::span<RunOverview> runs);

    std::unique_ptr<SqlConnection> connection_;
};

}  // namespace finewatt
