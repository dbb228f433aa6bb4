#include "finewatt/sensor/nvml_queries_internal.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

namespace finewatt::nvml {
namespace {

/// A sample older than this does not stand for the present any more. NVML renews every 20 to 104 ms
/// (data/nvidia_power_sensor); two seconds are far beyond.
constexpr std::chrono::seconds kLongestSilence{2};

Answer unsigned_answer(double value, double most) {
    // The comparison also refuses NaN.
    if (!(value >= 0 && value <= most)) {
        return {kOutOfRange, 0};
    }
    return {kSuccess, static_cast<std::uint64_t>(std::llround(value))};
}

Answer value_answer(const Value& value, unsigned type, double most) {
    switch (type) {
        case kTypeDouble:
            return unsigned_answer(value.as_double, most);
        case kTypeUnsignedInt:
            return unsigned_answer(value.as_unsigned, most);
        case kTypeUnsignedLong:
            return unsigned_answer(static_cast<double>(value.as_unsigned_long), most);
        case kTypeUnsignedLongLong:
            return unsigned_answer(static_cast<double>(value.as_unsigned_long_long), most);
        case kTypeSignedLongLong:
            return unsigned_answer(static_cast<double>(value.as_long_long), most);
        case kTypeSignedInt:
            return unsigned_answer(value.as_int, most);
        case kTypeUnsignedShort:
            return unsigned_answer(value.as_unsigned_short, most);
        default:
            return {kNotSupported, 0};
    }
}

constexpr double kMostPowerMw = kAbsurdGpuPowerW * 1e3;
/// A double holds every whole number up to here; 9e15 mJ are 285 years at a kilowatt.
constexpr double kMostEnergyMj = 9e15;

Answer ask_field(const Library& library, Device device, unsigned id, double most) {
    if (library.call().field_values == nullptr) {
        return {};
    }
    FieldValue field{};
    field.field_id = id;
    field.scope_id = kScopeGpu;
    const int code = library.call().field_values(device, 1, &field);
    if (code != kSuccess || field.result != kSuccess) {
        return {code != kSuccess ? code : field.result, 0};
    }
    return value_answer(field.value, field.value_type, most);
}

/// The driver's buffer of power samples, read from where the last call stopped.
class SampleBuffer {
  public:
    /// Return the mean of the new samples in mW; of the first call, the newest alone. Code
    /// kNotFound when there is no new one.
    Answer read(const Library& library, Device device) {
        if (library.call().samples == nullptr) {
            return {};
        }
        unsigned type = kTypeUnsignedInt;
        unsigned count = 0;
        int code =
            library.call().samples(device, kTotalPowerSamples, newest_us_, &type, &count, nullptr);
        if ((code != kSuccess && code != kInsufficientSize) || count == 0) {
            return {code == kSuccess ? kNotFound : code, 0};
        }
        samples_.resize(std::min(count, kMostSamples));
        count = static_cast<unsigned>(samples_.size());
        code = library.call().samples(device, kTotalPowerSamples, newest_us_, &type, &count,
                                      samples_.data());
        if (code != kSuccess) {
            return {code, 0};
        }
        samples_.resize(std::min<std::size_t>(count, samples_.size()));
        return mean_of_new(type);
    }

  private:
    static constexpr unsigned kMostSamples = 10'000;  // the driver keeps about 120

    Answer mean_of_new(unsigned type) {
        const unsigned long long since_us = newest_us_;
        const bool is_first = since_us == 0;
        double sum_mw = 0;
        unsigned used = 0;
        for (const Sample& sample : samples_) {
            const Answer value = value_answer(sample.value, type, kMostPowerMw);
            if (value.code != kSuccess || sample.timestamp_us <= since_us) {
                continue;
            }
            const bool is_newest = sample.timestamp_us >= newest_us_;
            newest_us_ = std::max(newest_us_, sample.timestamp_us);
            if (is_first && is_newest) {
                sum_mw = static_cast<double>(value.raw);
                used = 1;
            } else if (!is_first) {
                sum_mw += static_cast<double>(value.raw);
                ++used;
            }
        }
        return used == 0 ? Answer{kNotFound, 0} : unsigned_answer(sum_mw / used, kMostPowerMw);
    }

    unsigned long long newest_us_ = 0;
    std::vector<Sample> samples_;
};

/// A reading out of the buffer, or the last one while it still stands for the present.
class SampleReader {
  public:
    SampleReader(std::shared_ptr<const Library> library, Device device, const Clock& clock)
        : library_(std::move(library)),
          device_(device),
          clock_(&clock) {}

    GpuAnswer operator()() {
        const Answer answer = buffer_.read(*library_, device_);
        const MonoTime now = clock_->mono_now();
        if (answer.code != kNotFound) {
            if (answer.code == kSuccess) {
                last_ = answer;
                last_time_ = now;
            }
            return outcome_of(answer);
        }
        if (last_ && now - last_time_ <= kLongestSilence) {
            return outcome_of(*last_);
        }
        return refused(PollOutcome::kRetry, "EAGAIN");
    }

  private:
    std::shared_ptr<const Library> library_;
    Device device_;
    const Clock* clock_;
    SampleBuffer buffer_;
    std::optional<Answer> last_;
    MonoTime last_time_{};
};

}  // namespace

std::string_view query_text(Query query) {
    switch (query) {
        case Query::kEnergyCounter:
            return "energy counter";
        case Query::kEnergyField:
            return "energy counter (field 83)";
        case Query::kPowerInstant:
            return "instant power (field 186)";
        case Query::kPowerAverage:
            return "average power (field 185)";
        case Query::kPowerSamples:
            return "the driver's buffer of power samples (nvmlDeviceGetSamples)";
        case Query::kPowerUsage:
            return "power (nvmlDeviceGetPowerUsage)";
    }
    return "";
}

NvidiaPowerField sensor_field(Query query) {
    switch (query) {
        case Query::kPowerAverage:
            return NvidiaPowerField::kAverage;
        case Query::kPowerUsage:
            return NvidiaPowerField::kDraw;
        default:
            return NvidiaPowerField::kInstant;
    }
}

Answer ask(const Library& library, Device device, Query query) {
    switch (query) {
        case Query::kEnergyCounter: {
            unsigned long long energy_mj = 0;
            if (library.call().total_energy_mj == nullptr) {
                return {};
            }
            const int code = library.call().total_energy_mj(device, &energy_mj);
            const bool is_absurd = static_cast<double>(energy_mj) > kMostEnergyMj;
            return {code == kSuccess && is_absurd ? kOutOfRange : code, energy_mj};
        }
        case Query::kEnergyField:
            return ask_field(library, device, kFieldTotalEnergy, kMostEnergyMj);
        case Query::kPowerInstant:
            return ask_field(library, device, kFieldPowerInstant, kMostPowerMw);
        case Query::kPowerAverage:
            return ask_field(library, device, kFieldPowerAverage, kMostPowerMw);
        case Query::kPowerSamples:
            return SampleBuffer().read(library, device);
        case Query::kPowerUsage: {
            unsigned power_mw = 0;
            if (library.call().power_usage_mw == nullptr) {
                return {};
            }
            const int code = library.call().power_usage_mw(device, &power_mw);
            return code != kSuccess ? Answer{code, 0} : unsigned_answer(power_mw, kMostPowerMw);
        }
    }
    return {};
}

bool may_work(const Answer& answer) {
    return answer.code == kSuccess || answer.code == kTimeout || answer.code == kUnknown;
}

GpuAnswer outcome_of(const Answer& answer) {
    switch (answer.code) {
        case kSuccess:
            return answered(answer.raw);
        case kTimeout:
            return refused(PollOutcome::kRetry, "ETIMEDOUT");
        case kOutOfRange:
            return refused(PollOutcome::kRetry, "RANGE");
        case kGpuIsLost:
        case kResetRequired:
        case kUninitialized:
        case kDriverNotLoaded:
        case kVersionMismatch:
        case kNotSupported:
        case kNoPermission:
            return refused(PollOutcome::kGone, "GONE");
        default:
            return refused(PollOutcome::kRetry, "EIO");
    }
}

GpuRead reader_of(std::shared_ptr<const Library> library, Device device, Query query,
                  const Clock& clock) {
    if (query == Query::kPowerSamples) {
        return SampleReader(std::move(library), device, clock);
    }
    return [library = std::move(library), device, query] {
        return outcome_of(ask(*library, device, query));
    };
}

}  // namespace finewatt::nvml
