#include "finewatt/base/csv.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <csv.h>
#include <memory>
#include <utility>

namespace finewatt {
namespace {

/// What the C callbacks of libcsv share while one text is parsed.
struct RowCollector {
    const std::function<Status(std::size_t, std::vector<std::string>&&)>& on_row;
    std::vector<std::string> fields{};
    std::size_t row_number = 0;
    Status status{};

    static void on_field(void* bytes, std::size_t size, void* self) {
        static_cast<RowCollector*>(self)->fields.emplace_back(static_cast<const char*>(bytes),
                                                              size);
    }

    static void on_row_end(int /*terminator*/, void* self_pointer) {
        auto* self = static_cast<RowCollector*>(self_pointer);
        std::vector<std::string> row = std::exchange(self->fields, {});
        ++self->row_number;
        if (self->status) {
            self->status = self->on_row(self->row_number, std::move(row));
        }
    }
};

struct FreeParser {
    void operator()(csv_parser* parser) const {
        csv_free(parser);
        delete parser;
    }
};

}  // namespace

Result<std::size_t> CsvTable::column(std::string_view name) const {
    const auto it = std::find(header.begin(), header.end(), name);
    if (it == header.end()) {
        return FINEWATT_ERROR(kNotFound, "column '{}' is not there; the columns are: {}", name,
                              fmt::join(header, ", "));
    }
    return static_cast<std::size_t>(it - header.begin());
}

Status for_each_csv_row(
    std::string_view text, std::string_view name,
    const std::function<Status(std::size_t, std::vector<std::string>&&)>& on_row) {
    if (text.starts_with("\xEF\xBB\xBF")) {
        text.remove_prefix(3);
    }
    auto* raw_parser = new csv_parser;
    if (csv_init(raw_parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        delete raw_parser;
        return FINEWATT_ERROR(kInternal, "{}: the CSV parser could not be started", name);
    }
    const std::unique_ptr<csv_parser, FreeParser> parser(raw_parser);
    // libcsv treats spaces and tabs around a field as noise; in our data they are text.
    csv_set_space_func(parser.get(), [](unsigned char) { return 0; });
    RowCollector collector{on_row};
    // In pieces, so that an error of on_row ends the work early.
    constexpr std::size_t kPiece = 1 << 20;
    while (!text.empty() && collector.status) {
        const std::string_view piece = text.substr(0, kPiece);
        const std::size_t parsed =
            csv_parse(parser.get(), piece.data(), piece.size(), &RowCollector::on_field,
                      &RowCollector::on_row_end, &collector);
        if (parsed != piece.size()) {
            return FINEWATT_ERROR(kCorrupt, "{}: row {}: {}", name, collector.row_number + 1,
                                  csv_strerror(csv_error(parser.get())));
        }
        text.remove_prefix(piece.size());
    }
    if (collector.status && csv_fini(parser.get(), &RowCollector::on_field,
                                     &RowCollector::on_row_end, &collector) != 0) {
        return FINEWATT_ERROR(kCorrupt, "{}: row {}: a quoted field is not closed", name,
                              collector.row_number + 1);
    }
    return std::move(collector.status);
}

Result<CsvTable> parse_csv(std::string_view text, std::string_view name) {
    CsvTable table;
    FINEWATT_TRY(for_each_csv_row(
        text, name, [&](std::size_t row_number, std::vector<std::string>&& fields) -> Status {
            if (row_number == 1) {
                table.header = std::move(fields);
                return {};
            }
            if (fields.size() != table.header.size()) {
                return FINEWATT_ERROR(kCorrupt,
                                      "{}: row {}: expected {} fields as in the header, found {}",
                                      name, row_number, table.header.size(), fields.size());
            }
            table.rows.push_back(std::move(fields));
            return {};
        }));
    if (table.header.empty()) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected a header line, found an empty file", name);
    }
    return table;
}

void append_csv_row(std::string& out, const std::vector<std::string>& fields) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
        if (i > 0) {
            out += ',';
        }
        if (fields[i].find_first_of(",\"\r\n") == std::string::npos) {
            out += fields[i];
            continue;
        }
        out += '"';
        for (const char c : fields[i]) {
            out += c;
            if (c == '"') {
                out += '"';
            }
        }
        out += '"';
    }
    out += '\n';
}

}  // namespace finewatt
