// A RunFilter as SQL: the conditions and the order of a list.
#pragma once

#include "finewatt/store/sql_connection_internal.h"
#include "finewatt/store/store.h"

#include <deque>
#include <string>
#include <vector>

namespace finewatt {

/// Turns one filter into statements. The text holds nothing of the filter; its values are
/// parameters. Must outlive the calls that use `parameters()`.
class RunQuery {
  public:
    RunQuery(const RunFilter& filter, const SqlDialect& dialect);
    RunQuery(const RunQuery&) = delete;
    RunQuery& operator=(const RunQuery&) = delete;

    /// "SELECT columns FROM run …" with conditions, order and limits.
    std::string select(std::string_view columns) const;

    /// The same without order and limits.
    std::string select_count() const;

    std::span<const SqlValue> parameters() const { return parameters_; }

  private:
    /// Add `before` $N `after` to the conditions.
    void add(std::string_view before, SqlValue value, std::string_view after = "");
    void add_text(std::string_view before, const std::optional<std::string>& text,
                  std::string_view after = "");

    std::deque<std::string> texts_;  ///< what parameters point to; never moves
    std::vector<SqlValue> parameters_;
    std::string conditions_;
    std::string order_;
};

}  // namespace finewatt
