// ScriptedSource: a source whose readings a test computes. For the meter's tests only.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/sensor/source.h"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace finewatt::meter_test {

/// Calls `script(channel, poll number from 0, reading)` for each channel of each poll; the
/// reading's time is filled in before, from the machine's clock.
class ScriptedSource : public Source {
  public:
    using Script = std::function<void(std::size_t channel, std::uint64_t poll, Reading& reading)>;

    ScriptedSource(std::string name, std::vector<ChannelSpec> channels, Script script)
        : name_(std::move(name)),
          channels_(std::move(channels)),
          script_(std::move(script)) {}

    std::string_view name() const override { return name_; }

    std::span<const ChannelSpec> channels() const override { return channels_; }

    void poll(std::span<Reading> readings) override {
        for (std::size_t i = 0; i < readings.size(); ++i) {
            readings[i].time = clock_.mono_now();
            readings[i].outcome = PollOutcome::kOk;
            script_(i, polls_, readings[i]);
        }
        ++polls_;
    }

  private:
    std::string name_;
    std::vector<ChannelSpec> channels_;
    Script script_;
    std::uint64_t polls_ = 0;
    SystemClock clock_;
};

/// A microjoule counter that runs at a constant power on the machine's clock.
inline ScriptedSource::Script steady_counter(double watts) {
    return [watts](std::size_t, std::uint64_t, Reading& reading) {
        // Nanoseconds times watts are nanojoules.
        reading.raw =
            static_cast<std::uint64_t>(static_cast<double>(reading.time.as_ns()) * watts / 1000);
    };
}

}  // namespace finewatt::meter_test
