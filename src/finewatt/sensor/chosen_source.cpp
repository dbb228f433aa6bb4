#include "finewatt/base/check.h"
#include "finewatt/sensor/chosen_source_internal.h"

namespace finewatt {

ChosenSource::ChosenSource(std::unique_ptr<Source> inner, std::vector<ChosenChannel> chosen)
    : inner_(std::move(inner)),
      inner_readings_(inner_->channels().size()) {
    for (ChosenChannel& channel : chosen) {
        FINEWATT_CHECK(channel.index < inner_readings_.size(), "a chosen channel must exist");
        indices_.push_back(channel.index);
        channels_.push_back(std::move(channel.spec));
    }
}

void ChosenSource::poll(std::span<Reading> readings) {
    FINEWATT_CHECK(readings.size() == indices_.size(), "poll needs one slot per channel");
    if (indices_.size() == inner_readings_.size()) {
        inner_->poll(readings);
        return;
    }
    inner_->poll(inner_readings_);
    for (std::size_t i = 0; i < indices_.size(); ++i) {
        readings[i] = inner_readings_[indices_[i]];
    }
}

}  // namespace finewatt
