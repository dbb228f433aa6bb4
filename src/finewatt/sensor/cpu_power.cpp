#include "finewatt/sensor/cpu_power.h"

#include "finewatt/sensor/cpu_tdp_table.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace finewatt {
namespace {

struct Range {
    double low = 0;
    double high = 0;

    double middle() const { return std::sqrt(low * high); }
};

/// Physical cores behind the logical CPUs shown here.
Range visible_cores(const CpuInfo& cpu) {
    const double logical = cpu.logical_cpus;
    if (cpu.threads_per_core > 1) {
        const double cores = logical / cpu.threads_per_core;
        return {cores, cores};
    }
    if (!cpu.is_virtual && cpu.physical_cores > 0) {
        return {static_cast<double>(cpu.physical_cores), static_cast<double>(cpu.physical_cores)};
    }
    constexpr double kThreadsPerCore = 2;  // no x86 server processor has more
    return {logical / kThreadsPerCore, logical};
}

std::string model_text(const CpuInfo& cpu) {
    return cpu.model.empty() ? "a processor without a model name" : "'" + cpu.model + "'";
}

CpuPower assumed_power(const CpuInfo& cpu, const std::string& why) {
    const Range cores = visible_cores(cpu);
    CpuPower power;
    power.max_w_low = kTdpPerCoreLowW * cores.low;
    power.max_w_high = kTdpPerCoreHighW * cores.high;
    power.max_w = std::sqrt(power.max_w_low * power.max_w_high);
    power.provenance = Provenance::kAssumed;
    power.basis = fmt::format(
        "{}; assumed {:.1f} to {:.1f} W for {} logical CPUs, from {} to {} W per core of known "
        "server processors",
        why, power.max_w_low, power.max_w_high, cpu.logical_cpus, kTdpPerCoreLowW,
        kTdpPerCoreHighW);
    return power;
}

CpuPower whole_processors(const CpuInfo& cpu, const CpuTdp& tdp) {
    const double sockets = cpu.sockets;
    return {tdp.tdp_w * sockets, tdp.tdp_w_low * sockets, tdp.tdp_w_high * sockets,
            Provenance::kModelled,
            fmt::format("TDP of {} ({:.0f} W) x {} sockets", tdp.name, tdp.tdp_w, cpu.sockets)};
}

CpuPower share_of_processor(const CpuInfo& cpu, const CpuTdp& tdp, unsigned total_cores) {
    const Range cores = visible_cores(cpu);
    const double limit = cpu.sockets;  // a share never exceeds the sockets shown
    const Range share{std::min(limit, cores.low / total_cores),
                      std::min(limit, cores.high / total_cores)};
    return {tdp.tdp_w * share.middle(), tdp.tdp_w_low * share.low, tdp.tdp_w_high * share.high,
            Provenance::kModelled,
            fmt::format("TDP of {} ({:.0f} W) x {:g} to {:g} of its {} cores, as this virtual "
                        "machine has {} logical CPUs",
                        tdp.name, tdp.tdp_w, cores.low, cores.high, total_cores, cpu.logical_cpus)};
}

}  // namespace

CpuPower estimate_cpu_power(const CpuInfo& cpu) {
    const std::optional<CpuTdp> tdp = find_cpu_tdp(cpu.model);
    if (!tdp) {
        return assumed_power(cpu, "the TDP table does not know " + model_text(cpu));
    }
    if (!cpu.is_virtual) {
        return whole_processors(cpu, *tdp);
    }
    const unsigned cores = std::max(cores_in_cpu_name(cpu.model), tdp->cores);
    if (cores == 0) {
        return assumed_power(cpu, fmt::format("the TDP of {} is known ({:.0f} W), but not how many "
                                              "cores it has, of which this virtual machine sees "
                                              "a part",
                                              tdp->name, tdp->tdp_w));
    }
    return share_of_processor(cpu, *tdp, cores);
}

}  // namespace finewatt
