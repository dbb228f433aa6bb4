// Reading of CodeCarbon's files; codecarbon_csv.cpp writes them.

#include "finewatt/exchange/codecarbon_csv_internal.h"
#include "finewatt/exchange/foreign_table_internal.h"
#include "finewatt/exchange/imported_run_internal.h"
#include "finewatt/exchange/texts_internal.h"
#include "finewatt/record/ulid.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>

namespace finewatt::exchange {
namespace {

constexpr std::array<std::string_view, 3> kRequired{"timestamp", "duration", "energy_consumed"};
constexpr std::string_view kRaggedHint =
    "older CodeCarbon releases left empty columns out when they appended, so the values stand in "
    "wrong columns and nobody can say which";
constexpr double kBytesPerGb = 1024.0 * 1024.0 * 1024.0;

/// How a part of CodeCarbon's total appears in a record.
struct Part {
    std::string_view energy_column;
    std::string_view component;
    std::string_view domain;
    std::string_view provenance;
    std::string_view reason;
};

/// CodeCarbon's files do not say how a figure came to be, so each carries the weakest provenance
/// that it may have (measuring.py, cpu.py, ram.py and gpu.py of codecarbon 3.3.2).
constexpr std::array<Part, 3> kParts{{
    {"cpu_energy", "cpu", "package", "assumed",
     "CodeCarbon's file does not say whether it read a counter, modelled the load or took a "
     "constant; counted as the weakest of the three"},
    {"gpu_energy", "gpu", "gpu", "derived",
     "CodeCarbon's file does not say whether it read a counter or integrated power; counted as the "
     "weaker of the two"},
    {"ram_energy", "dram", "dram", "modelled",
     "CodeCarbon models the power of memory, unless it was told to read a counter"},
}};

/// The time in a row, as UTC. CodeCarbon writes local time without a zone.
Result<WallTime> time_of(const ForeignTable& table, std::size_t row, const ReadOptions& options) {
    std::string text = table.text(row, "timestamp").value_or("");
    if (text.size() > 10 && text[10] == ' ') {
        text[10] = 'T';
    }
    const bool has_zone = text.ends_with('Z');
    // Nanoseconds since 1970 end in 2262.
    const double year = parse_number(text.substr(0, 4)).value_or(0);
    const bool is_year = year >= 1970 && year <= 2200;
    const Result<WallTime> time =
        WallTime::parse_iso8601(is_year ? text + (has_zone ? "" : "Z") : std::string());
    if (!time) {
        return table.error_in(row, fmt::format("expected a time like 2026-11-23T04:28:00 in column "
                                               "'timestamp', found '{}'; mend or remove that row",
                                               safe_text(text)));
    }
    const std::chrono::nanoseconds offset = has_zone ? std::chrono::minutes(0) : options.utc_offset;
    return WallTime::from_unix_ns(time->as_unix_ns() - offset.count());
}

/// The begin of a row's window: its time is that of the end.
Result<WallTime> begin_of(const ForeignTable& table, std::size_t row, const ReadOptions& options) {
    FINEWATT_ASSIGN(const WallTime end, time_of(table, row, options));
    FINEWATT_ASSIGN(const double duration_s, table.needed_amount(row, "duration"));
    // 31 years: anything longer is no duration, and might not fit into nanoseconds.
    if (duration_s > 1e9) {
        return table.error_in(row, fmt::format("expected a duration in seconds, found {}; mend or "
                                               "remove that row",
                                               duration_s));
    }
    return WallTime::from_unix_ns(end.as_unix_ns() - static_cast<std::int64_t>(duration_s * 1e9));
}

/// The PUE that the row's figures contain; 1 where the file does not say.
Result<double> pue_of(const ForeignTable& table, std::size_t row) {
    FINEWATT_ASSIGN(const std::optional<double> pue, table.amount(row, "pue"));
    if (pue && *pue < 1) {
        return table.error_in(row, fmt::format("expected 1 or more in column 'pue', found {}; mend "
                                               "or remove that row",
                                               *pue));
    }
    return pue.value_or(1);
}

/// One part of the total, or nothing where the file has no such part.
Result<std::optional<ComponentEnergy>> read_part(const ForeignTable& table, std::size_t row,
                                                 const Part& part, double pue, double duration_s) {
    FINEWATT_ASSIGN(const std::optional<double> energy_kwh, table.amount(row, part.energy_column));
    const double gpu_count = table.amount(row, "gpu_count").value_or(std::nullopt).value_or(0);
    const bool is_missing_gpu = part.component == "gpu" && gpu_count == 0;
    if (!energy_kwh || (*energy_kwh == 0 && is_missing_gpu)) {
        return std::optional<ComponentEnergy>();
    }
    ComponentEnergy component;
    component.component = std::string(part.component);
    component.device = std::string(part.component);
    component.domain = std::string(part.domain);
    component.source = fmt::format("codecarbon:{}", part.component);
    component.provenance = std::string(part.provenance);
    component.reason = std::string(part.reason);
    if (*energy_kwh == 0 && duration_s > 0) {
        component.counted = false;
        component.provenance.clear();
        component.reason =
            "CodeCarbon writes 0 kWh also for what it could not read (its issues 851 and 1316)";
        return component;
    }
    component.energy = kwh(*energy_kwh / pue);
    if (duration_s > 0) {
        component.power_mean = watts(component.energy->as_joules() / duration_s);
    }
    return component;
}

Result<EnergySummary> read_energy(const ForeignTable& table, std::size_t row, double pue) {
    FINEWATT_ASSIGN(const double duration_s, table.needed_amount(row, "duration"));
    FINEWATT_ASSIGN(const std::optional<double> total_kwh, table.amount(row, "energy_consumed"));
    EnergySummary energy;
    for (const Part& part : kParts) {
        FINEWATT_ASSIGN(std::optional<ComponentEnergy> component,
                        read_part(table, row, part, pue, duration_s));
        if (component && component->counted) {
            energy.domains.push_back(component->domain);
        }
        if (component) {
            energy.components.push_back(*std::move(component));
        }
    }
    if (!total_kwh) {
        energy.reason = "the file has no energy_consumed for it";
        return energy;
    }
    energy.energy = kwh(*total_kwh / pue);
    // The one provenance of the counted parts, or mixed.
    for (const ComponentEnergy& component : energy.components) {
        if (component.counted && energy.provenance != component.provenance) {
            energy.provenance = energy.provenance.empty() ? component.provenance : "mixed";
        }
    }
    if (energy.provenance.empty()) {
        energy.provenance = "assumed";  // a total alone: its parts are not known
    }
    return energy;
}

std::string tool_of(const ForeignTable& table, std::size_t row) {
    const std::string version = table.text(row, "codecarbon_version").value_or("");
    return version.starts_with("finewatt") ? version
           : version.empty()               ? "CodeCarbon"
                                           : "CodeCarbon " + version;
}

Status read_carbon(RunRecord& run, const ForeignTable& table, std::size_t row, double pue) {
    FINEWATT_ASSIGN(const std::optional<double> co2_kg, table.amount(row, "emissions"));
    if (!co2_kg) {
        run.carbon_reason = "the imported file has no emissions for this run";
        return {};
    }
    CarbonSummary carbon;
    carbon.co2_kg = co2_kg;
    carbon.pue = pue;
    if (run.energy.energy && run.energy.energy->as_joules() > 0) {
        carbon.intensity = grams_per_kwh(*co2_kg * 1000 / (run.energy.energy->as_kwh() * pue));
    }
    std::string zone = table.text(row, "country_iso_code").value_or("");
    if (const auto region = table.text(row, "region")) {
        zone += (zone.empty() ? "" : "/") + *region;
    }
    if (!zone.empty()) {
        carbon.zone = zone;
    }
    carbon.source = tool_of(table, row) + "; the intensity is its emissions over its energy";
    run.carbon = std::move(carbon);
    return {};
}

void keep_text(SettingMap& map, std::string_view key, const std::optional<std::string>& text) {
    if (text) {
        map[std::string(key)] = *text;
    }
}

/// Texts and facts about machine and software.
Status read_facts(RunRecord& run, const ForeignTable& table, std::size_t row) {
    run.name = table.text(row, "project_name");
    keep_text(run.machine, "cpu_model", table.text(row, "cpu_model"));
    keep_text(run.machine, "os", table.text(row, "os"));
    keep_text(run.machine, "gpu_model", table.text(row, "gpu_model"));
    keep_text(run.machine, "cloud_provider", table.text(row, "cloud_provider"));
    keep_text(run.machine, "cloud_region", table.text(row, "cloud_region"));
    keep_text(run.software, "python", table.text(row, "python_version"));
    keep_text(run.software, "codecarbon", table.text(row, "codecarbon_version"));
    keep_text(run.settings, "experiment_id", table.text(row, "experiment_id"));
    keep_text(run.settings, "tracking_mode", table.text(row, "tracking_mode"));
    FINEWATT_ASSIGN(const std::optional<double> cpus, table.amount(row, "cpu_count"));
    if (cpus) {
        run.machine["logical_cpus"] = *cpus;
    }
    FINEWATT_ASSIGN(const std::optional<double> gpus, table.amount(row, "gpu_count"));
    if (gpus) {
        run.machine["gpu_count"] = *gpus;
    }
    // "16.0" in gigabytes; under Slurm a text such as "128G".
    const std::optional<std::string> memory = table.text(row, "ram_total_size");
    if (const auto gigabytes = parse_number(memory.value_or(""))) {
        run.machine["memory_bytes"] = std::round(*gigabytes * kBytesPerGb);
    } else {
        keep_text(run.machine, "memory", memory);
    }
    return {};
}

void add_notes(RunRecord& run, const ForeignTable& table, const ReadOptions& options) {
    run.notes.push_back(fmt::format("the file's times have no zone; taken as UTC{:+03}:{:02}",
                                    options.utc_offset.count() / 60,
                                    std::abs(options.utc_offset.count() % 60)));
    if (!table.has_column("pue")) {
        run.notes.push_back("the file does not tell the PUE in its figures; taken as 1");
    }
    double parts_j = 0;
    for (const ComponentEnergy& part : run.energy.components) {
        parts_j += part.energy.value_or(joules(0)).as_joules();
    }
    const double total_j = run.energy.energy.value_or(joules(0)).as_joules();
    if (!run.energy.components.empty() && std::abs(parts_j - total_j) > 0.01 * total_j) {
        run.notes.push_back(
            fmt::format("the file's parts add up to {:.6g} J, its total is {:.6g} "
                        "J; both are kept as they are",
                        parts_j, total_j));
    }
}

/// Give a run its id, and say where it comes from. A row without an id of its own is known by its
/// content.
void identify(RunRecord& run, const ForeignTable& table, std::size_t row,
              const std::string& foreign_id) {
    mark_as_imported(run, tool_of(table, row), foreign_id);
    const std::string content =
        fmt::format("{} {} {}", run.name.value_or(""), run.duration_s.value_or(0),
                    table.text(row, "energy_consumed").value_or(""));
    run.run_id = is_ulid(foreign_id)
                     ? foreign_id
                     : content_ulid(run.started_at,
                                    "codecarbon " + (foreign_id.empty() ? content : foreign_id));
}

/// Rows of one run, in the order of the file.
struct RowGroup {
    std::string foreign_id;
    std::vector<std::size_t> rows;
};

std::vector<RowGroup> group_by_run(const ForeignTable& table) {
    std::vector<RowGroup> groups;
    std::map<std::string, std::size_t> by_id;
    for (std::size_t row = 0; row < table.row_count(); ++row) {
        const std::string id = table.text(row, "run_id").value_or("");
        const auto found = by_id.find(id);
        if (!id.empty() && found != by_id.end()) {
            groups[found->second].rows.push_back(row);
            continue;
        }
        by_id[id] = groups.size();
        groups.push_back({id, {row}});
    }
    return groups;
}

/// One run of an emissions.csv. Its rows are states of it; the longest is the last.
Result<ImportedRun> read_emissions(const ForeignTable& table, const RowGroup& group,
                                   const ReadOptions& options) {
    std::size_t last = group.rows.front();
    double longest_s = -1;
    for (const std::size_t row : group.rows) {
        FINEWATT_ASSIGN(const double duration_s, table.needed_amount(row, "duration"));
        if (duration_s >= longest_s) {
            longest_s = duration_s;
            last = row;
        }
    }
    RunRecord run;
    // From the first row, so that a run that grew has the same begin and id.
    FINEWATT_ASSIGN(run.started_at, begin_of(table, group.rows.front(), options));
    FINEWATT_TRY(begin_of(table, last, options));
    run.duration_s = longest_s;
    FINEWATT_ASSIGN(const double pue, pue_of(table, last));
    FINEWATT_ASSIGN(run.energy, read_energy(table, last, pue));
    FINEWATT_TRY(read_carbon(run, table, last, pue));
    FINEWATT_TRY(read_facts(run, table, last));
    const std::size_t row_number = ForeignTable::row_number(last);
    identify(run, table, last, group.foreign_id);
    add_notes(run, table, options);
    if (group.rows.size() > 1) {
        run.notes.push_back(
            fmt::format("the file has {} rows of this run; the longest, row {}, "
                        "was taken",
                        group.rows.size(), row_number));
    }
    return ImportedRun{std::move(run), group.foreign_id, row_number};
}

/// One run of a task file: a phase for each row.
Result<ImportedRun> read_tasks(const ForeignTable& table, const RowGroup& group,
                               const ReadOptions& options) {
    RunRecord run;
    std::vector<WallTime> begins;
    for (const std::size_t row : group.rows) {
        FINEWATT_ASSIGN(const WallTime begin, begin_of(table, row, options));
        begins.push_back(begin);
    }
    run.started_at = *std::min_element(begins.begin(), begins.end());
    double end_s = 0;
    double co2_kg = 0;
    bool has_co2 = true;
    for (std::size_t i = 0; i < group.rows.size(); ++i) {
        const std::size_t row = group.rows[i];
        PhaseRecord phase;
        phase.name = table.text(row, "task_name").value_or("");
        phase.t_begin_s =
            static_cast<double>(begins[i].as_unix_ns() - run.started_at.as_unix_ns()) * 1e-9;
        FINEWATT_ASSIGN(phase.duration_s, table.needed_amount(row, "duration"));
        FINEWATT_ASSIGN(const double pue, pue_of(table, row));
        FINEWATT_ASSIGN(phase.energy, read_energy(table, row, pue));
        FINEWATT_ASSIGN(const std::optional<double> co2, table.amount(row, "emissions"));
        has_co2 = has_co2 && co2.has_value();
        co2_kg += co2.value_or(0);
        end_s = std::max(end_s, phase.t_begin_s + phase.duration_s);
        run.phases.push_back(std::move(phase));
    }
    run.duration_s = end_s;
    set_energy_from_phases(run, WindowOrder::kSequential);  // CodeCarbon runs one task at a time
    const std::size_t first = group.rows.front();
    FINEWATT_TRY(read_carbon(run, table, first, 1));
    if (run.carbon && has_co2 && run.energy.energy) {
        run.carbon->co2_kg = co2_kg;
        if (run.energy.energy->as_joules() > 0) {
            run.carbon->intensity = grams_per_kwh(co2_kg * 1000 / run.energy.energy->as_kwh());
        }
    } else {
        run.carbon.reset();
        run.carbon_reason = "the imported file does not have the emissions of all tasks";
    }
    FINEWATT_TRY(read_facts(run, table, first));
    identify(run, table, first, group.foreign_id);
    run.settings["foreign_file"] = "tasks";
    run.notes.push_back("the file's times are whole seconds, so phases begin up to 1 s off");
    add_notes(run, table, options);
    return ImportedRun{std::move(run), group.foreign_id, ForeignTable::row_number(first)};
}

}  // namespace

Result<std::vector<ImportedRun>> read_codecarbon(std::string_view text, std::string_view file_name,
                                                 const ReadOptions& options) {
    FINEWATT_ASSIGN(
        const ForeignTable table,
        ForeignTable::parse(text, std::string(file_name), {"CodeCarbon", kRequired, kRaggedHint}));
    const bool is_task_file = table.has_column("task_name");
    std::vector<ImportedRun> runs;
    for (const RowGroup& group : group_by_run(table)) {
        FINEWATT_ASSIGN(ImportedRun run, is_task_file ? read_tasks(table, group, options)
                                                      : read_emissions(table, group, options));
        runs.push_back(std::move(run));
    }
    return runs;
}

}  // namespace finewatt::exchange
