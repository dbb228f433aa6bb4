// Builders of readings with a known energy, for the meter's tests only.
#pragma once

#include "finewatt/meter/channel_stream.h"
#include "finewatt/record/channel.h"

#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace finewatt::meter_test {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kTenth = 100'000'000;
/// Modulus of a 32-bit counter of 15.3 uJ, in uJ: 65,532.611 J.
constexpr std::uint64_t kSmallRange = 65'532'611'000;
/// Modulus of a 32-bit counter of 61 uJ, in uJ: 262,143.329 J.
constexpr std::uint64_t kLargeRange = 262'143'329'000;

inline MonoTime at(std::int64_t t_ns) {
    return MonoTime::from_ns(t_ns);
}

/// A counter in microjoules, 500 W ceiling, renewed every millisecond.
inline ChannelSpec counter_uj(std::optional<std::uint64_t> range,
                              std::optional<double> max_power_w = 500) {
    ChannelSpec spec;
    spec.id = "pkg0";
    spec.kind = ChannelKind::kCounter;
    spec.unit = "uJ";
    spec.unit_size = 1e-6;
    spec.range = range;
    spec.max_power_w = max_power_w;
    spec.domain = Domain::kPackage;
    spec.device = "cpu0";
    spec.update_ms = 1;
    spec.source = "test";
    return spec;
}

/// A gauge in milliwatts.
inline ChannelSpec gauge_mw(std::optional<double> window_ms = 100,
                            std::optional<double> update_ms = 100) {
    ChannelSpec spec;
    spec.id = "gpu0";
    spec.kind = ChannelKind::kGauge;
    spec.unit = "mW";
    spec.unit_size = 1e-3;
    spec.domain = Domain::kGpu;
    spec.device = "GPU-1";
    spec.window_ms = window_ms;
    spec.update_ms = update_ms;
    spec.source = "test";
    return spec;
}

inline Reading good(std::int64_t t_ns, std::uint64_t raw) {
    Reading reading;
    reading.time = at(t_ns);
    reading.raw = raw;
    reading.outcome = PollOutcome::kOk;
    return reading;
}

inline Reading failed(std::int64_t t_ns, PollOutcome outcome = PollOutcome::kRetry) {
    Reading reading;
    reading.time = at(t_ns);
    reading.outcome = outcome;
    reading.error = outcome == PollOutcome::kGone ? "GONE" : "EIO";
    return reading;
}

/// Readings of one channel, written down first and computed afterwards.
class ChannelTrace {
  public:
    explicit ChannelTrace(ChannelSpec spec) : spec_(std::move(spec)) {}

    void add(const Reading& reading) {
        readings_.push_back(reading);
        const bool is_bad = spec_.range && reading.raw > *spec_.range;
        if (reading.outcome == PollOutcome::kOk && !is_bad) {
            good_times_.push_back(reading.time);
        }
    }

    const ChannelSpec& spec() const { return spec_; }

    const std::vector<Reading>& readings() const { return readings_; }

    const std::vector<MonoTime>& good_times() const { return good_times_; }

    MonoTime last_time() const { return readings_.back().time; }

  private:
    ChannelSpec spec_;
    std::vector<Reading> readings_;
    std::vector<MonoTime> good_times_;
};

/// Feed all readings; an edge may lie up to `late_ns` before the newest one.
inline void feed(ChannelStream& stream, const ChannelTrace& trace, std::int64_t late_ns) {
    for (const Reading& reading : trace.readings()) {
        stream.add(reading, at(reading.time.as_ns() - late_ns));
    }
}

/// The energy of [begin, end) with both edges known from the start.
inline ChannelEnergy energy_between(const ChannelTrace& trace, MonoTime begin, MonoTime end) {
    ChannelStream stream(trace.spec());
    stream.open_window(begin.as_ns());
    stream.close_window(0, end.as_ns());
    feed(stream, trace, 0);
    return stream.energy(0, end.as_ns());
}

/// The energy from the first to the last line.
inline ChannelEnergy energy_of(const ChannelTrace& trace) {
    ChannelStream stream(trace.spec());
    stream.open_window(kOwnSpan);
    feed(stream, trace, 0);
    return stream.energy(0, 0);
}

inline PowerPoints power_points(const ChannelTrace& trace, MonoTime origin, std::size_t most) {
    ChannelStream stream(trace.spec());
    stream.keep_series(most);
    feed(stream, trace, 0);
    return stream.series(origin);
}

/// Readings of a microjoule counter every `step_ns` from 0 to `end_ns`, wrapped at the range.
/// `energy_j(seconds)` is the true energy since 0; `offset_uj` the counter's value at 0.
inline ChannelTrace counter_trace(const ChannelSpec& spec, std::int64_t end_ns,
                                  const std::function<double(double)>& energy_j,
                                  std::int64_t step_ns = kTenth, std::uint64_t offset_uj = 0) {
    ChannelTrace trace(spec);
    for (std::int64_t t_ns = 0; t_ns <= end_ns; t_ns += step_ns) {
        const double joules = energy_j(static_cast<double>(t_ns) * 1e-9);
        const std::uint64_t raw =
            offset_uj + static_cast<std::uint64_t>(std::llround(joules * 1e6));
        trace.add(good(t_ns, spec.range ? raw % *spec.range : raw));
    }
    return trace;
}

/// Energy of a constant power.
inline std::function<double(double)> constant_load(double watts) {
    return [watts](double t_s) { return watts * t_s; };
}

/// Energy of a square wave: `high` watts in the first half of each period, `low` in the second.
inline std::function<double(double)> square_load(double low, double high, double period_s,
                                                 double phase_s) {
    const auto from_zero = [=](double t_s) {
        const double whole = std::floor(t_s / period_s);
        const double rest = t_s - whole * period_s;
        const double half = period_s / 2;
        return whole * half * (low + high) + std::fmin(rest, half) * high +
               std::fmax(0, rest - half) * low;
    };
    return [=](double t_s) { return from_zero(t_s + phase_s) - from_zero(phase_s); };
}

}  // namespace finewatt::meter_test
