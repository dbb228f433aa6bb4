#include "finewatt/sensor/gpu_model_source_internal.h"
#include "finewatt/sensor/gpu_source_internal.h"
#include "finewatt/sensor/gpu_tdp_table.h"

#include <chrono>
#include <cmath>
#include <memory>
#include <utility>

namespace finewatt {
namespace {

/// nvmlDeviceGetUtilizationRates looks over 1/6 s to 1 s, depending on the GPU (NVML reference).
constexpr double kUtilizationPeriodMs = 1000;

struct Limit {
    double low_w = 0;
    double high_w = 0;
    std::string basis;

    double middle_w() const { return std::sqrt(low_w * high_w); }
};

std::optional<Limit> limit_of(const UnreadGpu& gpu) {
    if (gpu.limit_w) {
        return Limit{*gpu.limit_w, *gpu.limit_w,
                     fmt::format("the power limit in force, {:g} W", *gpu.limit_w)};
    }
    if (const auto tdp = find_gpu_tdp(gpu.name)) {
        return Limit{tdp->tdp_w_low, tdp->tdp_w_high,
                     tdp->tdp_w_low == tdp->tdp_w_high
                         ? fmt::format("the TDP of {}, {:g} W", tdp->name, tdp->tdp_w_high)
                         : fmt::format("the TDP of one of {}, {:g} to {:g} W", tdp->name,
                                       tdp->tdp_w_low, tdp->tdp_w_high)};
    }
    return std::nullopt;
}

std::uint64_t milliwatts(double power_w) {
    return static_cast<std::uint64_t>(std::llround(power_w * 1e3));
}

ChannelSpec make_spec(const UnreadGpu& gpu, const Limit& limit) {
    ChannelSpec spec;
    spec.id = "gpu-model:" + gpu.device;
    spec.kind = ChannelKind::kGauge;
    spec.unit = "mW";
    spec.unit_size = 1e-3;
    spec.max_power_w = limit.high_w;
    spec.domain = Domain::kGpu;
    spec.device = gpu.device;
    spec.source = "gpu-model";
    return spec;
}

GpuChannel modelled_channel(const UnreadGpu& gpu, const Limit& limit) {
    GpuChannel channel{make_spec(gpu, limit), {}};
    const double limit_w = limit.middle_w();
    channel.spec.provenance = Provenance::kModelled;
    channel.spec.window_ms = kUtilizationPeriodMs;
    channel.spec.update_ms = kUtilizationPeriodMs;
    channel.spec.gain_error_low = 1 - kGpuIdleShare * limit.low_w / limit_w;
    channel.spec.gain_error_high = kGpuModelHigh * limit.high_w / limit_w - 1;
    channel.spec.reason =
        fmt::format("{}; power modelled from utilisation and {}", gpu.reason, limit.basis);
    channel.read = [busy_share = gpu.busy_share, limit_w] {
        const std::optional<double> busy = busy_share();
        if (!busy) {
            return refused(PollOutcome::kRetry, "EIO");
        }
        return answered(milliwatts(limit_w * (kGpuIdleShare + (1 - kGpuIdleShare) * *busy)));
    };
    return channel;
}

GpuChannel assumed_channel(const UnreadGpu& gpu, const Limit& limit) {
    GpuChannel channel{make_spec(gpu, limit), {}};
    const double low_w = kGpuIdleShare * limit.low_w;
    const double power_w = std::sqrt(low_w * limit.high_w);
    channel.spec.provenance = Provenance::kAssumed;
    channel.spec.gain_error_low = 1 - low_w / power_w;
    channel.spec.gain_error_high = limit.high_w / power_w - 1;
    channel.spec.reason =
        fmt::format("{}; assumed between {:.0f} W (idle) and {}", gpu.reason, low_w, limit.basis);
    channel.read = [raw = milliwatts(power_w)] { return answered(raw); };
    return channel;
}

UnmeasuredComponent unmeasured(const UnreadGpu& gpu, const char* why_no_model) {
    return {"gpu", gpu.device, fmt::format("{}; {}", gpu.reason, why_no_model),
            gpu.advice + "; the total is unknown without this GPU"};
}

}  // namespace

SourceProbe probe_gpu_model(const DiscoveryOptions& options, const std::vector<UnreadGpu>& gpus) {
    SourceProbe probe;
    std::vector<GpuChannel> channels;
    SourceReport report{"gpu-model", SourceStatus::kUsable, {}, "", ""};
    for (const UnreadGpu& gpu : gpus) {
        const std::optional<Limit> limit = limit_of(gpu);
        if (!options.allow_models) {
            probe.unmeasured.push_back(unmeasured(gpu, "models are switched off"));
            continue;
        }
        if (!limit) {
            probe.unmeasured.push_back(unmeasured(gpu, "and no power limit of it is known"));
            continue;
        }
        channels.push_back(gpu.busy_share ? modelled_channel(gpu, *limit)
                                          : assumed_channel(gpu, *limit));
        const ChannelSpec& spec = channels.back().spec;
        report.channels.push_back(spec.id);
        report.why += (report.why.empty() ? "" : "; ") + spec.reason;
        report.fix = gpu.advice;
    }
    if (!channels.empty()) {
        probe.reports.push_back(std::move(report));
        probe.source = std::make_unique<GpuSource>("gpu-model", options.clock, std::move(channels),
                                                   std::chrono::nanoseconds::zero());
    }
    return probe;
}

}  // namespace finewatt
