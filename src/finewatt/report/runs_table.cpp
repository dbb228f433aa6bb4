#include "finewatt/report/format.h"
#include "finewatt/report/run_tables_internal.h"
#include "finewatt/report/run_view_internal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace finewatt::report {
namespace {

using Row = std::vector<ReportCell>;

bool is_number(const std::optional<double>& value) {
    return value && std::isfinite(*value);
}

std::string joined(const std::vector<std::string>& parts) {
    return fmt::format("{}", fmt::join(parts, "; "));
}

/// All scores of all runs, in the order of their names.
std::set<std::string> score_names(std::span<const RunRecord> runs) {
    std::set<std::string> names;
    for (const RunRecord& run : runs) {
        for (const auto& score : run.scores) {
            names.insert(score.first);
        }
    }
    return names;
}

std::string short_carbon_text(const RunRecord& run) {
    return run.carbon && is_number(run.carbon->co2_kg) ? carbon_text(run) : "unknown";
}

void add_carbon(Row& row, const RunRecord& run) {
    const CarbonSummary carbon = run.carbon.value_or(CarbonSummary{});
    row.push_back(number_cell(carbon.co2_kg, short_carbon_text(run)));
    row.push_back(plain_number(carbon.co2_kg_low));
    row.push_back(plain_number(carbon.co2_kg_high));
    row.push_back(text_cell(carbon.basis));
    const bool is_known_carbon = is_number(carbon.co2_kg);
    row.push_back(is_known_carbon ? ReportCell{}
                                  : text_cell(run.carbon ? carbon.reason : run.carbon_reason));
}

void add_work(Row& row, const RunRecord& run) {
    const WorkTotals work = run.work.value_or(WorkTotals{});
    const std::optional<double>& per_examples = run.derived.j_per_1k_examples;
    const std::optional<double>& speed = run.derived.tokens_per_s;
    row.push_back(plain_number(work.examples));
    row.push_back(plain_number(work.tokens_real));
    row.push_back(plain_number(work.tokens_padded));
    row.push_back(number_cell(
        per_examples, is_number(per_examples) ? energy_per_1k_examples_text(run) : "unknown"));
    row.push_back(plain_number(run.derived.j_per_million_tokens_padded));
    row.push_back(
        number_cell(speed, is_number(speed) ? format_number(*speed) : std::string("unknown")));
}

std::vector<ReportColumn> columns_of(const std::set<std::string>& scores, bool is_all_complete) {
    constexpr ColumnFor kPrograms = ColumnFor::kPrograms;
    const ColumnFor status = is_all_complete ? kPrograms : ColumnFor::kBoth;
    std::vector<ReportColumn> columns{{"label", "Run", false, ColumnFor::kPeople},
                                      {"run_id", "", false, kPrograms},
                                      {"name", "", false, kPrograms},
                                      {"kind", "Kind"},
                                      {"status", "Status", false, status},
                                      {"started_at", "", false, kPrograms},
                                      {"duration_s", "Time", true}};
    add_energy_columns(columns);
    const std::vector<ReportColumn> rest{{"co2_kg", "Carbon", true},
                                         {"co2_kg_low", "", true, kPrograms},
                                         {"co2_kg_high", "", true, kPrograms},
                                         {"carbon_basis", "", false, kPrograms},
                                         {"carbon_reason", "", false, kPrograms},
                                         {"examples", "", true, kPrograms},
                                         {"tokens_real", "", true, kPrograms},
                                         {"tokens_padded", "", true, kPrograms},
                                         {"j_per_1k_examples", "Per 1,000 examples", true},
                                         {"j_per_million_tokens_padded", "", true, kPrograms},
                                         {"tokens_per_s", "Tokens/s", true},
                                         {"tags", "", false, kPrograms}};
    columns.insert(columns.end(), rest.begin(), rest.end());
    for (const std::string& name : scores) {
        std::string title = name;
        std::replace(title.begin(), title.end(), '_', ' ');
        columns.push_back({"score_" + name, title, true});
    }
    return columns;
}

Row row_of(const RunRecord& run, const std::string& label, const std::set<std::string>& scores) {
    Row row{text_cell(label),
            text_cell(run.run_id),
            text_cell(run.name),
            text_cell(run.kind),
            text_cell(run.status),
            text_cell(run.started_at.to_iso8601()),
            number_cell(run.duration_s, run.duration_s ? format_duration(*run.duration_s) : "")};
    add_energy_cells(row, run.energy);
    add_carbon(row, run);
    add_work(row, run);
    row.push_back(text_cell(joined(run.tags)));
    for (const std::string& name : scores) {
        const auto score = run.scores.find(name);
        const bool is_there = score != run.scores.end() && std::isfinite(score->second);
        row.push_back(is_there ? ReportCell{fmt::format("{:.4f}", score->second), score->second}
                               : ReportCell{score == run.scores.end() ? "" : "unknown", {}});
    }
    return row;
}

}  // namespace

ReportTable runs_table(std::span<const RunRecord> runs, const std::vector<std::string>& labels) {
    const bool is_all_complete = std::all_of(
        runs.begin(), runs.end(), [](const RunRecord& run) { return run.status == "complete"; });
    const std::set<std::string> scores = score_names(runs);
    ReportTable table{"runs", "Runs", columns_of(scores, is_all_complete), {}, {}};
    for (std::size_t i = 0; i < runs.size(); ++i) {
        table.rows.push_back(row_of(runs[i], labels[i], scores));
    }
    table.notes = {
        "In brackets: the range in which the true value lies, given the known errors of "
        "the sources."};
    return table;
}

}  // namespace finewatt::report
