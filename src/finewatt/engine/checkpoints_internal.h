// Checkpoints: Hugging Face folders checkpoint-STEP of a running training, each written whole or
// not at all, and the newest one to go on from. Main types: Checkpoints, FoundCheckpoint. Not for
// the final result (OutputFolder) nor for what a checkpoint says (training_state_internal.h).
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/engine/training_state_internal.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

namespace finewatt {

/// A checkpoint that is as it was written.
struct FoundCheckpoint {
    std::filesystem::path folder;
    TrainingState state;
};

/// Return the checkpoint of most steps in `out` that is whole; the log names those that are not.
/// Errors: not found where there is none; permission, io.
Result<FoundCheckpoint> find_checkpoint(const std::filesystem::path& out);

/// Keeps the newest checkpoint of a run. One thread at a time.
class Checkpoints {
  public:
    /// `out` is the folder that holds them; it exists. `last` is the checkpoint that the run goes
    /// on from, if any: the next one replaces it.
    explicit Checkpoints(std::filesystem::path out,
                         std::optional<std::filesystem::path> last = std::nullopt)
        : out_(std::move(out)),
          last_(std::move(last)) {}

    /// Let `write` fill a hidden folder, give it the name checkpoint-STEP, make that durable, and
    /// only then remove the one before. A folder of that name from another run is replaced. Errors:
    /// those of `write`, permission, io; the checkpoint before is still there then.
    Status save(std::int64_t step,
                const std::function<Status(const std::filesystem::path& folder)>& write);

    /// Return the newest checkpoint of this run.
    const std::optional<std::filesystem::path>& last() const { return last_; }

  private:
    std::filesystem::path out_;
    std::optional<std::filesystem::path> last_;
};

}  // namespace finewatt
