// ChosenSource: another source with some of its channels left out or described anew, as discovery
// decided. It polls the whole source and hands on what was kept.
#pragma once

#include "finewatt/sensor/source.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace finewatt {

/// A channel to keep: its index in the inner source, and how it is described.
struct ChosenChannel {
    std::size_t index = 0;
    ChannelSpec spec;
};

/// Owns the inner source. Used by one thread at a time.
class ChosenSource : public Source {
  public:
    ChosenSource(std::unique_ptr<Source> inner, std::vector<ChosenChannel> chosen);

    std::string_view name() const override { return inner_->name(); }

    std::span<const ChannelSpec> channels() const override { return channels_; }

    void poll(std::span<Reading> readings) override;

    std::chrono::nanoseconds poll_period() const override { return inner_->poll_period(); }

  private:
    std::unique_ptr<Source> inner_;
    std::vector<ChannelSpec> channels_;
    std::vector<std::size_t> indices_;       ///< of channels_ in the inner source
    std::vector<Reading> inner_readings_{};  ///< one slot per inner channel
};

}  // namespace finewatt
