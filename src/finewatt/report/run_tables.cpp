#include "finewatt/report/run_tables.h"

#include "finewatt/report/format.h"
#include "finewatt/report/run_tables_internal.h"
#include "finewatt/report/run_view_internal.h"
#include "finewatt/report/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace finewatt {
namespace {

/// Shortest beginning of an id that is shown: the ten characters of a ULID's time.
constexpr std::size_t kShortestId = 10;

/// Return the length at which all ids differ, at least kShortestId.
std::size_t distinct_length(std::span<const RunRecord> runs) {
    std::vector<std::string> ids;
    for (const RunRecord& run : runs) {
        ids.push_back(run.run_id);
    }
    std::sort(ids.begin(), ids.end());
    std::size_t length = kShortestId;
    for (std::size_t i = 1; i < ids.size(); ++i) {
        const auto differs =
            std::mismatch(ids[i - 1].begin(), ids[i - 1].end(), ids[i].begin(), ids[i].end());
        const auto common = static_cast<std::size_t>(differs.first - ids[i - 1].begin());
        length = std::max(length, common + 1);
    }
    return length;
}

/// What a label shows of a name; nothing where there is none.
std::string shown_name(const RunRecord& run) {
    constexpr std::size_t kMostOfAName = 32;
    return truncate_to_width(safe_text(run.name.value_or("")), kMostOfAName);
}

}  // namespace

std::vector<RunRecord> in_report_order(std::vector<RunRecord> runs) {
    std::stable_sort(runs.begin(), runs.end(), [](const RunRecord& a, const RunRecord& b) {
        return std::pair(a.started_at, a.run_id) < std::pair(b.started_at, b.run_id);
    });
    return runs;
}

std::vector<std::string> run_labels(std::span<const RunRecord> runs) {
    std::map<std::string, int> uses;
    for (const RunRecord& run : runs) {
        ++uses[shown_name(run)];
    }
    const std::size_t length = distinct_length(runs);
    std::vector<std::string> labels;
    for (const RunRecord& run : runs) {
        const std::string name = shown_name(run);
        const std::string id = safe_text(run.run_id.substr(0, length));
        if (name.empty()) {
            labels.push_back(id);
        } else {
            labels.push_back(uses[name] == 1 ? name : fmt::format("{} ({})", name, id));
        }
    }
    return labels;
}

std::vector<ReportTable> make_report_tables(std::span<const RunRecord> runs) {
    const std::vector<std::string> labels = run_labels(runs);
    return {report::runs_table(runs, labels), report::repeats_table(runs, labels),
            report::phases_table(runs, labels), report::components_table(runs, labels)};
}

namespace report {

ReportCell text_cell(const std::optional<std::string>& text) {
    if (!text) {
        return {};
    }
    return {*text, *text};
}

ReportCell number_cell(const std::optional<double>& value, std::string text) {
    if (!value || !std::isfinite(*value)) {
        return {"unknown", {}};
    }
    return {std::move(text), *value};
}

ReportCell plain_number(const std::optional<double>& value) {
    return number_cell(value, "");
}

ReportCell plain_joules(const std::optional<Joules>& energy) {
    return plain_number(energy ? std::optional(energy->as_joules()) : std::nullopt);
}

ReportCell energy_cell(const EnergySummary& energy) {
    if (!is_known(energy.energy)) {
        return {"unknown", {}};
    }
    return {format_energy(*energy.energy, energy.energy_low, energy.energy_high),
            energy.energy->as_joules()};
}

void add_energy_columns(std::vector<ReportColumn>& columns) {
    columns.push_back({"energy_j", "Energy", true});
    columns.push_back({"energy_j_low", "", true, ColumnFor::kPrograms});
    columns.push_back({"energy_j_high", "", true, ColumnFor::kPrograms});
    columns.push_back({"energy_reason", "", false, ColumnFor::kPrograms});
    columns.push_back({"provenance", "How"});
}

void add_energy_cells(std::vector<ReportCell>& row, const EnergySummary& energy) {
    row.push_back(energy_cell(energy));
    row.push_back(plain_joules(energy.energy_low));
    row.push_back(plain_joules(energy.energy_high));
    row.push_back(is_known(energy.energy) ? ReportCell{} : text_cell(energy.reason));
    row.push_back({energy.provenance,
                   energy.provenance.empty() ? SettingValue() : SettingValue(energy.provenance)});
}

}  // namespace report
}  // namespace finewatt
