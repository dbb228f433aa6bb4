// The line that long work shows on standard error: step, loss, tokens/s, watts, joules so far, and
// time and energy expected at the end.
#pragma once

#include "finewatt/study/run_job.h"

#include <chrono>
#include <cstddef>
#include <string>

namespace finewatt::app {

/// Return the line, cut to `width` columns. What is not known yet is left out.
std::string progress_text(const JobProgress& progress, std::size_t width);

/// Shows the line: rewritten in place on a terminal, else a new line every ten seconds. Not
/// thread-safe.
class ProgressLine {
  public:
    explicit ProgressLine(bool is_terminal) : is_terminal_(is_terminal) {}

    void show(const JobProgress& progress);

    /// Clear the line, so that other output starts at the left.
    void clear();

  private:
    bool is_terminal_;
    bool is_shown_ = false;
    double last_printed_s_ = 0;
};

}  // namespace finewatt::app
