#include "finewatt/study/calibrate_fit.h"

#include "finewatt/base/csv.h"
#include "finewatt/base/file.h"
#include "finewatt/meter/replay.h"
#include "finewatt/study/calibrate_run.h"
#include "finewatt/study/calibrations.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include <system_error>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

namespace finewatt {
namespace {

/// Kind of a pair whose table has no such column.
constexpr std::string_view kUnnamedKind = "load";

Result<double> number_in(const CsvTable& table, std::size_t row, std::string_view column,
                         std::string_view name) {
    FINEWATT_ASSIGN(const std::size_t index, table.column(column));
    const std::string& text = table.rows[row][index];
    double number = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
        // The header is line 1.
        return FINEWATT_ERROR(kCorrupt, "{}:{}: {}: expected a number, found '{}'", name, row + 2,
                              column, text);
    }
    return number;
}

double unix_s(WallTime time) {
    return static_cast<double>(time.as_unix_ns()) * 1e-9;
}

/// Power of a run's counted channels, in Unix seconds.
PowerCurve software_power(const MeasuredRun& run) {
    const double begin_s = unix_s(run.record.started_at);
    std::vector<PowerCurve> curves;
    double step_s = 0;
    for (const ComponentEnergy& component : run.record.energy.components) {
        for (const PowerSeries& one : run.series) {
            if (!component.counted || one.channel != component.source || one.t_s.size() < 2) {
                continue;
            }
            std::vector<double> end_s = one.t_s;
            for (double& t_s : end_s) {
                t_s += begin_s;
            }
            curves.push_back(PowerCurve::from_series(end_s, one.power_w));
            step_s = std::max(step_s, curves.back().usual_step_s());
        }
    }
    return sum_of_curves(curves, step_s);
}

/// The lag of the run that shows it best.
LagEstimate lag_of(const std::vector<MeasuredRun>& runs, const PowerCurve& wall) {
    LagEstimate best;
    best.reason = "no run has a series of its power";
    for (const MeasuredRun& run : runs) {
        const LagEstimate here = estimate_lag(software_power(run), wall);
        const bool is_better = here.lag_s && (!best.lag_s || here.correlation > best.correlation);
        if (is_better || (!best.lag_s && !here.lag_s)) {
            best = here;
        }
    }
    return best;
}

Result<MachineIdentity> common_identity(const std::vector<MeasuredRun>& runs) {
    if (runs.empty()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "wall calibration: expected runs beside the readings, found none");
    }
    MachineIdentity identity = identity_of(runs.front().record);
    for (const MeasuredRun& run : runs) {
        const MachineIdentity other = identity_of(run.record);
        const bool is_same =
            other.cpu_model == identity.cpu_model && other.memory_bytes == identity.memory_bytes &&
            other.gpu_uuids == identity.gpu_uuids && other.sources == identity.sources;
        if (!is_same) {
            return FINEWATT_ERROR(
                kInvalidArgument,
                "wall calibration: expected runs of one machine that count the same channels, "
                "found [{}] on '{}' in run {} and [{}] on '{}' in run {}",
                fmt::join(identity.sources, ", "), identity.cpu_model, runs.front().record.run_id,
                fmt::join(other.sources, ", "), other.cpu_model, run.record.run_id);
        }
    }
    return identity;
}

/// The pair of a window: energy of all outlets beside what the software read.
CalibrationPair pair_at_outlets(const LoadWindow& window, const std::optional<Joules>& software,
                                const WallCurves& wall, double lag_s) {
    CalibrationPair pair;
    Joules wall_energy{};
    for (const PowerCurve& outlet : wall.outlets) {
        const CalibrationPair one = pair_over({}, outlet, window, lag_s, wall.spacing_s);
        wall_energy += one.wall;
        if (!pair.reason) {
            pair = one;
        }
    }
    pair.wall = wall_energy;
    pair.software = software.value_or(joules(0));
    if (!software) {
        pair.reason = "the software's total is unknown";
    }
    return pair;
}

void put_lag(WallCalibration& calibration, const LagEstimate& lag) {
    calibration.lag_s = lag.lag_s;
    if (!lag.lag_s) {
        calibration.notes.push_back("lag unknown, taken as 0: " + lag.reason);
    }
}

/// Return the time of the first line after the header, which `started_at` speaks of.
Result<MonoTime> first_time_of(const std::filesystem::path& trace) {
    std::ifstream file(trace);
    std::string header;
    std::string line;
    if (std::getline(file, header) && std::getline(file, line)) {
        simdjson::dom::parser parser;
        std::int64_t t_ns = 0;
        if (parser.parse(line)["t_ns"].get(t_ns) == simdjson::SUCCESS) {
            return MonoTime::from_ns(t_ns);
        }
    }
    return FINEWATT_ERROR(kCorrupt, "{}:2: expected a line with t_ns, found none", trace.string());
}

/// Energy of a phase over the channels that the trace's total counts; nothing when one is unknown.
std::optional<Joules> counted_energy(const ReplayResult& replayed, const ReplayPhase& phase) {
    Joules sum{};
    for (const std::size_t index : replayed.selection.counted) {
        if (!phase.channels[index].energy) {
            return std::nullopt;
        }
        sum += *phase.channels[index].energy;
    }
    return sum;
}

std::vector<std::string> counted_ids(const ReplayResult& replayed) {
    std::vector<std::string> ids;
    for (const std::size_t index : replayed.selection.counted) {
        ids.push_back(replayed.specs[index].id);
    }
    return ids;
}

/// A phase of a trace on the wall clock.
struct TracedPhase {
    LoadWindow window;
    std::optional<Joules> energy;
};

Result<std::vector<TracedPhase>> phases_of(const std::filesystem::path& trace,
                                           std::vector<std::string>& channels) {
    FINEWATT_ASSIGN(const ReplayResult replayed, replay_file(trace));
    if (replayed.phases.empty()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "{}: expected phases, each of which gives a pair, found none; "
                              "`finewatt phase` marks them",
                              trace.string());
    }
    std::vector<std::string> own = counted_ids(replayed);
    if (!channels.empty() && channels != own) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "{}: expected the channels [{}] to count, as in the traces before, "
                              "found [{}]",
                              trace.string(), fmt::join(channels, ", "), fmt::join(own, ", "));
    }
    channels = std::move(own);
    FINEWATT_ASSIGN(const MonoTime first, first_time_of(trace));
    const double begin_s = unix_s(replayed.started_at);
    std::vector<TracedPhase> phases;
    for (const ReplayPhase& phase : replayed.phases) {
        phases.push_back({{phase.name, begin_s + as_seconds(phase.begin - first),
                           begin_s + as_seconds(phase.end - first)},
                          counted_energy(replayed, phase)});
    }
    return phases;
}

/// Power of the phases as steps; where they overlap, that of the earlier one.
PowerCurve curve_of(const std::vector<TracedPhase>& phases) {
    PowerCurve curve;
    for (const TracedPhase& phase : phases) {
        const double length_s = phase.window.end_s - phase.window.begin_s;
        if (phase.energy && length_s > 0) {
            curve.add(phase.window.begin_s, phase.window.end_s,
                      phase.energy->as_joules() / length_s);
        }
    }
    return curve;
}

}  // namespace

Result<std::vector<CalibrationPair>> parse_pairs(std::string_view text, std::string_view name) {
    FINEWATT_ASSIGN(const CsvTable table, parse_csv(text, name));
    const Result<std::size_t> kind = table.column("kind");
    std::vector<CalibrationPair> pairs;
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
        CalibrationPair& pair = pairs.emplace_back();
        FINEWATT_ASSIGN(const double software_j, number_in(table, row, "software_j", name));
        FINEWATT_ASSIGN(const double wall_j, number_in(table, row, "wall_j", name));
        FINEWATT_ASSIGN(pair.duration_s, number_in(table, row, "duration_s", name));
        FINEWATT_ASSIGN(pair.updates, number_in(table, row, "updates", name));
        pair.software = joules(software_j);
        pair.wall = joules(wall_j);
        pair.kind = kind && !table.rows[row][*kind].empty() ? table.rows[row][*kind]
                                                            : std::string(kUnnamedKind);
    }
    return pairs;
}

Result<std::vector<CalibrationPair>> read_pairs(const std::filesystem::path& path) {
    FINEWATT_ASSIGN(const std::string text, read_file(path));
    return parse_pairs(text, path.string());
}

Result<WallCurves> wall_curves_of(const WallReadings& readings) {
    WallCurves wall;
    for (const OutletReadings& outlet : readings.outlets) {
        if (outlet.readings.size() < 2) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "wall readings: outlet '{}': expected two readings or more, "
                                  "found {}",
                                  outlet.outlet, outlet.readings.size());
        }
        PowerCurve& curve = wall.outlets.emplace_back();
        for (std::size_t i = 1; i < outlet.readings.size(); ++i) {
            const WallReading& from = outlet.readings[i - 1];
            const WallReading& to = outlet.readings[i];
            const double begin_s = unix_s(from.time);
            const double end_s = unix_s(to.time);
            const double power_w = outlet.quantity == WallQuantity::kPower
                                       ? (from.value + to.value) / 2
                                       : (to.value - from.value) / (end_s - begin_s);
            curve.add(begin_s, end_s, power_w);
        }
        wall.spacing_s = std::max(wall.spacing_s, curve.usual_step_s());
    }
    return wall;
}

Result<WallCalibration> fit_runs(const std::vector<MeasuredRun>& runs, const WallCurves& wall) {
    WallCalibration calibration;
    FINEWATT_ASSIGN(calibration.machine, common_identity(runs));
    calibration.created_at = runs.front().record.started_at.to_iso8601();
    const LagEstimate lag = lag_of(runs, sum_of_curves(wall.outlets, wall.spacing_s));
    put_lag(calibration, lag);
    std::vector<CalibrationPair> pairs;
    for (const MeasuredRun& run : runs) {
        const RunRecord& record = run.record;
        calibration.created_at = std::max(calibration.created_at, record.started_at.to_iso8601());
        const double begin_s = unix_s(record.started_at);
        const LoadWindow window{record.kind, begin_s, begin_s + record.duration_s.value_or(0)};
        pairs.push_back(pair_at_outlets(window, record.energy.energy, wall, lag.lag_s.value_or(0)));
    }
    FINEWATT_ASSIGN(WallFit fit, fit_wall(std::move(pairs)));
    put_fit(calibration, std::move(fit));
    return calibration;
}

Result<WallCalibration> fit_traces(const std::vector<std::filesystem::path>& traces,
                                   const WallCurves& wall) {
    std::vector<TracedPhase> phases;
    std::vector<std::string> channels;
    for (const std::filesystem::path& trace : traces) {
        FINEWATT_ASSIGN(const std::vector<TracedPhase> own, phases_of(trace, channels));
        phases.insert(phases.end(), own.begin(), own.end());
    }
    std::stable_sort(phases.begin(), phases.end(), [](const auto& a, const auto& b) {
        return a.window.begin_s < b.window.begin_s;
    });
    WallCalibration calibration;
    const LagEstimate lag =
        estimate_lag(curve_of(phases), sum_of_curves(wall.outlets, wall.spacing_s));
    put_lag(calibration, lag);
    std::vector<CalibrationPair> pairs;
    for (const TracedPhase& phase : phases) {
        pairs.push_back(pair_at_outlets(phase.window, phase.energy, wall, lag.lag_s.value_or(0)));
        const auto unix_ns = static_cast<std::int64_t>(phase.window.begin_s * 1e9);
        calibration.created_at = WallTime::from_unix_ns(unix_ns).to_iso8601();
    }
    FINEWATT_ASSIGN(WallFit fit, fit_wall(std::move(pairs)));
    put_fit(calibration, std::move(fit));
    return calibration;
}

}  // namespace finewatt
