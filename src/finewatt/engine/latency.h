// Percentiles of the times of an inference. Main function: latency_of. Torch-free.
#pragma once

#include "finewatt/data/squad_score.h"
#include "finewatt/engine/inference.h"

#include <vector>

namespace finewatt {

/// Return mean and percentiles (nearest rank) of times in seconds; there is at least one.
Latency latency_of(std::vector<double> times_s);

/// Return the figures by name, as the run record has them: latency_ms_mean, latency_ms_p50 and so
/// on.
NamedScores latency_scores(const Latency& latency);

}  // namespace finewatt
