// TraceWriter: writes every reading and phase edge of a live run in the trace format, version 1
// (docs/formats/trace.md), so that replay can compute the run again.
//
// Private to the meter. Lines are held back and sorted, because phase edges arrive later than
// readings taken after them, and times in a trace must not decrease.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/result.h"
#include "finewatt/meter/line_writer_internal.h"
#include "finewatt/meter/meter.h"
#include "finewatt/record/channel.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// Used by one thread at a time; the disk is written by a thread of its own.
class TraceWriter {
  public:
    /// Create or replace the file and write the header. Errors: not found, permission, io.
    static Result<std::unique_ptr<TraceWriter>> create(const std::filesystem::path& path,
                                                       std::span<const ChannelSpec> channels,
                                                       WallTime started_at);

    TraceWriter(ScopedFd fd, const std::filesystem::path& path,
                std::span<const ChannelSpec> channels);

    void add_reading(std::size_t channel, const Reading& reading);
    void add_phase_edge(std::string_view name, PhaseEdge edge, MonoTime time);

    /// Pass on the lines up to `settled`: no reading and no edge before it may come any more.
    void pass_on(MonoTime settled);

    /// Write the rest and close. Returns the first failure of the whole run.
    Status finish();

    double cpu_s() const { return lines_.cpu_s(); }

  private:
    struct Line {
        std::int64_t t_ns = 0;
        std::string rest;  ///< the line after its time
    };

    LineWriter lines_;
    std::vector<std::string> quoted_ids_;
    std::vector<bool> is_closed_;
    std::vector<Line> held_;
    std::int64_t passed_ns_ = 0;
};

}  // namespace finewatt
