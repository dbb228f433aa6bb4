// TrainingState: where a training is, beside its weights and moments: all that decides what comes
// next. Written into each checkpoint as training_state.json, which also seals it: the file has the
// hashes of the others. Main type: TrainingState. Torch-free.
//
// No state of a random generator is needed: data order and dropout masks are made from the seed,
// the epoch and the number of the batch (data/batch.h, dropout_internal.h).
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/squad_score.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace finewatt {

/// Settings by name, in the order in which they are compared.
using TrainingSettings = std::vector<std::pair<std::string, std::string>>;

/// See above. Its members are those of TrainingLoop and FinetuneResult.
struct TrainingState {
    /// What must be the same to go on.
    TrainingSettings settings;
    /// What may differ, but can change the last bits of the results: threads and the like.
    TrainingSettings surroundings;
    std::int64_t steps_done = 0;
    std::int64_t batches_done = 0;
    double loss_sum = 0;  ///< over all steps
    double loss_last = 0;

    /// The last evaluation.
    struct Scored {
        std::int64_t step = 0;
        std::int64_t examples = 0;
        NamedScores scores;
    };

    std::optional<Scored> scored;

    /// Early stopping: the best evaluation; the weights of that step are in the checkpoint, too.
    struct Best {
        double score = 0;
        std::int64_t step = 0;
        NamedScores scores;
    };

    std::optional<Best> best;
    std::int64_t evaluations_since_best = 0;
};

/// The name of the file in a checkpoint.
inline constexpr const char* kTrainingStateFile = "training_state.json";

/// Write the state into a checkpoint whose other files are there; they get their hashes. Errors:
/// those of reading them and of writing.
Status seal_checkpoint(const std::filesystem::path& folder, const TrainingState& state);

/// Read the state of a sealed checkpoint. Errors: not found where there is none (a checkpoint of an
/// older version, or a folder of another kind); corrupt where a file is missing or is not what was
/// written.
Result<TrainingState> open_checkpoint(const std::filesystem::path& folder);

/// A setting of a checkpoint that another training has otherwise; "none" where one has it not.
struct SettingDifference {
    std::string name;
    std::string saved;
    std::string now;
};

/// Return the first difference, in the order of `now`.
std::optional<SettingDifference> first_difference(const TrainingSettings& saved,
                                                  const TrainingSettings& now);

}  // namespace finewatt
