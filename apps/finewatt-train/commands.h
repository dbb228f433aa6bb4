// The subcommands of finewatt-train. Each adds itself to the command line and, when it was chosen,
// does its work and returns the exit status.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/error.h"
#include "finewatt/engine/compute_device.h"
#include "finewatt/engine/events.h"
#include "finewatt/engine/preparation.h"

#include <functional>
#include <optional>
#include <string_view>

namespace CLI {
class App;
}

namespace finewatt {

// The exit statuses of the command line (docs/reference), as far as this program uses them.
constexpr int kExitUsage = 2;
constexpr int kExitBadInput = 4;
constexpr int kExitJobFailed = 5;
constexpr int kExitBug = 70;

/// Runs a chosen subcommand; made by add_*_command.
using Command = std::function<int(EventWriter&, const Clock&)>;

/// Add `finetune`. `chosen` is set when the user picked it.
void add_finetune_command(CLI::App& app, std::optional<Command>& chosen);

/// Add `infer`.
void add_infer_command(CLI::App& app, std::optional<Command>& chosen);

/// Print an error on standard error and return its exit status: 5 for failed input or output and
/// stopped jobs, 70 for a bug, else 4.
int report_error(const Error& error);

/// Print an error about the command line and return its exit status: 2 for wrong usage, else as
/// report_error.
int report_usage_error(const Error& error);

/// Print the line of a summary that tells of loading and tokenizing.
void print_preparation(const Preparation& preparation);

/// What the event that describes the engine says of the job.
struct EngineJob {
    std::string_view name;  ///< the subcommand
    std::string_view model;
    std::string_view batching;
    std::string_view device;  ///< the word of --device
};

/// Find the device, start LibTorch with `threads`, and send the event that describes the engine.
/// Errors: as choose_device.
Result<ComputeDevice> start_engine(EventWriter& events, const EngineJob& job, std::int64_t threads);

}  // namespace finewatt
