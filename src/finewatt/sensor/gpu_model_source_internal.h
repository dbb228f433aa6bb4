// The GPU model: power of a GPU that shows neither energy nor power, from its power limit and the
// share of the time in which it is busy. A model, never a measurement.
//
// power = limit x (idle share + (1 - idle share) x busy share). Without a busy share the power is
// assumed to lie between idle and the limit. Main function: probe_gpu_model. Not for GPUs with a
// sensor.
#pragma once

#include "finewatt/sensor/gpu_probe_internal.h"
#include "finewatt/sensor/probe.h"

#include <vector>

namespace finewatt {

/// Idle power as a share of the limit; our choice. The 218 training jobs of the Zeus traces at
/// their cards' full limits (A40, P100, RTX 6000, V100; ml-energy/zeus, zeus_nsdi23 trace, commit
/// 75a8b939, 2026-08-20) drew 13 % to 97 % of the limit on average, so the least is near idle.
inline constexpr double kGpuIdleShare = 0.10;

/// Range of the model with a busy share: down to idle for a GPU that is always busy, and up to 2.5
/// times the model, so that an idle GPU may draw a quarter of its limit. Our choice.
inline constexpr double kGpuModelHigh = 2.5;

/// Make the source "gpu-model" with one gauge "gpu-model:<device>" in mW per GPU whose limit is
/// known, from the driver or from the TDP table. A GPU without a limit, or every GPU when models
/// are switched off, is unmeasured. Outcomes: a busy share that cannot be read is a retry (EIO).
SourceProbe probe_gpu_model(const DiscoveryOptions& options, const std::vector<UnreadGpu>& gpus);

}  // namespace finewatt
