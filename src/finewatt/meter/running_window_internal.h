// RunningWindow: the energy of one channel over a window that readings are still being added to.
// energy_between() fills one at a stroke; the meter keeps one per channel for live figures and
// checkpoints. Private to the meter.
#pragma once

#include "finewatt/meter/channel_energy.h"
#include "finewatt/meter/channel_trace.h"
#include "finewatt/meter/window_internal.h"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace finewatt {

/// One window of one channel; the trace must outlive it. Used by one thread at a time.
class RunningWindow {
  public:
    /// The usual spacing is taken from the trace now; add steps to it only while that holds.
    RunningWindow(const ChannelTrace& trace, const WindowFrame& frame);

    /// Add the steps first .. end - 1; step i lies between samples i and i + 1. In order, once.
    void add_steps(const ChannelTrace& trace, std::size_t first, std::size_t end);

    /// Return the energy from the frame's begin to `end_ns`; all samples up to there must have
    /// been added, and none may lie after it unless the frame ends there.
    ChannelEnergy energy(const ChannelTrace& trace, std::int64_t end_ns) const;

  private:
    WindowFrame frame_;
    std::optional<CounterWindow> counter_;
    std::optional<GaugeWindow> gauge_;
    std::uint64_t gaps_ = 0;
};

}  // namespace finewatt
