// What the tables over runs are made of: columns with a way to fill them, and phases summed up by
// name. The figures use the same sums, so that tables and figures never differ.
#pragma once

#include "finewatt/report/run_tables.h"

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace finewatt::report {

/// The windows of a run that have one name, summed up. `energy` has no components; it is unknown,
/// with a reason, where that of one window is.
struct PhaseTotal {
    std::string name;
    std::size_t windows = 0;
    double duration_s = 0;
    EnergySummary energy;
    std::map<std::string, double> component_j;  ///< counted parts of known energy, by component
};

/// Return the phases in the order in which they first began.
std::vector<PhaseTotal> phase_totals(const RunRecord& run);

/// Return the phases that lie in no other phase, by time. Of equal windows the first one stays.
std::vector<const PhaseRecord*> outer_phases(const RunRecord& run);

/// A cell of text; nothing gives an empty cell.
ReportCell text_cell(const std::optional<std::string>& text);
/// A cell of a number; not finite or nothing is unknown.
ReportCell number_cell(const std::optional<double>& value, std::string text);
/// A number only for programs.
ReportCell plain_number(const std::optional<double>& value);
/// A number only for programs, in joules.
ReportCell plain_joules(const std::optional<Joules>& energy);
/// "12.3 kJ (6.1 to 18.5 kJ)" or "unknown"; the value is the best estimate in joules.
ReportCell energy_cell(const EnergySummary& energy);

/// The columns of an energy, for each row: people see one text, programs four columns.
void add_energy_columns(std::vector<ReportColumn>& columns);
void add_energy_cells(std::vector<ReportCell>& row, const EnergySummary& energy);

ReportTable runs_table(std::span<const RunRecord> runs, const std::vector<std::string>& labels);
ReportTable repeats_table(std::span<const RunRecord> runs, const std::vector<std::string>& labels);
ReportTable phases_table(std::span<const RunRecord> runs, const std::vector<std::string>& labels);
ReportTable components_table(std::span<const RunRecord> runs,
                             const std::vector<std::string>& labels);

}  // namespace finewatt::report
