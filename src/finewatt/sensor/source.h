// Source: one sensor backend that can be polled. The interface every sensor implements, real,
// modelled, replayed or scripted.
//
// A source gives integers in native ticks; turning them into energy is the meter's work.
#pragma once

#include "finewatt/record/channel.h"

#include <chrono>
#include <span>
#include <string_view>
#include <vector>

namespace finewatt {

/// A sensor backend with one or more channels. Used by one thread at a time.
class Source {
  public:
    virtual ~Source() = default;

    /// Short name, e.g. "powercap". Unique among the sources of a run.
    virtual std::string_view name() const = 0;

    /// The channels, fixed for the life of the source.
    virtual std::span<const ChannelSpec> channels() const = 0;

    /// Read every channel once. `readings` has one slot per channel, in the order of channels();
    /// each slot gets the time right after its own read, and an outcome. A failed read never
    /// invents a value: the slot says kRetry, kGone or kFatal with an error code. Never throws.
    virtual void poll(std::span<Reading> readings) = 0;

    /// How often the source is worth reading beside the edges of windows; zero = every round. A
    /// plug that renews its figure each second says one second.
    virtual std::chrono::nanoseconds poll_period() const {
        return std::chrono::nanoseconds::zero();
    }

    /// Whether poll() waits for nothing: it computes, or reads a number that the kernel has at
    /// hand. Such sources share a thread; any other has its own, since it may hang.
    virtual bool is_prompt() const { return false; }
};

}  // namespace finewatt
