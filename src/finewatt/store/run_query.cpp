#include "finewatt/store/run_query_internal.h"
#include "finewatt/store/run_row_internal.h"

#include <limits>

namespace finewatt {
namespace {

std::string_view column_of(RunOrder order) {
    switch (order) {
        case RunOrder::kStarted:
            return "started_at";
        case RunOrder::kName:
            return "name";
        case RunOrder::kDuration:
            return "duration_s";
        case RunOrder::kEnergy:
            return "energy_j";
        case RunOrder::kCo2:
            return "co2_kg";
    }
    return "started_at";
}

std::string order_by(const RunFilter& filter) {
    const std::string_view direction = filter.is_ascending ? "ASC" : "DESC";
    if (filter.order == RunOrder::kStarted) {
        return fmt::format(" ORDER BY started_at {0}, run_id {0}", direction);
    }
    return fmt::format(" ORDER BY {} {} NULLS LAST, started_at DESC, run_id DESC",
                       column_of(filter.order), direction);
}

/// A size as the databases take it. What is larger than any ledger stays so.
std::int64_t sql_size(std::size_t size) {
    constexpr auto kLargest = std::numeric_limits<std::int64_t>::max();
    return size > static_cast<std::size_t>(kLargest) ? kLargest : static_cast<std::int64_t>(size);
}

std::optional<std::string> iso8601(const std::optional<WallTime>& time) {
    return time ? std::optional(time->to_iso8601()) : std::nullopt;
}

}  // namespace

RunQuery::RunQuery(const RunFilter& filter, const SqlDialect& dialect) {
    const auto clean = [](const std::optional<std::string>& text) {
        return text ? std::optional(column_text(*text)) : std::nullopt;
    };
    add_text("kind = ", clean(filter.kind));
    add_text("status = ", clean(filter.status));
    add_text("name = ", clean(filter.name));
    add_text("run_id IN (SELECT run_id FROM run_tag WHERE tag = ", clean(filter.tag), ")");
    add_text("started_at >= ", iso8601(filter.since));
    add_text("started_at < ", iso8601(filter.until));
    // The plus keeps SQLite from collecting a range by its index only to sort it by another column:
    // ten times as slow as one pass over the table where the range is wide.
    const std::string_view energy = filter.order == RunOrder::kEnergy ? "energy_j" : "+energy_j";
    if (filter.min_energy) {
        add(fmt::format("{} >= ", energy), filter.min_energy->as_joules());
    }
    if (filter.max_energy) {
        add(fmt::format("{} <= ", energy), filter.max_energy->as_joules());
    }
    if (filter.text) {
        add_text(fmt::format("{}(search, ", dialect.position), search_text(*filter.text), ") > 0");
    }
    order_ = order_by(filter);
    // The numbers are our own. An offset needs a limit in SQLite.
    if (filter.limit || filter.offset > 0) {
        order_ +=
            fmt::format(" LIMIT {} OFFSET {}",
                        sql_size(filter.limit.value_or(std::numeric_limits<std::size_t>::max())),
                        sql_size(filter.offset));
    }
}

void RunQuery::add(std::string_view before, SqlValue value, std::string_view after) {
    parameters_.push_back(value);
    conditions_ += fmt::format("{}{}${}{}", conditions_.empty() ? " WHERE " : " AND ", before,
                               parameters_.size(), after);
}

void RunQuery::add_text(std::string_view before, const std::optional<std::string>& text,
                        std::string_view after) {
    if (text) {
        add(before, std::string_view(texts_.emplace_back(*text)), after);
    }
}

std::string RunQuery::select(std::string_view columns) const {
    return fmt::format("SELECT {} FROM run{}{}", columns, conditions_, order_);
}

std::string RunQuery::select_count() const {
    return fmt::format("SELECT count(*) FROM run{}", conditions_);
}

}  // namespace finewatt
