// ScriptedSource: a source whose readings are written down beforehand. For tests of the meter and
// of whole programs without any sensor.
//
// Main type: ScriptedSource. Not a simulation: it replays exactly what it was given.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/sensor/source.h"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// One answer of a scripted channel: a value, or a failure with its code.
struct ScriptedAnswer {
    std::uint64_t raw = 0;
    PollOutcome outcome = PollOutcome::kOk;
    std::string_view error{};  ///< static storage, e.g. "EIO"
};

/// Gives the answers of its script in order, one per poll and channel, stamped with the clock.
/// When a channel's script is used up its last answer is repeated; a channel without answers fails
/// with EAGAIN. Used by one thread at a time.
class ScriptedSource : public Source {
  public:
    /// `clock` must outlive the source. Channels that name no source get `name`.
    ScriptedSource(std::string name, std::vector<ChannelSpec> channels, const Clock& clock);

    /// Add answers to the script of channel `index`.
    void add(std::size_t index, ScriptedAnswer answer);

    /// Add good readings to the script of channel `index`.
    void add_values(std::size_t index, const std::vector<std::uint64_t>& raws);

    /// How often poll() was called.
    std::size_t polls() const { return polls_; }

    std::string_view name() const override { return name_; }

    std::span<const ChannelSpec> channels() const override { return channels_; }

    void poll(std::span<Reading> readings) override;

  private:
    std::string name_;
    std::vector<ChannelSpec> channels_;
    const Clock& clock_;
    std::vector<std::deque<ScriptedAnswer>> scripts_;
    std::size_t polls_ = 0;
};

}  // namespace finewatt
