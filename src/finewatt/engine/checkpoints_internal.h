// Checkpoints: Hugging Face folders checkpoint-STEP of a running training, each written whole or
// not at all. Main type: Checkpoints. Not for the final result (OutputFolder) and not for going on
// with a training: optimizer and data order are not in them.
#pragma once

#include "finewatt/base/result.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

namespace finewatt {

/// Keeps the newest checkpoint of a run. One thread at a time.
class Checkpoints {
  public:
    /// `out` is the folder that holds them; it exists.
    explicit Checkpoints(std::filesystem::path out) : out_(std::move(out)) {}

    /// Let `write` fill a hidden folder, give it the name checkpoint-STEP, and only then remove the
    /// one before. A folder of that name from another run is replaced. Errors: those of `write`,
    /// permission, io; the checkpoint before is still there then.
    Status save(std::int64_t step,
                const std::function<Status(const std::filesystem::path& folder)>& write);

    /// Return the newest checkpoint of this run.
    const std::optional<std::filesystem::path>& last() const { return last_; }

  private:
    std::filesystem::path out_;
    std::optional<std::filesystem::path> last_{};
};

}  // namespace finewatt
