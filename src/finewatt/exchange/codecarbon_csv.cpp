#include "finewatt/base/csv.h"
#include "finewatt/exchange/codecarbon_csv_internal.h"
#include "finewatt/exchange/foreign_table_internal.h"
#include "finewatt/exchange/run_facts_internal.h"
#include "finewatt/exchange/texts_internal.h"

#include <array>
#include <cmath>
#include <map>

namespace finewatt::exchange {
namespace {

// codecarbon 3.3.2, output_methods/emissions_data.py: EmissionsData and TaskEmissionsData.
constexpr std::array<std::string_view, 38> kColumns{
    "timestamp",
    "project_name",
    "run_id",
    "experiment_id",
    "duration",
    "emissions",
    "emissions_rate",
    "cpu_power",
    "gpu_power",
    "ram_power",
    "cpu_energy",
    "gpu_energy",
    "ram_energy",
    "energy_consumed",
    "water_consumed",
    "country_name",
    "country_iso_code",
    "region",
    "cloud_provider",
    "cloud_region",
    "os",
    "python_version",
    "codecarbon_version",
    "cpu_count",
    "cpu_model",
    "gpu_count",
    "gpu_model",
    "longitude",
    "latitude",
    "ram_total_size",
    "tracking_mode",
    "cpu_utilization_percent",
    "gpu_utilization_percent",
    "ram_utilization_percent",
    "ram_used_gb",
    "on_cloud",
    "pue",
    "wue",
};

/// Columns of emissions.csv that a task file does not have.
constexpr bool is_left_out_of_tasks(std::string_view column) {
    return column == "experiment_id" || column == "pue" || column == "wue";
}

constexpr auto make_task_columns() {
    std::array<std::string_view, 36> columns{};
    std::size_t next = 0;
    columns[next++] = "task_name";
    for (const std::string_view column : kColumns) {
        if (!is_left_out_of_tasks(column)) {
            columns[next++] = column;
        }
    }
    return columns;
}

constexpr std::array<std::string_view, 36> kTaskColumns = make_task_columns();

constexpr double kBytesPerGb = 1024.0 * 1024.0 * 1024.0;  // codecarbon, external/hardware.py

/// Values by column; a column that is not there is unknown.
using Cells = std::map<std::string_view, std::string>;

void put(Cells& cells, std::string_view column, const std::optional<double>& value) {
    if (value && std::isfinite(*value)) {
        cells[column] = number_text(*value);
    }
}

void put(Cells& cells, std::string_view column, const std::optional<std::string>& text) {
    if (text) {
        cells[column] = safe_text(*text);
    }
}

double pue_of(const RunRecord& run) {
    return run.carbon ? run.carbon->pue : 1;
}

/// Energy in kWh and mean power in W of one part, of the facility.
void put_part(Cells& cells, std::string_view energy_column, std::string_view power_column,
              std::optional<Joules> energy, double pue, std::optional<double> duration_s) {
    if (!energy) {
        return;
    }
    put(cells, energy_column, energy->as_kwh() * pue);
    if (duration_s && *duration_s > 0) {
        put(cells, power_column, energy->as_joules() * pue / *duration_s);
    }
}

void put_energy(Cells& cells, const EnergySummary& energy, double pue,
                std::optional<double> duration_s) {
    put_part(cells, "cpu_energy", "cpu_power", part_energy(energy, "cpu"), pue, duration_s);
    put_part(cells, "gpu_energy", "gpu_power", part_energy(energy, "gpu"), pue, duration_s);
    put_part(cells, "ram_energy", "ram_power", part_energy(energy, "dram"), pue, duration_s);
    if (energy.energy) {
        put(cells, "energy_consumed", energy.energy->as_kwh() * pue);
    }
}

void put_time_and_carbon(Cells& cells, WallTime end, std::optional<double> duration_s,
                         std::optional<double> co2_kg) {
    cells["timestamp"] = local_time_text(end, 'T');
    put(cells, "duration", duration_s);
    put(cells, "emissions", co2_kg);
    if (co2_kg && duration_s && *duration_s > 0) {
        put(cells, "emissions_rate", *co2_kg / *duration_s);
    }
}

/// What does not differ between a run and its phases.
Cells run_cells(const RunRecord& run) {
    Cells cells;
    put(cells, "project_name", run.name);
    cells["run_id"] = safe_text(run.run_id);
    const RunPlace place = place_of(run);
    put(cells, "country_name", place.country);
    put(cells, "country_iso_code", place.country_iso);
    put(cells, "region", place.region);
    put(cells, "cloud_provider", place.cloud_provider);
    put(cells, "cloud_region", place.cloud_region);
    if (!place.cloud_region.empty()) {
        cells["on_cloud"] = "Y";
    }
    if (const auto kernel = setting_text(run.machine, "kernel")) {
        cells["os"] = safe_text("Linux-" + *kernel);
    }
    cells["codecarbon_version"] = safe_text(tool_text(run));
    put(cells, "cpu_count", setting_number(run.machine, "logical_cpus"));
    put(cells, "cpu_model", setting_text(run.machine, "cpu_model"));
    double gpu_count = 0;
    for (const GpuGroup& group : gpus_of(run)) {
        gpu_count += group.count;
    }
    if (gpu_count > 0) {
        put(cells, "gpu_count", gpu_count);
        cells["gpu_model"] = safe_text(gpu_text(run));
    }
    if (const auto bytes = setting_number(run.machine, "memory_bytes")) {
        put(cells, "ram_total_size", *bytes / kBytesPerGb);
    }
    cells["tracking_mode"] = "machine";
    put(cells, "pue", pue_of(run));
    return cells;
}

Cells emission_cells(const RunRecord& run) {
    Cells cells = run_cells(run);
    put_time_and_carbon(cells, end_of(run), run.duration_s,
                        run.carbon ? run.carbon->co2_kg : std::nullopt);
    put_energy(cells, run.energy, pue_of(run), run.duration_s);
    // Litres, as CodeCarbon's wue is litres per kWh.
    if (run.carbon && run.carbon->water_l) {
        put(cells, "water_consumed", *run.carbon->water_l);
    }
    return cells;
}

Cells task_cells(const RunRecord& run, const PhaseRecord& phase) {
    Cells cells = run_cells(run);
    cells["task_name"] = safe_text(phase.name);
    std::optional<double> co2_kg;
    if (run.carbon && run.carbon->intensity && phase.energy.energy) {
        co2_kg = (*phase.energy.energy * pue_of(run) * *run.carbon->intensity).as_kilograms();
    }
    const WallTime end = WallTime::from_unix_ns(
        run.started_at.as_unix_ns() +
        static_cast<std::int64_t>((phase.t_begin_s + phase.duration_s) * 1e9));
    put_time_and_carbon(cells, end, phase.duration_s, co2_kg);
    put_energy(cells, phase.energy, pue_of(run), phase.duration_s);
    return cells;
}

/// Append a line with a value for each column.
template <class Columns>
void append_cells(std::string& out, const Columns& columns, const Cells& cells) {
    std::vector<std::string> row;
    for (const auto& column : columns) {
        const auto found = cells.find(column);
        row.push_back(found == cells.end() ? std::string() : found->second);
    }
    append_csv_row(out, row);
}

std::string header_line(std::span<const std::string_view> columns) {
    std::string line;
    append_csv_row(line, {columns.begin(), columns.end()});
    return line;
}

}  // namespace

std::span<const std::string_view> codecarbon_columns() {
    return kColumns;
}

std::span<const std::string_view> codecarbon_task_columns() {
    return kTaskColumns;
}

Result<std::string> write_codecarbon(std::span<const RunRecord> runs, const ExtraFacts& /*facts*/) {
    std::string text = header_line(kColumns);
    for (const RunRecord& run : runs) {
        append_cells(text, kColumns, emission_cells(run));
    }
    return text;
}

Result<std::string> write_codecarbon_tasks(std::span<const RunRecord> runs,
                                           const ExtraFacts& /*facts*/) {
    const RunRecord& run = runs.front();
    if (run.phases.empty()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "run {}: expected phases, which are the rows of a task file, found "
                              "none; use --format codecarbon, or mark phases with `finewatt phase`",
                              run.run_id);
    }
    std::string text = header_line(kTaskColumns);
    for (const PhaseRecord& phase : run.phases) {
        append_cells(text, kTaskColumns, task_cells(run, phase));
    }
    return text;
}

Result<std::string> extend_codecarbon(std::string_view existing, std::string_view file_name,
                                      std::span<const RunRecord> runs) {
    if (existing.empty()) {
        return write_codecarbon(runs, {});
    }
    constexpr std::array<std::string_view, 4> kEssential{"timestamp", "duration", "emissions",
                                                         "energy_consumed"};
    Result<ForeignTable> parsed = ForeignTable::parse(
        existing, std::string(file_name),
        {"CodeCarbon", kEssential, "older CodeCarbon releases appended such shifted rows"});
    if (!parsed) {
        return std::move(parsed).error().with_context(
            "nothing was appended; write to a new file instead");
    }
    const ForeignTable& table = *parsed;
    for (const RunRecord& run : runs) {
        for (std::size_t row = 0; row < table.row_count(); ++row) {
            if (table.text(row, "run_id") == run.run_id) {
                return FINEWATT_ERROR(kInvalidArgument,
                                      "{}: run {} is there already, in row {}; nothing was "
                                      "appended. Remove that row to write it anew",
                                      file_name, run.run_id, ForeignTable::row_number(row));
            }
        }
    }
    const bool has_crlf = existing.find("\r\n") != std::string_view::npos;
    std::string text(existing);
    if (text.back() != '\n') {
        text += has_crlf ? "\r\n" : "\n";
    }
    for (const RunRecord& run : runs) {
        append_cells(text, table.header(), emission_cells(run));
        if (has_crlf) {
            text.insert(text.size() - 1, "\r");
        }
    }
    return text;
}

}  // namespace finewatt::exchange
