#include "finewatt/report/format.h"
#include "finewatt/report/run_tables_internal.h"
#include "finewatt/report/run_view_internal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace finewatt::report {
namespace {

/// Add `part` to `sum`, where unknown stays unknown.
void add_known(std::optional<Joules>& sum, const std::optional<Joules>& part) {
    sum = sum && is_known(part) ? std::optional(*sum + *part) : std::nullopt;
}

void add_window(PhaseTotal& total, const PhaseRecord& phase) {
    const EnergySummary& energy = phase.energy;
    EnergySummary& sum = total.energy;
    if (total.windows == 0) {
        sum = energy;
        sum.components.clear();
    } else {
        add_known(sum.energy, energy.energy);
        add_known(sum.energy_low, energy.energy_low);
        add_known(sum.energy_high, energy.energy_high);
        if (sum.provenance != energy.provenance) {
            sum.provenance = "mixed";
        }
    }
    ++total.windows;
    total.duration_s += phase.duration_s;
    if (!is_known(energy.energy)) {
        sum.energy.reset();
        sum.reason =
            total.windows == 1
                ? energy.reason
                : std::optional(fmt::format("the energy of one of its windows is unknown: {}",
                                            energy.reason.value_or("no reason was recorded")));
    }
    for (const ComponentEnergy& part : energy.components) {
        if (part.counted && is_known(part.energy)) {
            total.component_j[part.component] += part.energy->as_joules();
        }
    }
}

std::optional<double> mean_power_w(const EnergySummary& energy, double duration_s) {
    return is_known(energy.energy) && duration_s > 0
               ? std::optional(energy.energy->as_joules() / duration_s)
               : std::nullopt;
}

ReportCell power_cell(const std::optional<double>& power_w, const Range& like) {
    return number_cell(power_w, power_w ? format_power(watts(*power_w), like) : "");
}

/// The figures of one component as an energy of its own.
EnergySummary as_summary(const ComponentEnergy& part) {
    EnergySummary energy;
    energy.energy = part.energy;
    energy.energy_low = part.energy_low;
    energy.energy_high = part.energy_high;
    energy.provenance = part.provenance;
    energy.reason = part.reason;
    return energy;
}

std::optional<double> as_watts(const std::optional<Watts>& power) {
    return power ? std::optional(power->as_watts()) : std::nullopt;
}

}  // namespace

std::vector<PhaseTotal> phase_totals(const RunRecord& run) {
    std::vector<PhaseTotal> totals;
    for (const PhaseRecord& phase : run.phases) {
        auto found = std::find_if(totals.begin(), totals.end(),
                                  [&](const PhaseTotal& each) { return each.name == phase.name; });
        if (found == totals.end()) {
            totals.push_back({phase.name, 0, 0, {}, {}});
            found = totals.end() - 1;
        }
        add_window(*found, phase);
    }
    return totals;
}

std::vector<const PhaseRecord*> outer_phases(const RunRecord& run) {
    std::vector<const PhaseRecord*> sorted;
    for (const PhaseRecord& phase : run.phases) {
        sorted.push_back(&phase);
    }
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) {
        return a->t_begin_s < b->t_begin_s ||
               (a->t_begin_s == b->t_begin_s && a->duration_s > b->duration_s);
    });
    std::vector<const PhaseRecord*> outer;
    double covered_until = -1;
    for (const PhaseRecord* phase : sorted) {
        const double end = phase->t_begin_s + phase->duration_s;
        if (outer.empty() || end > covered_until) {
            outer.push_back(phase);
            covered_until = end;
        }
    }
    return outer;
}

ReportTable phases_table(std::span<const RunRecord> runs, const std::vector<std::string>& labels) {
    std::vector<ReportColumn> columns{{"label", "Run", false, ColumnFor::kPeople},
                                      {"run_id", "", false, ColumnFor::kPrograms},
                                      {"phase", "Phase"},
                                      {"windows", "Windows", true},
                                      {"duration_s", "Time", true}};
    add_energy_columns(columns);
    columns.push_back({"power_w_mean", "Mean power", true});
    ReportTable table{"phases", "Energy by phase", columns, {}, {}};
    for (std::size_t i = 0; i < runs.size(); ++i) {
        for (const PhaseTotal& total : phase_totals(runs[i])) {
            const auto windows = static_cast<double>(total.windows);
            std::vector<ReportCell> row{
                text_cell(labels[i]), text_cell(runs[i].run_id), text_cell(total.name),
                number_cell(windows, format_count(windows)),
                number_cell(total.duration_s, format_duration(total.duration_s))};
            add_energy_cells(row, total.energy);
            const auto power_w = mean_power_w(total.energy, total.duration_s);
            row.push_back(power_cell(power_w, power_w ? joules_range(total.energy) : Range{}));
            table.rows.push_back(std::move(row));
        }
    }
    table.notes = {
        "Windows of one name in one run are added up. A phase inside another one is "
        "part of that one, too."};
    return table;
}

ReportTable components_table(std::span<const RunRecord> runs,
                             const std::vector<std::string>& labels) {
    std::vector<ReportColumn> columns{{"label", "Run", false, ColumnFor::kPeople},
                                      {"run_id", "", false, ColumnFor::kPrograms},
                                      {"component", "Component"},
                                      {"device", "Device"},
                                      {"domain", "", false, ColumnFor::kPrograms},
                                      {"source", "", false, ColumnFor::kPrograms}};
    add_energy_columns(columns);
    const std::vector<ReportColumn> rest{{"power_w_mean", "Mean power", true},
                                         {"power_w_max", "Largest power", true},
                                         {"coverage", "Coverage", true},
                                         {"counted", "In the total"}};
    columns.insert(columns.end(), rest.begin(), rest.end());
    ReportTable table{"components", "Energy by component", columns, {}, {}};
    for (std::size_t i = 0; i < runs.size(); ++i) {
        for (const ComponentEnergy& part : runs[i].energy.components) {
            const EnergySummary energy = as_summary(part);
            const Range like = is_known(energy.energy) ? joules_range(energy) : Range{};
            std::vector<ReportCell> row{text_cell(labels[i]),      text_cell(runs[i].run_id),
                                        text_cell(part.component), text_cell(part.device),
                                        text_cell(part.domain),    text_cell(part.source)};
            add_energy_cells(row, energy);
            row.push_back(power_cell(as_watts(part.power_mean), like));
            row.push_back(power_cell(as_watts(part.power_max), like));
            row.push_back(
                number_cell(part.coverage, part.coverage ? format_share(*part.coverage) : ""));
            row.push_back({part.counted ? "yes" : "no", part.counted});
            table.rows.push_back(std::move(row));
        }
    }
    table.notes = {"What is not in the total lies inside a domain that is."};
    return table;
}

}  // namespace finewatt::report
