// The lines of a trace, parsed and checked one by one. Private to the meter.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/result.h"
#include "finewatt/meter/meter.h"
#include "finewatt/record/channel.h"

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace finewatt {

/// Bytes that must be readable after a line (their values do not matter).
inline constexpr std::size_t kTraceLinePadding = 64;

/// The header line.
struct TraceHeaderLine {
    WallTime started_at{};
    std::vector<ChannelSpec> channels;
};

enum class TraceLineKind { kReading, kFailure, kPhase };

/// A timed line. The views live until the next line is parsed.
struct TimedLine {
    TraceLineKind kind = TraceLineKind::kReading;
    std::int64_t t_ns = 0;
    std::string_view id;     ///< of a reading or failure
    std::uint64_t raw = 0;   ///< of a reading
    std::string_view error;  ///< of a failure
    std::string_view phase;  ///< of a phase edge
    PhaseEdge edge = PhaseEdge::kBegin;
};

/// Parses lines; messages say "expected …, found …" without file and line. Used by one thread.
class TraceLineParser {
  public:
    TraceLineParser();
    TraceLineParser(const TraceLineParser&) = delete;
    TraceLineParser& operator=(const TraceLineParser&) = delete;
    ~TraceLineParser();

    /// `line` is without its line end, and kTraceLinePadding more bytes after it are readable.
    Result<TraceHeaderLine> header(std::string_view line);
    Result<TimedLine> timed(std::string_view line);

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace finewatt
