// Reads a recorded trace, format version 1 (docs/formats/trace.md): a header line with the
// channels, then readings and phase edges in time order, one JSON object per line.
//
// Main type: TraceSink, which takes the lines one by one; the file is streamed in a few megabytes.
// Not for energy: that is replay.h.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/result.h"
#include "finewatt/meter/meter.h"
#include "finewatt/record/channel.h"

#include <cstddef>
#include <filesystem>
#include <string_view>
#include <vector>

namespace finewatt {

/// Takes the lines of a trace in order. Called on the reading thread; views live for the call.
class TraceSink {
  public:
    virtual ~TraceSink() = default;

    /// The header, once, first.
    virtual void on_header(WallTime started_at, std::vector<ChannelSpec> channels) = 0;

    /// A good or failed read of a channel, numbered as in the header.
    virtual void on_reading(std::size_t channel, const Reading& reading) = 0;

    /// A phase edge. Return false for a begin of an open phase and an end without a begin.
    virtual bool on_phase_edge(std::string_view name, PhaseEdge edge, MonoTime time) = 0;
};

/// Read a trace into a sink; the path "-" means standard input. Returns the time of the last line,
/// 0 when there is none. Lines may have up to 16 MiB.
///
/// Errors: corrupt for anything malformed, with the message "FILE:LINE: expected …, found …" (what
/// the sink took until then must be thrown away); not found, permission or io when the file cannot
/// be read.
Result<MonoTime> read_trace(const std::filesystem::path& path, TraceSink& sink);

}  // namespace finewatt
