// Tables over a set of runs: one line a run, repeats summarised, energy by phase and by component.
//
// Main function: make_report_tables. The tables are plain values; table_formats.h writes them for a
// terminal, Markdown, LaTeX, CSV and JSON. Not for energy or carbon sums: the records hold those.
#pragma once

#include "finewatt/record/run.h"

#include <span>
#include <string>
#include <vector>

namespace finewatt {

/// Who reads a column: people (terminal, Markdown, LaTeX, page), programs (CSV, JSON), or both.
enum class ColumnFor { kBoth, kPeople, kPrograms };

/// One column. `key` is the name for programs, with its unit ("energy_j_low"); `title` is the
/// heading for people.
struct ReportColumn {
    std::string key;
    std::string title;
    bool is_number = false;
    ColumnFor readers = ColumnFor::kBoth;
};

/// One cell: what people read, and the exact value for programs (nothing = unknown). Texts are as
/// they were recorded: each format makes them safe for itself.
struct ReportCell {
    std::string text;
    SettingValue value;
};

/// A table; each row has as many cells as there are columns. `name` is a word for file names and
/// JSON keys ("runs"), `notes` says how to read it.
struct ReportTable {
    std::string name;
    std::string title;
    std::vector<ReportColumn> columns;
    std::vector<std::vector<ReportCell>> rows;
    std::vector<std::string> notes;
};

/// Return the runs ordered by start, then by id: the order of all tables and figures.
std::vector<RunRecord> in_report_order(std::vector<RunRecord> runs);

/// Return a short label for each run, all different and safe to print: its name (its beginning, if
/// it is long); with the beginning of the id where several runs have that name; the beginning of
/// the id alone where there is no name.
std::vector<std::string> run_labels(std::span<const RunRecord> runs);

/// Return the tables "runs", "repeats", "phases" and "components", always in this order; one that
/// has nothing to show has no rows.
///
/// Repeats are complete runs of known energy with the same kind, name, counted domains, processor
/// and settings, apart from the seed and from where files go. They are shown where there are two or
/// more: mean and sample standard deviation (n - 1).
std::vector<ReportTable> make_report_tables(std::span<const RunRecord> runs);

}  // namespace finewatt
