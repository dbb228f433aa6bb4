// The settings of a training that decide its results, as texts to compare: a checkpoint goes on
// only with those it was made with. Main function: training_settings. Torch-free. Not for the
// settings a user reads (settings.toml).
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/model_config.h"
#include "finewatt/engine/trainer.h"
#include "finewatt/engine/training_state_internal.h"

#include <string>
#include <vector>

namespace finewatt {

/// Return every setting that changes weights or scores, by the name of its option. Data counts by
/// its content: `data_keys` are the feature_cache_key of the training data and of each evaluation
/// data. Where results and log go, and how often checkpoints are written, does not count. Errors:
/// as model_config_text.
Result<TrainingSettings> training_settings(const FinetuneOptions& options,
                                           const ModelConfig& config,
                                           const std::vector<std::string>& data_keys);

}  // namespace finewatt
