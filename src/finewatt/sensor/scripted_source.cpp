#include "finewatt/sensor/scripted_source.h"

#include "finewatt/base/check.h"

#include <utility>

namespace finewatt {

ScriptedSource::ScriptedSource(std::string name, std::vector<ChannelSpec> channels,
                               const Clock& clock)
    : name_(std::move(name)),
      channels_(std::move(channels)),
      clock_(clock) {
    for (ChannelSpec& channel : channels_) {
        if (channel.source.empty()) {
            channel.source = name_;
        }
    }
    scripts_.resize(channels_.size());
}

void ScriptedSource::add(std::size_t index, ScriptedAnswer answer) {
    FINEWATT_CHECK(index < scripts_.size(), "a script belongs to a channel of the source");
    scripts_[index].push_back(answer);
}

void ScriptedSource::add_values(std::size_t index, const std::vector<std::uint64_t>& raws) {
    for (const std::uint64_t raw : raws) {
        add(index, {.raw = raw});
    }
}

void ScriptedSource::poll(std::span<Reading> readings) {
    FINEWATT_CHECK(readings.size() == channels_.size(), "poll needs one slot per channel");
    ++polls_;
    for (std::size_t i = 0; i < readings.size(); ++i) {
        std::deque<ScriptedAnswer>& script = scripts_[i];
        if (script.empty()) {
            readings[i] = {clock_.mono_now(), 0, PollOutcome::kRetry, "EAGAIN"};
            continue;
        }
        const ScriptedAnswer answer = script.front();
        if (script.size() > 1) {
            script.pop_front();
        }
        readings[i] = {clock_.mono_now(), answer.raw, answer.outcome, answer.error};
    }
}

}  // namespace finewatt
