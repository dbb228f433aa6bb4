#include "finewatt/base/csv.h"
#include "finewatt/data/dataset_rows_internal.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace finewatt {
namespace {

/// Takes the rows of a table with a header line and keeps the chosen columns.
class TableCollector {
  public:
    explicit TableCollector(const ColumnChooser& choose) : choose_(choose) {}

    /// Take one row; the first one is the header. `fields` are moved from.
    Status take(std::size_t number, std::vector<std::string>&& fields) {
        if (!has_header_) {
            return take_header(fields);
        }
        if (fields.size() != field_count_) {
            return FINEWATT_ERROR(kCorrupt, "row {}: expected {} fields as in the header, found {}",
                                  number, field_count_, fields.size());
        }
        DataRow row;
        row.number = number;
        row.cells.reserve(chosen_.size());
        for (const std::size_t column : chosen_) {
            row.cells.emplace_back(fields[column]);
        }
        rows_.push_back(std::move(row));
        return {};
    }

    std::vector<DataRow> finish() && { return std::move(rows_); }

  private:
    Status take_header(const std::vector<std::string>& header) {
        FINEWATT_ASSIGN(const std::vector<std::string> names, choose_(header));
        for (const std::string& name : names) {
            const auto count = std::count(header.begin(), header.end(), name);
            if (count != 1) {
                return FINEWATT_ERROR(kInvalidArgument,
                                      "header: expected one column '{}', found {}; the columns "
                                      "are: {}; rename all but one",
                                      name, count, fmt::join(header, ", "));
            }
            chosen_.push_back(static_cast<std::size_t>(
                std::find(header.begin(), header.end(), name) - header.begin()));
        }
        field_count_ = header.size();
        has_header_ = true;
        return {};
    }

    const ColumnChooser& choose_;
    bool has_header_ = false;
    std::size_t field_count_ = 0;
    std::vector<std::size_t> chosen_{};
    std::vector<DataRow> rows_{};
};

std::vector<std::string> split_at_tabs(std::string_view line) {
    std::vector<std::string> fields;
    while (true) {
        const std::size_t tab = line.find('\t');
        fields.emplace_back(line.substr(0, tab));
        if (tab == std::string_view::npos) {
            return fields;
        }
        line.remove_prefix(tab + 1);
    }
}

}  // namespace

Result<std::vector<DataRow>> read_tsv_rows(std::string_view text, const ColumnChooser& choose) {
    TableCollector collector(choose);
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        if (!line.empty()) {
            FINEWATT_TRY(collector.take(number, split_at_tabs(line)));
        }
    }
    return std::move(collector).finish();
}

Result<std::vector<DataRow>> read_csv_rows(std::string_view text, const ColumnChooser& choose) {
    TableCollector collector(choose);
    FINEWATT_TRY(
        for_each_csv_row(text, "CSV", [&](std::size_t number, std::vector<std::string>&& fields) {
            return collector.take(number, std::move(fields));
        }));
    return std::move(collector).finish();
}

}  // namespace finewatt
