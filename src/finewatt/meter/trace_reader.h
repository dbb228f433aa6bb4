// Reads a recorded trace, format version 1 (docs/formats/trace.md): a header line with the
// channels, then readings and phase edges in time order, one JSON object per line.
//
// Main type: Trace. The file is streamed; the readings are kept, 16 bytes each. Not for energy:
// that is replay.h.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/result.h"
#include "finewatt/meter/channel_trace.h"

#include <filesystem>
#include <string>
#include <vector>

namespace finewatt {

/// A phase of a trace. An open one ends at the trace's last line and is not closed.
struct TracePhase {
    std::string name;
    MonoTime begin{};
    MonoTime end{};
    bool is_closed = false;
};

/// A whole recorded trace.
struct Trace {
    WallTime started_at{};
    std::vector<ChannelTrace> channels;  ///< in header order
    std::vector<TracePhase> phases;      ///< ordered by begin
};

/// Read a trace. Errors: corrupt for anything malformed, with the message "FILE:LINE: expected …,
/// found …"; not found, permission or io when the file cannot be read.
Result<Trace> read_trace(const std::filesystem::path& path);

}  // namespace finewatt
