#include "finewatt/study/calibrate_idle.h"

#include "finewatt/meter/wall_fit.h"
#include "finewatt/sensor/cpu_info.h"
#include "finewatt/sensor/process_stat.h"
#include "finewatt/study/calibrations.h"
#include "finewatt/study/machine_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace finewatt {
namespace {

constexpr std::chrono::seconds kLook{1};
constexpr int kParts = 6;

Error cancelled() {
    return FINEWATT_ERROR(kCancelled, "idle baseline: stopped before its end, nothing is kept");
}

Status refuse_when_busy(std::optional<double> share, const IdleOptions& options) {
    if (share && *share > kIdleBusyShare && !options.is_forced) {
        return FINEWATT_ERROR(kBusy,
                              "idle baseline: expected the machine at rest, found that {}; end "
                              "what runs, or give --force",
                              busy_text(*share));
    }
    return {};
}

}  // namespace

LoadWatch::LoadWatch(const SysRoot& root, const Clock& clock) : root_(root), clock_(&clock) {
    if (const Result<CpuInfo> cpu = read_cpu_info(root)) {
        cpus_ = static_cast<double>(cpu->logical_cpus);
    }
    if (const Result<double> busy_s = read_machine_busy_s(root)) {
        begin_busy_s_ = *busy_s;
    }
    begin_ = clock.mono_now();
}

std::optional<double> LoadWatch::busy_share() const {
    const Result<double> busy_s = read_machine_busy_s(root_);
    const double seconds = as_seconds(clock_->mono_now() - begin_);
    if (!busy_s || !begin_busy_s_ || cpus_ <= 0 || seconds <= 0) {
        return std::nullopt;
    }
    return (*busy_s - *begin_busy_s_) / (cpus_ * seconds);
}

std::string busy_text(double share) {
    return fmt::format("the CPUs were busy for {:.1f} % of the time, at rest they are below {:g} %",
                       100 * share, 100 * kIdleBusyShare);
}

ChannelIdle idle_of(const ComponentEnergy& component, double duration_s,
                    const std::vector<PowerSeries>& series) {
    const Joules best = *component.energy;
    ChannelIdle idle;
    idle.source = component.source;
    idle.domain = component.domain;
    idle.device = component.device;
    idle.provenance = component.provenance;
    idle.power = component.power_mean.value_or(watts(best.as_joules() / duration_s));
    double low_w = std::min(component.energy_low.value_or(best).as_joules() / duration_s,
                            idle.power.as_watts());
    double high_w = std::max(component.energy_high.value_or(best).as_joules() / duration_s,
                             idle.power.as_watts());
    for (const PowerSeries& one : series) {
        if (one.channel != component.source) {
            continue;
        }
        const PowerCurve curve = PowerCurve::from_series(one.t_s, one.power_w);
        const double part_s = duration_s / kParts;
        for (int i = 0; i < kParts; ++i) {
            const PowerCurve::Part part = curve.over(i * part_s, (i + 1) * part_s);
            if (part.seen_s > part_s / 2) {
                low_w = std::min(low_w, part.energy_j / part.seen_s);
                high_w = std::max(high_w, part.energy_j / part.seen_s);
            }
        }
    }
    idle.power_low = watts(std::max(low_w, 0.0));
    idle.power_high = watts(high_w);
    return idle;
}

Result<IdleBaseline> measure_idle(std::vector<std::unique_ptr<Source>> sources,
                                  const DiscoveryOptions& sensors, const std::vector<GpuInfo>& gpus,
                                  const IdleOptions& options, const Waiter& wait) {
    const LoadWatch look(sensors.root, sensors.clock);
    if (!wait(kLook)) {
        return cancelled();
    }
    FINEWATT_TRY(refuse_when_busy(look.busy_share(), options));

    MeterOptions meter_options;
    meter_options.interval = options.interval;
    meter_options.seed = static_cast<std::uint64_t>(sensors.clock.wall_now().as_unix_ns());
    FINEWATT_ASSIGN(const std::unique_ptr<Meter> meter,
                    Meter::start(std::move(sources), meter_options, sensors.clock));
    const LoadWatch watch(sensors.root, sensors.clock);
    const bool is_complete = wait(options.duration);
    const std::optional<double> busy_share = watch.busy_share();
    MeterResult metered = meter->stop();
    if (!is_complete) {
        return cancelled();
    }
    FINEWATT_TRY(refuse_when_busy(busy_share, options));

    RunRecord run;
    run.energy = std::move(metered.energy);
    run.machine = machine_facts(sensors, gpus);
    IdleBaseline baseline;
    baseline.created_at = metered.started_at.to_iso8601();
    baseline.duration_s = as_seconds(metered.end - metered.begin);
    baseline.busy_share = busy_share;
    baseline.machine = identity_of(run);
    for (const ComponentEnergy& component : run.energy.components) {
        if (component.energy) {
            baseline.channels.push_back(idle_of(component, baseline.duration_s, metered.series));
        } else {
            baseline.notes.push_back(fmt::format("{}: {}", component.source,
                                                 component.reason.value_or("power unknown")));
        }
    }
    if (baseline.channels.empty()) {
        return FINEWATT_ERROR(kUnsupported,
                              "idle baseline: expected a channel with a power, found none; "
                              "`finewatt doctor` says why");
    }
    if (!busy_share) {
        baseline.notes.emplace_back(
            "whether the machine was at rest is unknown: /proc/stat or /proc/cpuinfo cannot be "
            "read");
    } else if (*busy_share > kIdleBusyShare) {
        baseline.notes.push_back("not at rest: " + busy_text(*busy_share));
    }
    return baseline;
}

}  // namespace finewatt
