#include "finewatt/report/table.h"

#include "finewatt/base/check.h"
#include "finewatt/report/text.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace finewatt {
namespace {

constexpr std::size_t kColumnGap = 2;
constexpr std::size_t kLeastShrunkWidth = 6;

void append_cell(std::string& line, const std::string& cell, std::size_t width, Align align) {
    const std::string shown = truncate_to_width(cell, width);
    const std::string padding(width - display_width(shown), ' ');
    line += align == Align::kRight ? padding + shown : shown + padding;
}

}  // namespace

TextTable::TextTable(std::vector<TextColumn> columns) : columns_(std::move(columns)) {
    for (TextColumn& column : columns_) {
        column.header = safe_text(column.header);
    }
}

void TextTable::add_row(std::vector<std::string> cells) {
    FINEWATT_CHECK(cells.size() <= columns_.size(), "a row has at most one cell for each column");
    cells.resize(columns_.size());
    for (std::string& cell : cells) {
        cell = safe_text(cell);
    }
    rows_.push_back(std::move(cells));
}

std::vector<std::size_t> TextTable::fitted_widths(const TextTableOptions& options) const {
    std::vector<std::size_t> widths(columns_.size(), 0);
    for (std::size_t c = 0; c < columns_.size(); ++c) {
        widths[c] = options.has_header ? display_width(columns_[c].header) : 0;
        for (const auto& row : rows_) {
            widths[c] = std::max(widths[c], display_width(row[c]));
        }
    }
    const std::size_t gaps = columns_.empty() ? 0 : (columns_.size() - 1) * kColumnGap;
    const auto total = [&widths, &options, gaps] {
        return std::accumulate(widths.begin(), widths.end(), options.indent + gaps);
    };
    // Take from the widest column that may shrink until the table fits or nothing is left to take.
    while (total() > options.max_width) {
        std::size_t widest = columns_.size();
        for (std::size_t c = 0; c < columns_.size(); ++c) {
            if (columns_[c].can_shrink && widths[c] > kLeastShrunkWidth &&
                (widest == columns_.size() || widths[c] > widths[widest])) {
                widest = c;
            }
        }
        if (widest == columns_.size()) {
            break;
        }
        --widths[widest];
    }
    return widths;
}

std::string TextTable::render(const TextTableOptions& options) const {
    const std::vector<std::size_t> widths = fitted_widths(options);
    std::vector<std::string> header;
    for (const TextColumn& column : columns_) {
        header.push_back(column.header);
    }
    std::string out;
    const auto append_line = [this, &out, &widths, &options](const auto& cells) {
        std::string line(options.indent, ' ');
        for (std::size_t c = 0; c < cells.size(); ++c) {
            line += c == 0 ? "" : std::string(kColumnGap, ' ');
            append_cell(line, cells[c], widths[c], columns_[c].align);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + '\n';
    };
    if (options.has_header) {
        append_line(header);
    }
    for (const auto& row : rows_) {
        append_line(row);
    }
    return out;
}

}  // namespace finewatt
