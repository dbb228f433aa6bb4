// Loads: things to do that draw power in a known way, for calibrating against a wall meter.
//
// Main type: Load. Idle, CPU and memory loads are our own few lines; any program may be one
// (CommandLoad), which is how GPUs are loaded. Not benchmarks: how much work is done is of no
// interest.
#pragma once

#include "finewatt/base/result.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// A load that runs from its making to its destruction. Used by one thread.
class Load {
  public:
    virtual ~Load() = default;

    /// Return an error when the load has stopped by itself.
    virtual Status check() = 0;
};

/// Makes a load of a kind, or says why there is none: unsupported where this machine cannot have
/// it, other errors where it failed.
using LoadFactory = std::function<Result<std::unique_ptr<Load>>(std::string_view kind)>;

/// Nothing to do.
std::unique_ptr<Load> make_idle_load();

/// Floating-point arithmetic on registers, on `threads` threads.
std::unique_ptr<Load> make_cpu_load(unsigned threads);

/// Streams through `bytes` of memory in all, shared by `threads` threads. Error: unsupported when
/// the memory cannot be had.
Result<std::unique_ptr<Load>> make_memory_load(unsigned threads, std::size_t bytes);

/// Runs a program, without input and output, until the load is destroyed; it is then killed, with
/// the processes of its group. Errors: not found, permission or io when it cannot be started.
Result<std::unique_ptr<Load>> make_command_load(const std::vector<std::string>& argv);

/// CPUs that this process may use, at least 1.
unsigned usable_cpus();

}  // namespace finewatt
