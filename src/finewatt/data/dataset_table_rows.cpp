#include "finewatt/base/csv.h"
#include "finewatt/base/utf8.h"
#include "finewatt/data/dataset_rows_internal.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace finewatt {
namespace {

/// Takes the rows of a table with a header line and keeps the chosen columns.
class TableCollector {
  public:
    explicit TableCollector(const ColumnNames& columns) : columns_(columns) {}

    /// Take one row; the first one is the header. `fields` are moved from.
    Status take(std::size_t number, std::vector<std::string>&& fields) {
        for (const std::string& field : fields) {
            if (const auto position = find_invalid_utf8(field)) {
                return FINEWATT_ERROR(kCorrupt,
                                      "row {}: expected UTF-8 text, found byte 0x{:02X} at "
                                      "position {} of a field",
                                      number, static_cast<unsigned char>(field[*position]),
                                      *position);
            }
        }
        if (!has_header_) {
            return take_header(std::move(fields));
        }
        if (fields.size() != field_count_) {
            return FINEWATT_ERROR(kCorrupt, "row {}: expected {} fields as in the header, found {}",
                                  number, field_count_, fields.size());
        }
        DataRow row;
        row.number = number;
        row.text = fields[text_];
        if (pair_) {
            row.pair = fields[*pair_];
        }
        row.label = fields[label_];
        rows_.push_back(std::move(row));
        return {};
    }

    std::vector<DataRow> finish() && { return std::move(rows_); }

  private:
    Status take_header(std::vector<std::string>&& header) {
        FINEWATT_ASSIGN(text_, find_column(header, columns_.text));
        FINEWATT_ASSIGN(label_, find_column(header, columns_.label));
        if (columns_.pair) {
            FINEWATT_ASSIGN(pair_, find_column(header, *columns_.pair));
        }
        field_count_ = header.size();
        has_header_ = true;
        return {};
    }

    static Result<std::size_t> find_column(const std::vector<std::string>& header,
                                           const std::string& name) {
        const auto count = std::count(header.begin(), header.end(), name);
        if (count != 1) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "header: expected one column '{}', found {}; the columns are: "
                                  "{}; choose one of them",
                                  name, count, fmt::join(header, ", "));
        }
        return static_cast<std::size_t>(std::find(header.begin(), header.end(), name) -
                                        header.begin());
    }

    const ColumnNames& columns_;
    bool has_header_ = false;
    std::size_t field_count_ = 0;
    std::size_t text_ = 0;
    std::size_t label_ = 0;
    std::optional<std::size_t> pair_{};
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

Result<std::vector<DataRow>> read_tsv_rows(std::string_view text, const ColumnNames& columns) {
    TableCollector collector(columns);
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

Result<std::vector<DataRow>> read_csv_rows(std::string_view text, const ColumnNames& columns) {
    TableCollector collector(columns);
    FINEWATT_TRY(
        for_each_csv_row(text, "CSV", [&](std::size_t number, std::vector<std::string>&& fields) {
            return collector.take(number, std::move(fields));
        }));
    return std::move(collector).finish();
}

}  // namespace finewatt
