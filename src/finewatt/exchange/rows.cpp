#include "finewatt/base/csv.h"
#include "finewatt/exchange/foreign_table_internal.h"
#include "finewatt/exchange/rows_internal.h"
#include "finewatt/exchange/run_facts_internal.h"
#include "finewatt/exchange/texts_internal.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>

namespace finewatt::exchange {
namespace {

/// What both tables for people show of a run, before any escape.
struct PeopleRow {
    std::string run;
    std::string kind;
    std::string task;
    std::string duration_s;
    std::string energy_kwh;
    std::string energy_range;
    std::string provenance;
    std::string co2_kg;
    std::string co2_range;
};

/// A figure and its range in a scaled unit; the figure is "unknown" where there is none.
void put_figure(std::string& figure, std::string& range, std::optional<double> best,
                std::optional<double> low, std::optional<double> high) {
    if (!best || !std::isfinite(*best)) {
        figure = "unknown";
        return;
    }
    figure = figure_text(*best, low, high);
    range = range_text(*best, low, high);
}

std::optional<double> in_kwh(std::optional<Joules> energy) {
    return energy ? std::optional<double>(energy->as_kwh()) : std::nullopt;
}

std::optional<double> in_joules(std::optional<Joules> energy) {
    return energy ? std::optional<double>(energy->as_joules()) : std::nullopt;
}

PeopleRow people_row(const RunRecord& run) {
    PeopleRow row;
    row.run = run_label(run);
    row.kind = run.kind;
    row.task = setting_text(run.settings, "task").value_or("");
    row.duration_s = run.duration_s ? figure_text(*run.duration_s, {}, {}) : "unknown";
    put_figure(row.energy_kwh, row.energy_range, in_kwh(run.energy.energy),
               in_kwh(run.energy.energy_low), in_kwh(run.energy.energy_high));
    row.provenance = run.energy.provenance;
    const CarbonSummary carbon = run.carbon.value_or(CarbonSummary{});
    put_figure(row.co2_kg, row.co2_range, carbon.co2_kg, carbon.co2_kg_low, carbon.co2_kg_high);
    return row;
}

constexpr std::array<std::string_view, 9> kHeads{
    "Run", "Kind", "Task", "Time (s)", "Energy (kWh)", "Range", "Provenance", "CO2 (kg)", "Range"};

/// Cells of a row in the order of kHeads, each through `escape`.
template <class Escape>
std::vector<std::string> cells_of(const PeopleRow& row, Escape escape) {
    return {escape(row.run),        escape(row.kind),       escape(row.task),
            escape(row.duration_s), escape(row.energy_kwh), escape(row.energy_range),
            escape(row.provenance), escape(row.co2_kg),     escape(row.co2_range)};
}

/// A column of the CSV document: its name and how a run gives its value.
struct CsvColumn {
    std::string_view name;
    std::string (*value)(const RunRecord& run);
};

std::string cell(std::optional<double> value) {
    return value && std::isfinite(*value) ? number_text(*value) : std::string();
}

std::string cell(const std::optional<std::string>& text) {
    return text ? safe_text(*text) : std::string();
}

template <class Member>
std::string carbon_cell(const RunRecord& run, Member member) {
    return run.carbon ? cell((*run.carbon).*member) : std::string();
}

using Run = const RunRecord&;

constexpr std::array<CsvColumn, 19> kCsvColumns{{
    {"run_id", [](Run r) { return safe_text(r.run_id); }},
    {"name", [](Run r) { return cell(r.name); }},
    {"kind", [](Run r) { return safe_text(r.kind); }},
    {"status", [](Run r) { return safe_text(r.status); }},
    {"started_at", [](Run r) { return r.started_at.to_iso8601(); }},
    {"duration_s", [](Run r) { return cell(r.duration_s); }},
    {"task", [](Run r) { return cell(setting_text(r.settings, "task")); }},
    {"model", [](Run r) { return cell(setting_text(r.settings, "model")); }},
    {"energy_j", [](Run r) { return cell(in_joules(r.energy.energy)); }},
    {"energy_j_low", [](Run r) { return cell(in_joules(r.energy.energy_low)); }},
    {"energy_j_high", [](Run r) { return cell(in_joules(r.energy.energy_high)); }},
    {"provenance", [](Run r) { return safe_text(r.energy.provenance); }},
    {"domains",
     [](Run r) { return safe_text(fmt::format("{}", fmt::join(r.energy.domains, " "))); }},
    {"co2_kg", [](Run r) { return carbon_cell(r, &CarbonSummary::co2_kg); }},
    {"co2_kg_low", [](Run r) { return carbon_cell(r, &CarbonSummary::co2_kg_low); }},
    {"co2_kg_high", [](Run r) { return carbon_cell(r, &CarbonSummary::co2_kg_high); }},
    {"zone", [](Run r) { return carbon_cell(r, &CarbonSummary::zone); }},
    {"edition", [](Run r) { return carbon_cell(r, &CarbonSummary::edition); }},
    {"basis", [](Run r) { return carbon_cell(r, &CarbonSummary::basis); }},
}};

std::vector<std::string> csv_header() {
    std::vector<std::string> header;
    for (const CsvColumn& column : kCsvColumns) {
        header.emplace_back(column.name);
    }
    return header;
}

void append_run(std::string& text, const RunRecord& run) {
    std::vector<std::string> row;
    for (const CsvColumn& column : kCsvColumns) {
        row.push_back(column.value(run));
    }
    append_csv_row(text, row);
}

}  // namespace

Result<std::string> write_markdown(std::span<const RunRecord> runs, const ExtraFacts& /*facts*/) {
    std::string text = fmt::format("| {} |\n", fmt::join(kHeads, " | "));
    text += "| :-- | :-- | :-- | --: | --: | :-- | :-- | --: | :-- |\n";
    for (const RunRecord& run : runs) {
        text += fmt::format("| {} |\n", fmt::join(cells_of(people_row(run), markdown_cell), " | "));
    }
    return text;
}

Result<std::string> write_latex(std::span<const RunRecord> runs, const ExtraFacts& /*facts*/) {
    std::string text = "\\begin{tabular}{lllrrllrl}\n\\toprule\n";
    std::vector<std::string> heads;
    for (const std::string_view head : kHeads) {
        heads.push_back(head == "CO2 (kg)" ? "CO\\textsubscript{2} (kg)" : latex_text(head));
    }
    text += fmt::format("{} \\\\\n\\midrule\n", fmt::join(heads, " & "));
    for (const RunRecord& run : runs) {
        text += fmt::format("{} \\\\\n", fmt::join(cells_of(people_row(run), latex_text), " & "));
    }
    return text + "\\bottomrule\n\\end{tabular}\n";
}

Result<std::string> write_csv(std::span<const RunRecord> runs, const ExtraFacts& /*facts*/) {
    std::string text;
    append_csv_row(text, csv_header());
    for (const RunRecord& run : runs) {
        append_run(text, run);
    }
    return text;
}

Result<std::string> extend_csv(std::string_view existing, std::string_view file_name,
                               std::span<const RunRecord> runs) {
    if (existing.empty()) {
        return write_csv(runs, {});
    }
    constexpr std::array<std::string_view, 1> kRequired{"run_id"};
    FINEWATT_ASSIGN(const ForeignTable table,
                    ForeignTable::parse(existing, std::string(file_name),
                                        {"finewatt", kRequired, "a row was cut or edited"}));
    if (table.header() != csv_header()) {
        return FINEWATT_ERROR(kCorrupt,
                              "{}: expected the columns of this version of finewatt ({}), found {};"
                              " nothing was appended. Write to a new file instead",
                              file_name, fmt::join(csv_header(), ", "),
                              safe_text(fmt::format("{}", fmt::join(table.header(), ", "))));
    }
    std::string text(existing);
    if (text.back() != '\n') {
        text += '\n';
    }
    for (const RunRecord& run : runs) {
        for (std::size_t row = 0; row < table.row_count(); ++row) {
            if (table.text(row, "run_id") == run.run_id) {
                return FINEWATT_ERROR(kInvalidArgument,
                                      "{}: run {} is there already, in row {}; nothing was "
                                      "appended. Remove that row to write it anew",
                                      file_name, run.run_id, ForeignTable::row_number(row));
            }
        }
        append_run(text, run);
    }
    return text;
}

}  // namespace finewatt::exchange
