#include "finewatt/base/check.h"
#include "finewatt/sensor/gpu_source_internal.h"
#include "finewatt/sensor/probe.h"

#include <utility>

namespace finewatt {

GpuSource::GpuSource(std::string name, const Clock& clock, std::vector<GpuChannel> channels,
                     std::chrono::nanoseconds poll_period)
    : name_(std::move(name)),
      clock_(clock),
      is_gone_(channels.size(), false),
      poll_period_(poll_period) {
    for (GpuChannel& channel : channels) {
        specs_.push_back(std::move(channel.spec));
        reads_.push_back(std::move(channel.read));
    }
}

void GpuSource::poll(std::span<Reading> readings) {
    FINEWATT_CHECK(readings.size() == reads_.size(), "poll needs one slot per channel");
    for (std::size_t i = 0; i < readings.size(); ++i) {
        const GpuAnswer answer = is_gone_[i] ? refused(PollOutcome::kGone, "GONE") : reads_[i]();
        readings[i] = {clock_.mono_now(), answer.raw, answer.outcome, answer.error};
        is_gone_[i] = answer.outcome == PollOutcome::kGone;
    }
}

}  // namespace finewatt
