#include "finewatt/report/table_formats.h"

#include "finewatt/base/csv.h"
#include "finewatt/report/table.h"
#include "finewatt/report/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace finewatt {
namespace {

/// Texts and headings of a terminal table are cut to this; the first column, which tells the rows
/// apart, is not.
constexpr std::size_t kWidestText = 36;
constexpr std::size_t kWidestTitle = 24;
constexpr std::size_t kIndent = 2;
constexpr std::size_t kColumnGap = 2;

std::vector<std::size_t> columns_for(const ReportTable& table, ColumnFor other_readers) {
    std::vector<std::size_t> shown;
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
        if (table.columns[c].readers != other_readers) {
            shown.push_back(c);
        }
    }
    return shown;
}

std::vector<std::size_t> columns_for_people(const ReportTable& table) {
    return columns_for(table, ColumnFor::kPrograms);
}

std::vector<std::size_t> columns_for_programs(const ReportTable& table) {
    return columns_for(table, ColumnFor::kPeople);
}

/// A cell as the terminal shows it.
std::string terminal_text(const ReportTable& table, std::size_t column, const std::string& text) {
    const bool is_whole = column == 0 || table.columns[column].is_number;
    return is_whole ? safe_text(text) : truncate_to_width(safe_text(text), kWidestText);
}

std::string terminal_title(const ReportTable& table, std::size_t column) {
    return truncate_to_width(safe_text(table.columns[column].title), kWidestTitle);
}

std::size_t shown_width(const ReportTable& table, std::size_t column) {
    std::size_t width = display_width(terminal_title(table, column));
    for (const auto& row : table.rows) {
        width = std::max(width, display_width(terminal_text(table, column, row[column].text)));
    }
    return width;
}

/// Columns that fit beside each other; each block begins with the first column.
std::vector<std::vector<std::size_t>> blocks_of(const ReportTable& table, std::size_t width) {
    const std::vector<std::size_t> shown = columns_for_people(table);
    std::vector<std::vector<std::size_t>> blocks;
    std::size_t used = 0;
    for (const std::size_t column : shown) {
        const std::size_t needed = kColumnGap + shown_width(table, column);
        const bool is_first_of_block = !blocks.empty() && blocks.back().size() == 1;
        if (blocks.empty() || (used + needed > width && !is_first_of_block)) {
            blocks.push_back({shown[0]});
            used = kIndent + shown_width(table, shown[0]);
        }
        if (column != shown[0]) {
            blocks.back().push_back(column);
            used += needed;
        }
    }
    return blocks;
}

std::string terminal_block(const ReportTable& table, const std::vector<std::size_t>& block,
                           std::size_t width) {
    std::vector<TextColumn> columns;
    for (const std::size_t c : block) {
        const ReportColumn& column = table.columns[c];
        columns.push_back(
            {column.title, column.is_number ? Align::kRight : Align::kLeft, !column.is_number});
    }
    TextTable text(std::move(columns));
    for (const auto& row : table.rows) {
        std::vector<std::string> cells;
        for (const std::size_t c : block) {
            cells.push_back(terminal_text(table, c, row[c].text));
        }
        text.add_row(std::move(cells));
    }
    return text.render({.max_width = width, .indent = kIndent});
}

/// The bytes of a text as LaTeX, one character at a time.
std::string_view latex_for(char c) {
    switch (c) {
        case '\\':
            return "\\textbackslash{}";
        case '{':
            return "\\{";
        case '}':
            return "\\}";
        case '#':
            return "\\#";
        case '$':
            return "\\$";
        case '%':
            return "\\%";
        case '&':
            return "\\&";
        case '_':
            return "\\_";
        case '~':
            return "\\textasciitilde{}";
        case '^':
            return "\\textasciicircum{}";
        case '<':
            return "\\textless{}";
        case '>':
            return "\\textgreater{}";
        case '|':
            return "\\textbar{}";
        case '"':
            return "\\textquotedbl{}";
        case '`':
            return "\\textasciigrave{}";
        // After the end of a row these two would be taken for its options.
        case '[':
            return "{[}";
        case ']':
            return "{]}";
        case '*':
            return "{*}";
        default:
            return {};
    }
}

std::string latex_table(const ReportTable& table) {
    const std::vector<std::size_t> shown = columns_for_people(table);
    std::string format;
    std::string header;
    for (const std::size_t c : shown) {
        format += table.columns[c].is_number ? 'r' : 'l';
        header += (header.empty() ? "" : " & ") + escape_latex(table.columns[c].title);
    }
    std::string notes;
    for (const std::string& note : table.notes) {
        notes += ". " + escape_latex(note.substr(0, note.find_last_not_of('.') + 1));
    }
    std::string out = fmt::format(
        "\\begin{{table}}[htbp]\n\\centering\n\\caption{{{}{}.}}\n\\label{{tab:finewatt-{}}}\n"
        "\\resizebox{{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}}{{!}}{{%\n"
        "\\begin{{tabular}}{{{}}}\n\\toprule\n{} \\\\\n\\midrule\n",
        escape_latex(table.title), notes, table.name, format, header);
    for (const auto& row : table.rows) {
        for (std::size_t i = 0; i < shown.size(); ++i) {
            out += (i == 0 ? "" : " & ") + escape_latex(row[shown[i]].text);
        }
        out += " \\\\\n";
    }
    return out + "\\bottomrule\n\\end{tabular}}\n\\end{table}\n";
}

std::string csv_text(const std::string& text) {
    std::string safe = safe_text(text);
    // What begins so is run as a formula by spreadsheets (OWASP, "CSV Injection").
    if (!safe.empty() && std::string_view("=+-@").find(safe[0]) != std::string_view::npos) {
        safe.insert(safe.begin(), '\'');
    }
    return safe;
}

std::string csv_value(const SettingValue& value) {
    if (const auto* text = std::get_if<std::string>(&value)) {
        return csv_text(*text);
    }
    if (const auto* number = std::get_if<double>(&value)) {
        return std::isfinite(*number) ? fmt::format("{}", *number) : "";
    }
    if (const auto* whole = std::get_if<std::int64_t>(&value)) {
        return fmt::format("{}", *whole);
    }
    if (const auto* flag = std::get_if<bool>(&value)) {
        return *flag ? "true" : "false";
    }
    return "";
}

nlohmann::ordered_json json_value(const SettingValue& value) {
    if (const auto* text = std::get_if<std::string>(&value)) {
        return *text;
    }
    if (const auto* number = std::get_if<double>(&value)) {
        return std::isfinite(*number) ? nlohmann::ordered_json(*number) : nlohmann::ordered_json();
    }
    if (const auto* whole = std::get_if<std::int64_t>(&value)) {
        return *whole;
    }
    if (const auto* flag = std::get_if<bool>(&value)) {
        return *flag;
    }
    return nullptr;
}

}  // namespace

std::string render_terminal(std::span<const ReportTable> tables, std::size_t width) {
    width = std::max<std::size_t>(60, width);
    std::string out;
    for (const ReportTable& table : tables) {
        if (table.rows.empty()) {
            continue;
        }
        out += (out.empty() ? "" : "\n") + safe_text(table.title) + "\n";
        bool is_first = true;
        for (const auto& block : blocks_of(table, width)) {
            out += (is_first ? "" : "\n") + terminal_block(table, block, width);
            is_first = false;
        }
        for (const std::string& note : table.notes) {
            for (const std::string& line : wrap_text(note, width - kIndent)) {
                out += std::string(kIndent, ' ') + line + "\n";
            }
        }
    }
    return out;
}

std::string escape_markdown(std::string_view text) {
    constexpr std::string_view kSpecial = "\\`*_{}[]<>#!|~$&^@";
    const std::string safe = safe_text(text);
    std::string out;
    for (std::size_t i = 0; i < safe.size(); ++i) {
        const std::string_view rest = std::string_view(safe).substr(i);
        // GitHub makes links of "www." and of "://" without any brackets.
        const bool is_link =
            rest.starts_with("://") ||
            (rest[0] == '.' && i >= 3 && (safe[i - 1] == 'w' || safe[i - 1] == 'W'));
        if (kSpecial.find(safe[i]) != kSpecial.npos || is_link) {
            out += '\\';
        }
        out += safe[i];
    }
    return out;
}

std::string render_markdown(std::span<const ReportTable> tables) {
    std::string out;
    for (const ReportTable& table : tables) {
        if (table.rows.empty()) {
            continue;
        }
        const std::vector<std::size_t> shown = columns_for_people(table);
        out += fmt::format("{}## {}\n\n|", out.empty() ? "" : "\n", escape_markdown(table.title));
        for (const std::size_t c : shown) {
            out += fmt::format(" {} |", escape_markdown(table.columns[c].title));
        }
        out += "\n|";
        for (const std::size_t c : shown) {
            out += table.columns[c].is_number ? "---:|" : "---|";
        }
        out += "\n";
        for (const auto& row : table.rows) {
            out += "|";
            for (const std::size_t c : shown) {
                out += fmt::format(" {} |", escape_markdown(row[c].text));
            }
            out += "\n";
        }
        for (const std::string& note : table.notes) {
            out += "\n" + escape_markdown(note) + "\n";
        }
    }
    return out;
}

std::string escape_latex(std::string_view text) {
    std::string out;
    const std::string safe = safe_text(text);
    for (std::size_t i = 0; i < safe.size(); ++i) {
        const std::string_view rest = std::string_view(safe).substr(i);
        if (rest.starts_with("\uFFFD")) {
            out += '?';  // LaTeX has no such character
            i += 2;
        } else if (rest.starts_with("--")) {
            out += "-{}";  // two hyphens, not a dash
        } else if (const std::string_view latex = latex_for(safe[i]); !latex.empty()) {
            out += latex;
        } else {
            out += safe[i];
        }
    }
    return out;
}

std::string render_latex(std::span<const ReportTable> tables) {
    std::string out =
        "% Needs \\usepackage{booktabs} and \\usepackage{graphicx}; "
        "\\usepackage[T1]{fontenc} with pdfLaTeX.\n";
    for (const ReportTable& table : tables) {
        if (!table.rows.empty()) {
            out += "\n" + latex_table(table);
        }
    }
    return out;
}

std::string render_csv(const ReportTable& table) {
    const std::vector<std::size_t> shown = columns_for_programs(table);
    std::string out;
    std::vector<std::string> fields;
    for (const std::size_t c : shown) {
        fields.push_back(csv_text(table.columns[c].key));
    }
    append_csv_row(out, fields);
    for (const auto& row : table.rows) {
        fields.clear();
        for (const std::size_t c : shown) {
            fields.push_back(csv_value(row[c].value));
        }
        append_csv_row(out, fields);
    }
    return out;
}

std::string render_json(std::span<const ReportTable> tables, std::span<const std::string> files,
                        int indent) {
    nlohmann::ordered_json document;
    for (const ReportTable& table : tables) {
        nlohmann::ordered_json rows = nlohmann::ordered_json::array();
        for (const auto& row : table.rows) {
            nlohmann::ordered_json object;
            for (const std::size_t c : columns_for_programs(table)) {
                object[table.columns[c].key] = json_value(row[c].value);
            }
            rows.push_back(std::move(object));
        }
        document[table.name] = std::move(rows);
    }
    document["files"] = nlohmann::ordered_json::array();
    for (const std::string& file : files) {
        document["files"].push_back(file);
    }
    return document.dump(indent > 0 ? indent : -1, ' ', false,
                         nlohmann::json::error_handler_t::replace);
}

}  // namespace finewatt
