// Replay: the energy of a recorded trace, by the same code that computes a live run.
//
// Main type: ReplayResult; replay_json() prints it as `finewatt replay FILE --json` does.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/result.h"
#include "finewatt/meter/channel_energy.h"
#include "finewatt/meter/energy_total.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace finewatt {

/// One phase of a trace; `channels` has the figures of the header's channels in order.
struct ReplayPhase {
    std::string name;
    MonoTime begin{};
    MonoTime end{};
    std::vector<ChannelEnergy> channels;
    std::vector<std::string> notes;
};

/// What a trace says. Channels cover their own span, from their first to their last line.
struct ReplayResult {
    WallTime started_at{};
    std::vector<ChannelSpec> specs;
    std::vector<ChannelEnergy> channels;  ///< one per spec
    std::vector<ReplayPhase> phases;      ///< ordered by begin
    ChannelSelection selection;
    EnergyTotal total;
};

/// Read a trace and compute all its figures; the path "-" means standard input. Memory does not
/// grow with the trace. Errors: those of read_trace() (trace_reader.h).
Result<ReplayResult> replay_file(const std::filesystem::path& path);

/// Return the result as one JSON document on one line, without a line end. Unknown is null with a
/// reason beside it.
std::string replay_json(const ReplayResult& result);

}  // namespace finewatt
