// GpuSource: a source made of calls into a vendor's library, one per channel. The adapters of NVML,
// AMD SMI, ROCm SMI and Level Zero and the GPU model differ only in the calls they hand over.
//
// Not for finding GPUs: gpu_discovery.h.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/sensor/source.h"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// No GPU draws this much; a larger power is garbage of the sensor. Our choice.
inline constexpr double kAbsurdGpuPowerW = 10'000;

/// What one call gave: a raw value, or an outcome with the error code of a failed reading.
struct GpuAnswer {
    PollOutcome outcome = PollOutcome::kRetry;
    std::string_view error = "EIO";  ///< points at static storage
    std::uint64_t raw = 0;

    bool is_ok() const { return outcome == PollOutcome::kOk; }
};

/// Return an answer with a value.
inline GpuAnswer answered(std::uint64_t raw) {
    return {PollOutcome::kOk, {}, raw};
}

/// Return a failed answer. `error` must point at static storage.
inline GpuAnswer refused(PollOutcome outcome, std::string_view error) {
    return {outcome, error, 0};
}

/// Reads one channel. Keeps its library open for as long as it lives.
using GpuRead = std::function<GpuAnswer()>;

/// A channel and the call that reads it.
struct GpuChannel {
    ChannelSpec spec;
    GpuRead read;
};

/// Polls the calls in order. A channel that was gone once stays gone. Used by one thread at a time.
class GpuSource : public Source {
  public:
    GpuSource(std::string name, const Clock& clock, std::vector<GpuChannel> channels,
              std::chrono::nanoseconds poll_period);

    std::string_view name() const override { return name_; }

    std::span<const ChannelSpec> channels() const override { return specs_; }

    void poll(std::span<Reading> readings) override;

    std::chrono::nanoseconds poll_period() const override { return poll_period_; }

  private:
    std::string name_;
    const Clock& clock_;
    std::vector<ChannelSpec> specs_;
    std::vector<GpuRead> reads_;
    std::vector<bool> is_gone_;
    std::chrono::nanoseconds poll_period_;
};

}  // namespace finewatt
