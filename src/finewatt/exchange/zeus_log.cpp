#include "finewatt/exchange/foreign_table_internal.h"
#include "finewatt/exchange/imported_run_internal.h"
#include "finewatt/exchange/texts_internal.h"
#include "finewatt/exchange/zeus_log_internal.h"

#include <algorithm>
#include <array>
#include <utility>

namespace finewatt::exchange {
namespace {

constexpr std::array<std::string_view, 3> kRequired{"start_time", "window_name", "elapsed_time"};
constexpr std::string_view kRaggedHint =
    "Zeus writes names of windows without quotes, so a comma in a name shifts its row";
constexpr std::string_view kProvenanceReason =
    "Zeus's log does not say whether the GPU has an energy counter or power was integrated; "
    "counted as the weaker of the two";

/// Times before 2001-09-09 are no dates but times since the machine's start.
constexpr double kEarliestUnixTimeS = 1e9;
/// Later than this, a time does not fit into nanoseconds since 1970.
constexpr double kLatestUnixTimeS = 9e9;

/// The name of a GPU column ("gpu0" of "gpu0_energy"), or nothing for another column.
std::optional<std::string> gpu_of(std::string_view column) {
    constexpr std::string_view kPrefix = "gpu";
    constexpr std::string_view kSuffix = "_energy";
    if (!column.starts_with(kPrefix) || !column.ends_with(kSuffix) ||
        column.size() <= kPrefix.size() + kSuffix.size()) {
        return std::nullopt;
    }
    const std::string_view name = column.substr(0, column.size() - kSuffix.size());
    const bool is_number = std::all_of(name.begin() + kPrefix.size(), name.end(),
                                       [](char c) { return c >= '0' && c <= '9'; });
    return is_number ? std::optional<std::string>(name) : std::nullopt;
}

Result<EnergySummary> read_energy(const ForeignTable& table, std::size_t row, double duration_s) {
    EnergySummary energy;
    energy.energy = joules(0);
    energy.domains = {"gpu"};
    energy.provenance = "derived";
    for (const std::string& column : table.header()) {
        const std::optional<std::string> gpu = gpu_of(column);
        if (!gpu) {
            continue;
        }
        FINEWATT_ASSIGN(const double energy_j, table.needed_amount(row, column));
        ComponentEnergy part;
        part.component = "gpu";
        part.device = *gpu;
        part.domain = "gpu";
        part.source = "zeus:" + *gpu;
        part.energy = joules(energy_j);
        part.provenance = "derived";
        part.reason = std::string(kProvenanceReason);
        if (duration_s > 0) {
            part.power_mean = watts(energy_j / duration_s);
        }
        if (energy_j == 0 && duration_s > 0) {
            part.notes.emplace_back(
                "Zeus gives 0 J for a window shorter than the GPU's refresh; the true value is "
                "larger");
        }
        *energy.energy += *part.energy;
        energy.components.push_back(std::move(part));
    }
    return energy;
}

Result<double> start_of(const ForeignTable& table, std::size_t row) {
    FINEWATT_ASSIGN(const double start_s, table.needed_amount(row, "start_time"));
    FINEWATT_ASSIGN(const double elapsed_s, table.needed_amount(row, "elapsed_time"));
    if (start_s > kLatestUnixTimeS || elapsed_s > kEarliestUnixTimeS) {
        return table.error_in(row, fmt::format("expected times in seconds, found start {} and "
                                               "duration {}; mend or remove that row",
                                               start_s, elapsed_s));
    }
    return start_s;
}

}  // namespace

Result<std::vector<ImportedRun>> read_zeus_log(std::string_view text, std::string_view file_name,
                                               const ReadOptions& /*options*/) {
    FINEWATT_ASSIGN(
        const ForeignTable table,
        ForeignTable::parse(text, std::string(file_name), {"Zeus", kRequired, kRaggedHint}));
    const bool has_gpu = std::any_of(table.header().begin(), table.header().end(),
                                     [](const std::string& c) { return gpu_of(c).has_value(); });
    if (!has_gpu || table.row_count() == 0) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected {}, found none; is this Zeus's window log?",
                              file_name,
                              has_gpu ? "at least one window" : "a column such as 'gpu0_energy'");
    }
    double first_s = 0;
    for (std::size_t row = 0; row < table.row_count(); ++row) {
        FINEWATT_ASSIGN(const double start_s, start_of(table, row));
        first_s = row == 0 ? start_s : std::min(first_s, start_s);
    }
    RunRecord run;
    double end_s = 0;
    for (std::size_t row = 0; row < table.row_count(); ++row) {
        PhaseRecord phase;
        phase.name = table.text(row, "window_name").value_or("");
        FINEWATT_ASSIGN(const double start_s, start_of(table, row));
        phase.t_begin_s = start_s - first_s;
        FINEWATT_ASSIGN(phase.duration_s, table.needed_amount(row, "elapsed_time"));
        FINEWATT_ASSIGN(phase.energy, read_energy(table, row, phase.duration_s));
        end_s = std::max(end_s, phase.t_begin_s + phase.duration_s);
        run.phases.push_back(std::move(phase));
    }
    run.duration_s = end_s;
    run.started_at = WallTime::from_unix_ns(static_cast<std::int64_t>(first_s * 1e9));
    mark_as_imported(run, "Zeus", "");
    run.notes.emplace_back("GPUs only: processor and memory are not in the file");
    if (first_s < kEarliestUnixTimeS) {
        run.notes.emplace_back(
            "the file's times count from the start of its machine and name no date; started_at is "
            "1970-01-01 plus that time");
    }
    run.carbon_reason = "a Zeus log has no emissions; name the place with `finewatt carbon`";
    set_energy_from_phases(run, WindowOrder::kMayNest);
    run.run_id = content_ulid(run.started_at, fmt::format("zeus {}", text));
    return std::vector<ImportedRun>{{std::move(run), "", ForeignTable::row_number(0)}};
}

}  // namespace finewatt::exchange
