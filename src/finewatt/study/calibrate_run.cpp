#include "finewatt/study/calibrate_run.h"

#include "finewatt/meter/energy_total.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace finewatt {
namespace {

std::string phase_name(std::size_t window) {
    return fmt::format("load-{}", window);
}

/// Drives the loads of a plan, in turns.
class LoadDriver {
  public:
    LoadDriver(const LoadPlan& plan, const LoadFactory& loads, const Clock& clock,
               const Waiter& wait, Meter& meter, MonoTime origin)
        : plan_(plan),
          loads_(loads),
          clock_(clock),
          wait_(wait),
          meter_(meter),
          origin_(origin) {}

    Status drive(LoadRecording& recording) {
        const std::size_t all = plan_.repeats * plan_.kinds.size();
        std::size_t number = 0;
        for (std::size_t turn = 0; turn < plan_.repeats; ++turn) {
            for (const std::string& kind : plan_.kinds) {
                if (plan_.on_window) {
                    plan_.on_window(kind, number, all);
                }
                ++number;
                FINEWATT_TRY(drive_window(kind, recording));
            }
        }
        return {};
    }

  private:
    /// One window of one kind; only a stop by the user is an error.
    Status drive_window(const std::string& kind, LoadRecording& recording) {
        if (skipped_.contains(kind)) {
            return {};
        }
        Result<std::unique_ptr<Load>> load = loads_(kind);
        if (!load) {
            skip(kind, load.error(), recording);
            return {};
        }
        FINEWATT_TRY(wait_or_stop(plan_.settle));
        if (Status started = (*load)->check(); !started) {
            skip(kind, started.error(), recording);
            return {};
        }
        const LoadWatch watch(plan_.root, clock_);
        const std::string name = phase_name(recording.windows.size());
        const MonoTime begin = clock_.mono_now();
        meter_.phase_edge(name, PhaseEdge::kBegin, begin);
        FINEWATT_TRY(wait_or_stop(plan_.duration));
        const MonoTime end = clock_.mono_now();
        meter_.phase_edge(name, PhaseEdge::kEnd, end);
        note_unrest(kind, watch.busy_share(), recording);
        const Status ran = (*load)->check();
        // The number of the phase is used up also where the window is no good.
        recording.windows.push_back(
            {ran ? kind : std::string(), as_seconds(begin - origin_), as_seconds(end - origin_)});
        if (!ran) {
            skip(kind, ran.error(), recording);
            return {};
        }
        return wait_or_stop(plan_.settle);
    }

    /// Power at rest is kept for later; it must not be that of somebody's job.
    static void note_unrest(const std::string& kind, const std::optional<double>& busy_share,
                            LoadRecording& recording) {
        if (kind == "idle" && busy_share && *busy_share > kIdleBusyShare) {
            recording.notes.push_back(fmt::format("idle window {} was not at rest: {}",
                                                  recording.windows.size() + 1,
                                                  busy_text(*busy_share)));
        }
    }

    void skip(const std::string& kind, const Error& why, LoadRecording& recording) {
        skipped_.insert(kind);
        recording.notes.push_back(fmt::format("{} load skipped: {}", kind, why.describe()));
    }

    Status wait_or_stop(std::chrono::nanoseconds time) {
        if (!wait_(time)) {
            return FINEWATT_ERROR(kCancelled,
                                  "wall calibration: stopped before its end, nothing is kept");
        }
        return {};
    }

    const LoadPlan& plan_;
    const LoadFactory& loads_;
    const Clock& clock_;
    const Waiter& wait_;
    Meter& meter_;
    MonoTime origin_;
    std::set<std::string> skipped_;
};

const PowerSeries* find_series(const std::vector<PowerSeries>& series, const std::string& id) {
    const auto found = std::find_if(series.begin(), series.end(),
                                    [&id](const PowerSeries& one) { return one.channel == id; });
    return found == series.end() ? nullptr : &*found;
}

bool is_wall(const LoadRecording& recording, const std::string& source) {
    return std::any_of(recording.wall.begin(), recording.wall.end(),
                       [&source](const ChannelSpec& spec) { return spec.id == source; });
}

/// Power of everything the software counted, for finding the lag.
PowerCurve software_power(const LoadRecording& recording) {
    std::vector<PowerCurve> curves;
    double step_s = 0;
    for (const ComponentEnergy& component : recording.metered.energy.components) {
        const PowerSeries* one = find_series(recording.metered.series, component.source);
        if (component.counted && one != nullptr && !is_wall(recording, component.source)) {
            curves.push_back(PowerCurve::from_series(one->t_s, one->power_w));
            step_s = std::max(step_s, curves.back().usual_step_s());
            if (curves.back().is_empty()) {
                curves.pop_back();
            }
        }
    }
    return curves.empty() ? PowerCurve() : sum_of_curves(curves, step_s);
}

/// Return the software's energy of a window, or why it is unknown.
Result<Joules> software_energy(const LoadRecording& recording, std::size_t window) {
    for (const PhaseRecord& phase : recording.metered.phases) {
        if (phase.name != phase_name(window)) {
            continue;
        }
        if (!phase.energy.energy) {
            return FINEWATT_ERROR(kUnsupported, "the software's energy is unknown: {}",
                                  phase.energy.reason.value_or("no reason was recorded"));
        }
        return *phase.energy.energy;
    }
    return FINEWATT_ERROR(kUnsupported, "the window was not recorded");
}

}  // namespace

Result<LoadRecording> record_loads(std::vector<std::unique_ptr<Source>> sources,
                                   std::vector<WallMeter> wall_meters, const LoadPlan& plan,
                                   const LoadFactory& loads, const Clock& clock,
                                   const Waiter& wait) {
    LoadRecording recording;
    for (WallMeter& meter : wall_meters) {
        for (ChannelSpec channel : meter.source->channels()) {
            const double renewal_ms =
                meter.update_s ? *meter.update_s * 1000 : channel.update_ms.value_or(0);
            const double asked_ms = as_seconds(meter.source->poll_period()) * 1000;
            channel.update_ms = std::max(renewal_ms, asked_ms);
            if (*channel.update_ms <= 0) {
                channel.update_ms.reset();
            }
            recording.wall.push_back(std::move(channel));
        }
        sources.push_back(std::move(meter.source));
    }
    if (recording.wall.empty()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "wall calibration: expected a wall meter that can be read, found "
                              "none; name one with --wall");
    }
    MeterOptions options;
    options.interval = plan.interval;
    options.seed = static_cast<std::uint64_t>(clock.wall_now().as_unix_ns());
    const MonoTime before = clock.mono_now();
    FINEWATT_ASSIGN(const std::unique_ptr<Meter> meter,
                    Meter::start(std::move(sources), options, clock));
    LoadDriver driver(plan, loads, clock, wait, *meter, before);
    const Status driven = driver.drive(recording);
    recording.metered = meter->stop();
    FINEWATT_TRY(driven);
    // Windows count from the meter's begin, as its series do.
    const double shift_s = as_seconds(recording.metered.begin - before);
    for (LoadWindow& window : recording.windows) {
        window.begin_s -= shift_s;
        window.end_s -= shift_s;
    }
    return recording;
}

Result<WallPower> wall_power(const std::vector<ChannelSpec>& wall,
                             const std::vector<PowerSeries>& series) {
    WallPower power;
    std::vector<PowerCurve> curves;
    for (const std::size_t index : choose_channels(wall).counted) {
        const ChannelSpec& spec = wall[index];
        const PowerSeries* one = find_series(series, spec.id);
        if (one == nullptr || one->t_s.size() < 2) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "wall meter {}: expected readings all the time, found none",
                                  spec.id);
        }
        curves.push_back(PowerCurve::from_series(one->t_s, one->power_w));
        const double spacing_s =
            spec.update_ms ? *spec.update_ms / 1000 : curves.back().usual_step_s();
        power.spacing_s = std::max(power.spacing_s, spacing_s);
    }
    if (curves.empty()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "wall calibration: expected a meter at the machine's outlets, found "
                              "none that covers the whole machine");
    }
    power.curve = sum_of_curves(curves, power.spacing_s);
    return power;
}

void put_fit(WallCalibration& calibration, WallFit fit) {
    calibration.coefficients = std::move(fit.coefficients);
    calibration.pairs = std::move(fit.pairs);
    calibration.slope = fit.slope;
    calibration.offset = fit.offset;
    calibration.notes.insert(calibration.notes.end(), fit.notes.begin(), fit.notes.end());
    for (const LoadCoefficient& coefficient : calibration.coefficients) {
        if (coefficient.kind == "idle") {
            calibration.idle_software = coefficient.power_software;
            calibration.idle_wall = coefficient.power_wall;
        }
    }
}

Result<WallCalibration> calibration_of(const LoadRecording& recording) {
    FINEWATT_ASSIGN(const WallPower wall, wall_power(recording.wall, recording.metered.series));
    const PowerCurve software = software_power(recording);
    if (software.is_empty()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "wall calibration: expected a channel beside the wall meter, found "
                              "none with readings; `finewatt doctor` says why");
    }
    WallCalibration calibration;
    calibration.created_at = recording.metered.started_at.to_iso8601();
    calibration.notes = recording.notes;
    const LagEstimate lag = estimate_lag(software, wall.curve);
    calibration.lag_s = lag.lag_s;
    if (!lag.lag_s) {
        calibration.notes.push_back("lag unknown, taken as 0: " + lag.reason);
    }
    std::vector<CalibrationPair> pairs;
    for (std::size_t i = 0; i < recording.windows.size(); ++i) {
        const LoadWindow& window = recording.windows[i];
        if (window.kind.empty()) {
            continue;  // its load ended too early
        }
        CalibrationPair pair =
            pair_over({}, wall.curve, window, lag.lag_s.value_or(0), wall.spacing_s);
        const Result<Joules> energy = software_energy(recording, i);
        if (energy) {
            pair.software = *energy;
        } else {
            pair.reason = energy.error().describe();
        }
        pairs.push_back(std::move(pair));
    }
    FINEWATT_ASSIGN(WallFit fit, fit_wall(std::move(pairs)));
    put_fit(calibration, std::move(fit));
    return calibration;
}

}  // namespace finewatt
