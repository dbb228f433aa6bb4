// StepLog: the --log file, one JSON line for each training step.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/file.h"
#include "finewatt/base/result.h"

#include <cstdint>
#include <filesystem>
#include <string>

namespace finewatt {

/// One step, counted from 1.
struct StepRecord {
    std::int64_t step = 0;
    double loss = 0;
    double lr = 0;                   ///< rate used in this step
    double grad_norm = 0;            ///< before clipping
    std::int64_t tokens_real = 0;    ///< of this step
    std::int64_t tokens_padded = 0;  ///< of this step
    MonoTime time{};                 ///< end of the step; on a GPU: when the host learned of it
};

/// Return whether a step's loss and gradient are numbers.
bool is_finite(const StepRecord& record);

/// Writes each line at once, so that a run that dies leaves all its steps. One thread at a time.
class StepLog {
  public:
    /// Make a log that writes nothing.
    StepLog() = default;

    /// Create or empty the file. Errors: permission, not found, io.
    static Result<StepLog> create(const std::filesystem::path& file);

    /// Go on with the log of a training that was broken off: keep the lines of steps up to
    /// `last_step`, drop later ones and a torn last line, and append. A file that is not there is
    /// made. Errors: as create; corrupt, naming the line, for a line that is no step of a log.
    static Result<StepLog> go_on(const std::filesystem::path& file, std::int64_t last_step);

    /// Append one line. Error: io (a full disk).
    Status write(const StepRecord& record);

  private:
    static Result<StepLog> open(const std::filesystem::path& file, int flags);

    ScopedFd fd_;
    std::string path_;
};

}  // namespace finewatt
