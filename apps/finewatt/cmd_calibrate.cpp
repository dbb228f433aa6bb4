// finewatt calibrate: power at rest, and software energy against a wall meter.

#include "finewatt/base/log.h"
#include "finewatt/calibration_loads.h"
#include "finewatt/calibration_view.h"
#include "finewatt/metered_job.h"
#include "finewatt/record/ulid.h"
#include "finewatt/sensor/discovery.h"
#include "finewatt/sensor/wall_meter.h"
#include "finewatt/sensor/wall_readings.h"
#include "finewatt/store/store.h"
#include "finewatt/study/calibrate_fit.h"
#include "finewatt/study/calibrate_idle.h"
#include "finewatt/study/calibrate_run.h"
#include "finewatt/study/machine_facts.h"
#include "finewatt/study/signal_watch.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <poll.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <memory>

namespace finewatt::app {
namespace {

struct IdleCommand {
    std::string duration = "60s";
    bool force = false;
    bool dry_run = false;
};

struct RunCommand {
    std::vector<std::string> wall_meters;
    std::vector<std::string> kinds = load_kinds();
    std::string duration = "120s";
    std::string settle = "10s";
    std::size_t repeats = kLeastPairs;
    bool dry_run = false;
};

struct FitCommand {
    std::string pairs;
    std::string readings;
    std::vector<std::string> runs;
    std::vector<std::filesystem::path> traces;
    bool dry_run = false;
};

/// Read "250ms", "60s", "2m" or "1h".
Result<std::chrono::nanoseconds> parse_duration(std::string_view option, const std::string& text) {
    double number = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    const std::string_view unit(parsed.ptr, static_cast<std::size_t>(end - parsed.ptr));
    constexpr std::array<std::pair<std::string_view, double>, 4> kUnits{
        {{"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}}};
    for (const auto& known : kUnits) {
        const double seconds = number * known.second;
        if (parsed.ec == std::errc() && unit == known.first && seconds > 0 && seconds <= 86'400) {
            return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
        }
    }
    return FINEWATT_ERROR(kInvalidArgument,
                          "{}: expected a time up to 24h, like 500ms, 60s or 2m, found '{}'",
                          option, text);
}

/// Waits until the time is over or the user presses Ctrl-C.
Waiter interruptible(SignalWatch& signals, const Clock& clock) {
    return [&signals, &clock](std::chrono::nanoseconds time) {
        const MonoTime end = clock.mono_now() + time;
        while (true) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - clock.mono_now());
            if (left.count() <= 0) {
                return true;
            }
            pollfd waited{signals.fd(), POLLIN, 0};
            ::poll(&waited, 1, static_cast<int>(left.count()));
            while (const std::optional<ArrivedSignal> signal = signals.take()) {
                if (signal->number != SIGCHLD) {
                    return false;
                }
            }
        }
    };
}

DiscoveryOptions sensors_of(const CommandContext& context, const Clock& clock) {
    DiscoveryOptions sensors{.clock = clock};
    if (!context.common.sysroot.empty()) {
        sensors.root = SysRoot(context.common.sysroot);
    }
    return sensors;
}

/// Give a finished document its id and version, keep it, and print it.
template <class Document>
Status keep(const CommandContext& context, Document& document, bool dry_run, const Clock& clock) {
    UlidGenerator ids(clock);
    FINEWATT_ASSIGN(document.id, ids.next());
    document.finewatt = FINEWATT_VERSION;
    std::string where = "not stored (--dry-run)";
    if (!dry_run) {
        FINEWATT_ASSIGN(const std::filesystem::path folder, default_calibration_folder(::getenv));
        FINEWATT_TRY(save_calibration(folder, document));
        where = (folder / (document.id + ".json")).string();
    }
    if (context.common.json) {
        print_line(stdout, to_json(document));
        return {};
    }
    print_text(stdout, view_of(document, static_cast<std::size_t>(terminal_columns())));
    print_line(stdout, "  stored            " + where);
    return {};
}

Status calibrate_idle(const CommandContext& context, const IdleCommand& command) {
    // Outlives this call: a sensor that hangs is left behind with its clock.
    static const SystemClock clock;
    IdleOptions options;
    FINEWATT_ASSIGN(options.duration, parse_duration("--duration", command.duration));
    options.is_forced = command.force;
    FINEWATT_ASSIGN(SignalWatch signals, SignalWatch::start());
    const DiscoveryOptions sensors = sensors_of(context, clock);
    Discovery discovery = discover(sensors);
    if (!context.common.quiet) {
        print_line(stderr, fmt::format("Measuring the machine at rest for {:g} s; leave it alone.",
                                       as_seconds(options.duration)));
    }
    FINEWATT_ASSIGN(IdleBaseline baseline,
                    measure_idle(std::move(discovery.sources), sensors, discovery.gpus, options,
                                 interruptible(signals, clock)));
    for (const std::string& note : baseline.notes) {
        log_warning("idle baseline: " + note);
    }
    return keep(context, baseline, command.dry_run, clock);
}

/// A folder for a load's files, removed with the object.
class ScratchFolder {
  public:
    explicit ScratchFolder(const std::string& name)
        : path_(std::filesystem::temp_directory_path() / name) {
        std::error_code failed;
        std::filesystem::create_directory(path_, failed);
    }

    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;

    ~ScratchFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

Result<std::vector<WallMeter>> open_wall_meters(DiscoveryOptions sensors,
                                                const std::vector<std::string>& texts) {
    FINEWATT_ASSIGN(const std::vector<WallMeterSpec> specs, parse_wall_meters(texts));
    sensors.wall_meters = texts;
    std::vector<WallMeter> meters;
    std::vector<SourceProbe> probes = probe_wall_meters(sensors);
    for (std::size_t i = 0; i < probes.size(); ++i) {
        FINEWATT_TRY(require_wall_meters(probes[i].reports));
        if (probes[i].source == nullptr) {
            continue;
        }
        WallMeter& meter = meters.emplace_back();
        meter.source = std::move(probes[i].source);
        if (i < specs.size() && specs[i].update_ms) {
            meter.update_s = *specs[i].update_ms / 1000;
        }
    }
    return meters;
}

Result<LoadPlan> plan_of(const CommandContext& context, const RunCommand& command) {
    LoadPlan plan;
    plan.kinds = command.kinds;
    plan.repeats = command.repeats;
    if (!context.common.sysroot.empty()) {
        plan.root = SysRoot(context.common.sysroot);
    }
    FINEWATT_ASSIGN(plan.duration, parse_duration("--duration", command.duration));
    FINEWATT_ASSIGN(plan.settle, parse_duration("--settle", command.settle));
    const double window_s = as_seconds(plan.duration) + 2 * as_seconds(plan.settle);
    if (!context.common.quiet) {
        plan.on_window = [window_s](std::string_view kind, std::size_t window,
                                    std::size_t windows) {
            const double left_s = static_cast<double>(windows - window) * window_s;
            print_line(stderr, fmt::format("window {} of {}: {} load; about {:.0f} s left",
                                           window + 1, windows, kind, left_s));
        };
    }
    return plan;
}

Status calibrate_run(const CommandContext& context, const RunCommand& command) {
    // Outlives this call: a sensor that hangs is left behind with its clock.
    static const SystemClock clock;
    FINEWATT_ASSIGN(const LoadPlan plan, plan_of(context, command));
    FINEWATT_ASSIGN(SignalWatch signals, SignalWatch::start());
    const DiscoveryOptions sensors = sensors_of(context, clock);
    FINEWATT_ASSIGN(auto wall, open_wall_meters(sensors, command.wall_meters));
    Discovery discovery = discover(sensors);
    UlidGenerator ids(clock);
    FINEWATT_ASSIGN(const std::string scratch_name, ids.next());
    const ScratchFolder scratch("finewatt-" + scratch_name);
    const LoadFactory loads = make_loads({.program_path = context.program_path,
                                          .scratch = scratch.path(),
                                          .has_gpu = !discovery.gpus.empty()});
    FINEWATT_ASSIGN(const LoadRecording recording,
                    record_loads(std::move(discovery.sources), std::move(wall), plan, loads, clock,
                                 interruptible(signals, clock)));
    FINEWATT_ASSIGN(WallCalibration calibration, calibration_of(recording));
    RunRecord run;
    run.energy = recording.metered.energy;
    run.machine = machine_facts(sensors, discovery.gpus);
    calibration.machine = identity_of(run);
    calibration.meters = command.wall_meters;
    return keep(context, calibration, command.dry_run, clock);
}

/// This machine, with what its total would count now.
MachineIdentity identity_here(const CommandContext& context, const Clock& clock) {
    const DiscoveryOptions sensors = sensors_of(context, clock);
    const Discovery discovery = discover(sensors);
    std::vector<ChannelSpec> channels;
    for (const std::unique_ptr<Source>& source : discovery.sources) {
        const auto own = source->channels();
        channels.insert(channels.end(), own.begin(), own.end());
    }
    return identity_of(machine_facts(sensors, discovery.gpus), channels);
}

/// Pairs by hand: they are taken to be of this machine.
Result<WallCalibration> fit_pairs(const CommandContext& context, const std::string& path,
                                  const Clock& clock) {
    FINEWATT_ASSIGN(std::vector<CalibrationPair> pairs, read_pairs(path));
    WallCalibration calibration;
    calibration.created_at = clock.wall_now().to_iso8601();
    calibration.meters = {path};
    FINEWATT_ASSIGN(WallFit fit, fit_wall(std::move(pairs)));
    put_fit(calibration, std::move(fit));
    calibration.machine = identity_here(context, clock);
    return calibration;
}

/// Traces are taken to be of this machine, too.
Result<WallCalibration> fit_recorded_traces(const CommandContext& context,
                                            const FitCommand& command, const Clock& clock) {
    FINEWATT_ASSIGN(const WallReadings readings, read_wall_readings(command.readings));
    FINEWATT_ASSIGN(const WallCurves wall, wall_curves_of(readings));
    FINEWATT_ASSIGN(WallCalibration calibration, fit_traces(command.traces, wall));
    calibration.meters = {command.readings};
    calibration.machine = identity_here(context, clock);
    return calibration;
}

Result<WallCalibration> fit_stored_runs(const CommandContext& context, const FitCommand& command) {
    FINEWATT_ASSIGN(const WallReadings readings, read_wall_readings(command.readings));
    FINEWATT_ASSIGN(const WallCurves wall, wall_curves_of(readings));
    std::string url = context.common.store_url;
    if (url.empty()) {
        FINEWATT_ASSIGN(url, default_store_url(::getenv));
    }
    FINEWATT_ASSIGN(const std::unique_ptr<Store> store, open_store(url));
    std::vector<MeasuredRun> runs;
    for (const std::string& key : command.runs) {
        MeasuredRun& run = runs.emplace_back();
        FINEWATT_ASSIGN(run.record, store->get(key));
        FINEWATT_ASSIGN(run.series, store->power_series(key));
    }
    FINEWATT_ASSIGN(WallCalibration calibration, fit_runs(runs, wall));
    calibration.meters = {command.readings};
    return calibration;
}

Status calibrate_fit(const CommandContext& context, const FitCommand& command) {
    // Outlives this call: a sensor that hangs is left behind with its clock.
    static const SystemClock clock;
    const int ways = (command.pairs.empty() ? 0 : 1) + (command.runs.empty() ? 0 : 1) +
                     (command.traces.empty() ? 0 : 1);
    if (ways != 1 || command.readings.empty() == command.pairs.empty()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "calibrate fit: expected either a table of pairs, or --readings with "
                              "--run for each stored run or --trace for each trace");
    }
    WallCalibration calibration;
    if (!command.pairs.empty()) {
        FINEWATT_ASSIGN(calibration, fit_pairs(context, command.pairs, clock));
    } else if (!command.runs.empty()) {
        FINEWATT_ASSIGN(calibration, fit_stored_runs(context, command));
    } else {
        FINEWATT_ASSIGN(calibration, fit_recorded_traces(context, command, clock));
    }
    return keep(context, calibration, command.dry_run, clock);
}

Status list_calibrations(const CommandContext& context) {
    FINEWATT_ASSIGN(const StoredCalibrations stored, stored_calibrations());
    if (context.common.json) {
        print_line(stdout, list_json(stored));
    } else if (stored.idle.empty() && stored.wall.empty()) {
        print_line(stdout, "No calibrations yet. `finewatt calibrate idle` makes the first.");
    } else {
        print_text(stdout, list_view(stored, static_cast<std::size_t>(terminal_columns())));
    }
    return {};
}

Status show_calibration(const CommandContext& context, const std::string& key) {
    FINEWATT_ASSIGN(const StoredCalibrations stored, stored_calibrations());
    FINEWATT_ASSIGN(const std::string id, resolve_calibration(stored, key));
    const auto width = static_cast<std::size_t>(terminal_columns());
    const auto show = [&](const auto& documents) {
        for (const auto& document : documents) {
            if (document.id == id) {
                context.common.json ? print_line(stdout, to_json(document))
                                    : print_text(stdout, view_of(document, width));
            }
        }
    };
    show(stored.idle);
    show(stored.wall);
    return {};
}

/// Exit status: a machine that is busy or a stop by the user is a job that failed.
void finish(CommandContext& context, const Status& status) {
    if (status) {
        return;
    }
    switch (status.error().code()) {
        case ErrorCode::kBusy:
        case ErrorCode::kCancelled:
            fail(context, kJobFailed, status.error());
            break;
        case ErrorCode::kUnsupported:
            fail(context, kNothingMeasured, status.error());
            break;
        default:
            fail(context, kBadInput, status.error());
    }
}

void add_idle(CLI::App& parent, CommandContext& context) {
    auto* command = parent.add_subcommand("idle", "Measure the machine at rest, and keep it");
    const auto options = std::make_shared<IdleCommand>();  // shared with the callback below
    command->add_option("--duration", options->duration, "How long")->capture_default_str();
    command->add_flag("--force", options->force, "Measure though the machine is busy, with a note");
    command->add_flag("--dry-run", options->dry_run, "Print the result without storing it");
    command->footer(
        "Later runs then show the energy at rest and the net energy beside the total.\n"
        "Example: finewatt calibrate idle --duration 5m");
    command->callback([options, &context] { finish(context, calibrate_idle(context, *options)); });
}

void add_run(CLI::App& parent, CommandContext& context) {
    auto* command =
        parent.add_subcommand("run", "Drive loads beside a wall meter, fit and keep the ratio");
    const auto options = std::make_shared<RunCommand>();  // shared with the callback below
    add_wall_flag(*command, options->wall_meters);
    command->get_option("--wall")->required();
    command->add_option("--kinds", options->kinds, "Loads, in this order")
        ->delimiter(',')
        ->check(CLI::IsMember(load_kinds()))
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->capture_default_str()
        ->type_name("KIND,...");
    command
        ->add_option("--duration", options->duration,
                     "Length of one window; 100 readings of the meter or more")
        ->capture_default_str();
    command->add_option("--settle", options->settle, "Time before and after each window")
        ->capture_default_str();
    command->add_option("--repeats", options->repeats, "Windows of each kind")
        ->check(CLI::Range(std::size_t{3}, std::size_t{1000}))
        ->capture_default_str();
    command->add_flag("--dry-run", options->dry_run, "Print the result without storing it");
    command->footer(
        "Later runs then show the energy at the wall beside the total.\n"
        "Example: finewatt calibrate run --wall shelly://192.168.1.20 --kinds idle,cpu,memory");
    command->callback([options, &context] { finish(context, calibrate_run(context, *options)); });
}

void add_fit(CLI::App& parent, CommandContext& context) {
    auto* command = parent.add_subcommand("fit", "Fit the ratio from files, and keep it");
    const auto options = std::make_shared<FitCommand>();  // shared with the callback below
    command
        ->add_option("pairs", options->pairs,
                     "Table of pairs (CSV): software_j, wall_j, duration_s, updates, and kind")
        ->type_name("FILE");
    command
        ->add_option("--readings", options->readings,
                     "Readings of the meter (CSV): time, outlet, power_w or energy_j")
        ->type_name("FILE");
    command
        ->add_option("--run", options->runs,
                     "Stored run that was measured meanwhile; once for each run")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false)
        ->type_name("RUN");
    command
        ->add_option("--trace", options->traces,
                     "Trace that was recorded meanwhile; each of its phases gives a pair")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false)
        ->type_name("FILE");
    command->add_flag("--dry-run", options->dry_run, "Print the result without storing it");
    command->footer(
        "Examples:\n"
        "  finewatt calibrate fit pairs.csv\n"
        "  finewatt calibrate fit --readings wall.csv --run sst2 --run imdb-1 --run imdb-2\n"
        "  finewatt calibrate fit --readings wall.csv --trace loads.jsonl");
    command->callback([options, &context] { finish(context, calibrate_fit(context, *options)); });
}

void add_list_and_show(CLI::App& parent, CommandContext& context) {
    auto* list = parent.add_subcommand("list", "What was calibrated, newest first");
    list->footer("Example: finewatt calibrate list --json");
    list->callback([&context] { finish(context, list_calibrations(context)); });
    auto* show = parent.add_subcommand("show", "One calibration whole");
    const auto key = std::make_shared<std::string>();  // shared with the callback below
    show->add_option("id", *key, "Id, or the beginning of one")->required();
    show->footer("Example: finewatt calibrate show 01KAQ --json");
    show->callback([key, &context] { finish(context, show_calibration(context, *key)); });
}

}  // namespace

void register_calibrate(CLI::App& app, CommandContext& context) {
    auto* calibrate = app.add_subcommand(
        "calibrate", "Power at rest, and the software's energy against a wall meter");
    calibrate->require_subcommand(1);
    add_idle(*calibrate, context);
    add_run(*calibrate, context);
    add_fit(*calibrate, context);
    add_list_and_show(*calibrate, context);
}

}  // namespace finewatt::app
