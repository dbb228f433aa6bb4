#include "finewatt/base/check.h"
#include "finewatt/base/log.h"
#include "finewatt/sensor/wall_source_internal.h"

#include <algorithm>
#include <cmath>

namespace finewatt {
namespace {

using std::chrono::milliseconds;

constexpr double kMilliwatt = 1e-3;

/// No meter is asked more often, however quick the user says it is.
constexpr milliseconds kLeastPeriod{100};

/// A request may take this many times as long as the slower of the two at the start, but at least
/// kLeastAllowance: wireless plugs answer unevenly.
constexpr int kAllowanceFactor = 4;
constexpr std::chrono::nanoseconds kLeastAllowance = milliseconds(250);

std::string_view code_of(const Error& error) {
    switch (error.code()) {
        case ErrorCode::kBusy:
            return "ETIMEDOUT";
        case ErrorCode::kNotFound:
            return "ECONNREFUSED";
        case ErrorCode::kPermission:
            return "EACCES";
        case ErrorCode::kCorrupt:
            return "EBADMSG";
        default:
            return "EIO";
    }
}

double as_ms(std::chrono::nanoseconds d) {
    return as_seconds(d) * 1e3;
}

}  // namespace

WallSource::WallSource(const WallMeterSpec& spec, std::unique_ptr<WallReader> reader,
                       WallPlace place, const Clock& clock)
    : spec_(spec),
      reader_(std::move(reader)),
      place_(std::move(place)),
      clock_(clock) {}

Result<std::unique_ptr<WallSource>> WallSource::open(const WallMeterSpec& spec,
                                                     std::unique_ptr<WallReader> reader,
                                                     WallPlace place, const Clock& clock) {
    std::unique_ptr<WallSource> source(
        new WallSource(spec, std::move(reader), std::move(place), clock));
    FINEWATT_ASSIGN(const WallSample first, source->ask());
    const std::chrono::nanoseconds first_duration = source->answer_duration_;
    FINEWATT_TRY(source->ask());
    const auto slower = std::max(first_duration, source->answer_duration_);
    source->allowance_ = std::clamp<std::chrono::nanoseconds>(
        kAllowanceFactor * slower, kLeastAllowance,
        std::max<std::chrono::nanoseconds>(spec.timeout, kLeastAllowance));
    source->take_facts();
    source->make_channels(first);
    if (source->channels_.empty()) {
        return FINEWATT_ERROR(kNotFound, "{}: it answers, but without {}", spec.name,
                              spec.channels == WallChannels::kPower    ? "a power figure"
                              : spec.channels == WallChannels::kEnergy ? "an energy counter"
                                                                       : "power or energy");
    }
    return source;
}

Result<WallSample> WallSource::ask() {
    const MonoTime begin = clock_.mono_now();
    Result<WallSample> sample = reader_->read();
    answer_time_ = clock_.mono_now();
    answer_duration_ = answer_time_ - begin;
    return sample;
}

void WallSource::take_facts() {
    facts_ = reader_->facts();
    max_power_w_ = spec_.max_power_w.value_or(facts_.max_power_w);
    if (spec_.window_ms) {
        facts_.window_ms = spec_.window_ms;
    }
    if (spec_.update_ms) {
        facts_.update_ms = spec_.update_ms;
        const milliseconds renewal(std::llround(*spec_.update_ms));
        facts_.poll_period =
            std::clamp(renewal, std::min(kLeastPeriod, facts_.poll_period), facts_.poll_period);
    }
    if (spec_.energy_update_ms) {
        facts_.energy_update_ms = spec_.energy_update_ms;
    }
}

void WallSource::make_channels(const WallSample& first) {
    const double allowance_ms = as_ms(allowance_) + facts_.delay_ms;
    if (first.power_w && spec_.channels != WallChannels::kEnergy) {
        add_power_channel(allowance_ms);
    }
    if (first.energy_j && spec_.channels != WallChannels::kPower) {
        add_energy_channel(allowance_ms);
    }
}

ChannelSpec WallSource::common_channel() const {
    ChannelSpec channel;
    channel.max_power_w = max_power_w_;
    channel.domain = place_.domain;
    channel.device = place_.device;
    channel.source = facts_.source;
    channel.provenance = Provenance::kMeasured;
    if (spec_.accuracy_percent) {
        channel.gain_error_low = *spec_.accuracy_percent / 100;
        channel.gain_error_high = *spec_.accuracy_percent / 100;
    }
    channel.reason = place_.reason;
    if (!facts_.remark.empty()) {
        channel.reason += "; " + facts_.remark;
    }
    return channel;
}

void WallSource::add_power_channel(double allowance_ms) {
    ChannelSpec channel = common_channel();
    channel.id = spec_.name + "/power";
    channel.kind = ChannelKind::kGauge;
    channel.unit = "mW";
    channel.unit_size = kMilliwatt;
    channel.resolution_raw = std::max(1.0, facts_.power_step_w / kMilliwatt);
    channel.provenance = Provenance::kDerived;
    channel.window_ms = facts_.window_ms;
    if (facts_.update_ms) {
        channel.update_ms = *facts_.update_ms + allowance_ms;
    }
    channels_.push_back(std::move(channel));
}

void WallSource::add_energy_channel(double allowance_ms) {
    ChannelSpec channel = common_channel();
    channel.id = spec_.name + "/energy";
    channel.kind = ChannelKind::kCounter;
    channel.unit = "ticks";
    channel.unit_size = facts_.energy_tick_j;
    channel.resolution_raw = std::max(1.0, facts_.energy_step_j / facts_.energy_tick_j);
    if (facts_.energy_update_ms) {
        channel.update_ms = *facts_.energy_update_ms + allowance_ms;
    }
    channels_.push_back(std::move(channel));
}

Reading WallSource::power_reading(const WallSample& sample) const {
    if (!sample.power_w) {
        return failed_reading(answer_time_, PollOutcome::kRetry, "ENODATA");
    }
    if (*sample.power_w > max_power_w_) {
        return failed_reading(answer_time_, PollOutcome::kRetry, "RANGE");
    }
    const auto raw = static_cast<std::uint64_t>(std::llround(*sample.power_w / kMilliwatt));
    return {answer_time_, raw, PollOutcome::kOk, {}};
}

Reading WallSource::energy_reading(const WallSample& sample) {
    if (!sample.energy_j) {
        return failed_reading(answer_time_, PollOutcome::kRetry, "ENODATA");
    }
    if (answer_duration_ > allowance_) {
        return failed_reading(answer_time_, PollOutcome::kRetry, "LATE");
    }
    const double ticks = *sample.energy_j / facts_.energy_tick_j;
    constexpr double kLargestExact = 9007199254740992.0;  // 2^53: doubles below are exact integers
    if (ticks > kLargestExact) {
        return failed_reading(answer_time_, PollOutcome::kRetry, "RANGE");
    }
    const Reading reading{
        answer_time_, static_cast<std::uint64_t>(std::llround(ticks)), PollOutcome::kOk, {}};
    if (has_jumped_to(reading)) {
        return failed_reading(answer_time_, PollOutcome::kRetry, "RANGE");
    }
    last_energy_ = reading;
    jumped_raw_.reset();
    return reading;
}

bool WallSource::has_jumped_to(const Reading& reading) {
    if (!last_energy_ || reading.raw <= last_energy_->raw) {
        return false;
    }
    if (jumped_raw_ && reading.raw >= *jumped_raw_) {
        return true;
    }
    const double moved_j =
        static_cast<double>(reading.raw - last_energy_->raw) * facts_.energy_tick_j;
    // A counter is renewed late, so a second, its renewal and one step are allowed on top.
    const double late_s = 1 + (facts_.energy_update_ms.value_or(0) + facts_.delay_ms) * 1e-3;
    const double elapsed_s = as_seconds(reading.time - last_energy_->time);
    if (moved_j <= max_power_w_ * (elapsed_s + late_s) + facts_.energy_step_j) {
        return false;
    }
    jumped_raw_ = reading.raw;
    return true;
}

void WallSource::tell_change(const Result<WallSample>& sample) {
    if (is_silent_ == !sample) {
        return;
    }
    is_silent_ = !sample;
    if (sample) {
        log_warning(spec_.name + " answers again");
        return;
    }
    const std::string why = sample.error().describe();
    const bool names_itself = why.starts_with(spec_.name);
    log_warning(fmt::format("{}{}; it is asked again", names_itself ? "" : spec_.name + ": ", why));
}

void WallSource::poll(std::span<Reading> readings) {
    FINEWATT_CHECK(readings.size() == channels_.size(), "poll needs one slot per channel");
    const Result<WallSample> sample = ask();
    tell_change(sample);
    for (std::size_t i = 0; i < channels_.size(); ++i) {
        if (!sample) {
            readings[i] =
                failed_reading(answer_time_, PollOutcome::kRetry, code_of(sample.error()));
        } else {
            readings[i] = channels_[i].kind == ChannelKind::kGauge ? power_reading(*sample)
                                                                   : energy_reading(*sample);
        }
    }
}

}  // namespace finewatt
