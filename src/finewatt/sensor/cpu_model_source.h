// CpuModelSource: package power as a function of load, for machines whose energy counters cannot
// be read. A model, never a measurement.
//
// energy = P_idle x t + (P_max - P_idle) x busy core-seconds / CPUs, that is, linear in load, with
// P_idle = kIdleShare x P_max. P_max and its range come from cpu_power.h.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/file.h"
#include "finewatt/sensor/cpu_power.h"
#include "finewatt/sensor/probe.h"
#include "finewatt/sensor/source.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace finewatt {

/// Idle share of P_max and error band of the load model, fitted to 77 points (load above 8 %) of 8
/// load sweeps on 4 CPUs with RAPL readings: mlco2/codecarbon, codecarbon/data/hardware/
/// cpu_load_profiling, commit b05965e4 (MIT); scripts/analysis/fit_cpu_load_model.py, 2026-11-23.
/// Least squares give 0.096; the true power was 0.468 to 1.850 x the model, rounded outward here
/// (mean absolute error 42 %). The band holds on these CPUs: one of the four, predicted from the
/// other three, went down to 0.35. Near idle (load below 8 %) the sweeps show as little as 0.3 % of
/// the TDP, other machines far more: there the band does not hold.
inline constexpr double kIdleShare = 0.10;
inline constexpr double kLoadModelLow = 0.45;
inline constexpr double kLoadModelHigh = 1.90;

/// One counter channel "cpu-model" in microjoules. Starts at 0, never decreases, and lies between
/// P_idle and P_max x the time since the probe. Used by one thread at a time.
class CpuModelSource : public Source {
  public:
    /// Read /proc/cpuinfo and /proc/stat under the root. `why_modelled` starts the channel's
    /// reason. When the files cannot be read the report says so and the cpu is unmeasured.
    static SourceProbe probe(const DiscoveryOptions& options, std::string_view why_modelled);

    std::string_view name() const override { return "cpu-model"; }

    std::span<const ChannelSpec> channels() const override { return channels_; }

    /// Outcomes: /proc/stat that cannot be read is a retry with its errno, unknown text a retry
    /// with EINVAL.
    void poll(std::span<Reading> readings) override;

    bool is_prompt() const override { return true; }

  private:
    CpuModelSource(const Clock& clock, ScopedFd stat, CpuPower power, unsigned logical_cpus);

    const Clock& clock_;
    ScopedFd stat_;
    CpuPower power_;
    double logical_cpus_;
    std::vector<ChannelSpec> channels_;
    MonoTime begin_{};
    std::uint64_t begin_ticks_ = 0;
    std::uint64_t last_ticks_ = 0;
};

/// Return the busy time of all CPUs since boot in USER_HZ ticks, from the text of /proc/stat: user,
/// nice, system, irq and softirq. Guest time is part of user. Idle, iowait and steal (time that
/// another virtual machine ran) are not busy. Nothing when the first line is not "cpu ...".
std::optional<std::uint64_t> parse_busy_ticks(std::string_view stat);

}  // namespace finewatt
