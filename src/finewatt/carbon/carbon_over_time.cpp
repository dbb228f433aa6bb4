#include "finewatt/carbon/carbon_over_time.h"

#include "finewatt/carbon/facility.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

namespace finewatt {
namespace {

/// A stretch of time in nanoseconds since 1970: [begin, end).
using Stretch = std::pair<std::int64_t, std::int64_t>;

/// Sorts the pieces of a trace into the intervals of a series.
class Sorter {
  public:
    Sorter(const IntensitySeries& series, bool is_by_time)
        : intervals_(series.intervals),
          is_by_time_(is_by_time),
          weights_(intervals_.size(), 0) {}

    void add(const EnergyStep& step) {
        std::int64_t at = step.begin.as_unix_ns();
        const std::int64_t end = step.end.as_unix_ns();
        if (end <= at || (!is_by_time_ && step.energy == joules(0))) {
            return;
        }
        const double per_ns = is_by_time_ ? 1 : step.energy.as_joules() / as_double(end - at);
        // The first interval that ends after the step begins.
        std::size_t i = static_cast<std::size_t>(
            std::upper_bound(
                intervals_.begin(), intervals_.end(), step.begin,
                [](WallTime time, const IntensityInterval& one) { return time < one.end; }) -
            intervals_.begin());
        while (at < end) {
            const std::int64_t next_begin =
                i < intervals_.size() ? std::max(intervals_[i].begin.as_unix_ns(), at) : end;
            if (at < next_begin) {
                add_outside(i, {at, std::min(end, next_begin)}, per_ns);
                at = std::min(end, next_begin);
                continue;
            }
            const std::int64_t piece_end = std::min(end, intervals_[i].end.as_unix_ns());
            weights_[i] += per_ns * as_double(piece_end - at);
            at = piece_end;
            ++i;
        }
    }

    /// Energy (or time) per interval; what was outside is with the nearest one.
    const std::vector<double>& weights() const { return weights_; }

    double outside() const { return outside_; }

    /// The times outside the series, joined where they touch, in order.
    std::vector<Stretch> missing() const {
        std::vector<Stretch> sorted = missing_;
        std::sort(sorted.begin(), sorted.end());
        std::vector<Stretch> joined;
        for (const Stretch& one : sorted) {
            if (!joined.empty() && one.first <= joined.back().second) {
                joined.back().second = std::max(joined.back().second, one.second);
            } else {
                joined.push_back(one);
            }
        }
        return joined;
    }

  private:
    static double as_double(std::int64_t ns) { return static_cast<double>(ns); }

    /// Give a stretch between two intervals to the nearer one; `next` is the later of the two.
    void add_outside(std::size_t next, Stretch stretch, double per_ns) {
        missing_.push_back(stretch);
        outside_ += per_ns * as_double(stretch.second - stretch.first);
        std::int64_t middle = next == 0 ? stretch.first : stretch.second;
        if (next > 0 && next < intervals_.size()) {
            const std::int64_t hole_begin = intervals_[next - 1].end.as_unix_ns();
            const std::int64_t hole_end = intervals_[next].begin.as_unix_ns();
            middle =
                std::clamp(hole_begin + (hole_end - hole_begin) / 2, stretch.first, stretch.second);
        }
        if (middle > stretch.first) {
            weights_[next - 1] += per_ns * as_double(middle - stretch.first);
        }
        if (stretch.second > middle) {
            weights_[next] += per_ns * as_double(stretch.second - middle);
        }
    }

    const std::vector<IntensityInterval>& intervals_;
    bool is_by_time_;
    std::vector<double> weights_;
    std::vector<Stretch> missing_;
    double outside_ = 0;
};

Error missing_error(const IntensitySeries& series, const std::vector<Stretch>& missing) {
    constexpr std::size_t kShown = 4;
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < std::min(kShown, missing.size()); ++i) {
        texts.push_back(fmt::format("{} to {}",
                                    WallTime::from_unix_ns(missing[i].first).to_iso8601(),
                                    WallTime::from_unix_ns(missing[i].second).to_iso8601()));
    }
    const std::string more =
        missing.size() > kShown ? fmt::format(" and {} more", missing.size() - kShown) : "";
    return FINEWATT_ERROR(
        kNotFound,
        "intensity series{}{} ({}): expected an intensity for all the time in which energy was "
        "used, found none for {}{}; get those hours, or allow the nearest hour in their place",
        series.zone.empty() ? "" : " of ", series.zone, series.source, fmt::join(texts, ", "),
        more);
}

/// Means over the intervals, weighted by energy.
struct MeanIntensity {
    CarbonIntensity mean;
    CarbonIntensity low;
    CarbonIntensity high;
    double estimated_share = 0;
    WallTime begin;  ///< of the first interval that counts
    WallTime end;    ///< of the last
};

MeanIntensity mean_of(const std::vector<IntensityInterval>& intervals,
                      const std::vector<double>& weights, double total) {
    MeanIntensity result;
    bool is_first = true;
    for (std::size_t i = 0; i < intervals.size(); ++i) {
        if (weights[i] <= 0) {
            continue;
        }
        const IntensityInterval& one = intervals[i];
        const double share = weights[i] / total;
        result.mean += one.intensity * share;
        result.low += one.low.value_or(one.intensity) * share;
        result.high += one.high.value_or(one.intensity) * share;
        result.estimated_share += one.is_estimated ? share : 0;
        result.begin = std::exchange(is_first, false) ? one.begin : result.begin;
        result.end = one.end;
    }
    return result;
}

std::optional<double> kilograms(const std::optional<Joules>& energy, Pue pue,
                                CarbonIntensity intensity) {
    if (!energy) {
        return std::nullopt;
    }
    return (facility(*energy, pue).total() * intensity).as_kilograms();
}

std::string percent(double share) {
    return fmt::format("{:.3g} %", 100 * share);
}

std::string source_text(const IntensitySeries& series, const MeanIntensity& mean,
                        double outside_share, bool is_by_time) {
    std::string text = series.source;
    if (series.kind == IntensityKind::kMarginal) {
        text += "; marginal factor: what one kWh more or less changes, no grid average";
    }
    if (mean.estimated_share > 0) {
        text += fmt::format("; {} of the energy at values that the source calls estimated",
                            percent(mean.estimated_share));
    }
    if (outside_share > 0) {
        text += fmt::format("; {} of the energy outside the series, at its nearest interval",
                            percent(outside_share));
    }
    if (is_by_time) {
        text += "; weighted by time, since the trace has no energy";
    }
    return text;
}

Status check_step(const PowerSeries& series, std::size_t i, double begin_s) {
    const double end_s = series.t_s[i];
    const double power_w = series.power_w[i];
    if (!std::isfinite(end_s) || end_s <= begin_s || !std::isfinite(power_w) || power_w < 0) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "power of {}: expected times that grow and powers of 0 or more, "
                              "found {} W at {} s after {} s",
                              series.channel, power_w, end_s, begin_s);
    }
    return {};
}

WallTime after(WallTime start, double seconds) {
    return WallTime::from_unix_ns(start.as_unix_ns() + std::llround(seconds * 1e9));
}

/// The stored power of the channels that the run's total counts.
std::vector<PowerSeries> counted_power(const RunRecord& run, std::span<const PowerSeries> power) {
    std::vector<PowerSeries> counted;
    for (const PowerSeries& series : power) {
        const auto is_counted = [&](const ComponentEnergy& part) {
            return part.counted && part.source == series.channel;
        };
        if (!series.t_s.empty() &&
            std::any_of(run.energy.components.begin(), run.energy.components.end(), is_counted)) {
            counted.push_back(series);
        }
    }
    return counted;
}

}  // namespace

Result<EnergyTrace> energy_trace(WallTime started_at, std::span<const PowerSeries> power) {
    constexpr double kLongestSeconds = 1e9;  // 32 years; more is a mistake in the unit
    EnergyTrace trace;
    for (const PowerSeries& series : power) {
        if (series.t_s.size() != series.power_w.size()) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "power of {}: expected as many powers as times, found {} and {}",
                                  series.channel, series.power_w.size(), series.t_s.size());
        }
        double begin_s = 0;
        for (std::size_t i = 0; i < series.t_s.size(); ++i) {
            if (begin_s == 0 && series.t_s[i] <= 0) {
                continue;  // the sampler may have ended its first interval before the run began
            }
            FINEWATT_TRY(check_step(series, i, begin_s));
            if (series.t_s[i] > kLongestSeconds) {
                return FINEWATT_ERROR(kInvalidArgument,
                                      "power of {}: expected seconds since the run's start, found "
                                      "{}",
                                      series.channel, series.t_s[i]);
            }
            const WallTime begin = after(started_at, begin_s);
            const WallTime end = after(started_at, series.t_s[i]);
            trace.steps.push_back(
                {begin, end, joules(series.power_w[i] * (series.t_s[i] - begin_s))});
            begin_s = series.t_s[i];
        }
    }
    if (trace.steps.empty()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "power trace: expected the power of at least one channel, found "
                              "none; give the energy and the duration instead");
    }
    return trace;
}

Result<EnergyTrace> even_trace(WallTime started_at, std::chrono::nanoseconds duration,
                               Joules energy) {
    if (duration.count() <= 0) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "energy over time: expected a duration above 0, found {} ns",
                              duration.count());
    }
    return EnergyTrace{
        {{started_at, WallTime::from_unix_ns(started_at.as_unix_ns() + duration.count()), energy}}};
}

Result<CarbonSummary> carbon_over_time(const IntensitySeries& series, const EnergyTrace& trace,
                                       const EnergySummary& energy,
                                       const SeriesCarbonOptions& options) {
    FINEWATT_TRY(check_series(series));
    FINEWATT_ASSIGN(const Pue pue, Pue::of(options.pue));
    Joules traced;
    for (const EnergyStep& step : trace.steps) {
        if (!std::isfinite(step.energy.as_joules()) || step.energy < joules(0)) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "power trace: expected energies of 0 J or more, found {} J at {}",
                                  step.energy.as_joules(), step.begin.to_iso8601());
        }
        traced += step.energy;
    }
    const bool is_by_time = traced <= joules(0);
    Sorter sorter(series, is_by_time);
    for (const EnergyStep& step : trace.steps) {
        sorter.add(step);
    }
    double total = 0;
    for (const double weight : sorter.weights()) {
        total += weight;
    }
    if (!(total > 0)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "power trace: expected energy over some time, found {} steps without "
                              "length",
                              trace.steps.size());
    }
    if (sorter.outside() > 0 && !options.is_extrapolating) {
        return missing_error(series, sorter.missing());
    }
    const MeanIntensity mean = mean_of(series.intervals, sorter.weights(), total);
    CarbonSummary carbon;
    carbon.pue = pue.as_ratio();
    FINEWATT_TRY(set_facility_energy(carbon, energy));
    carbon.co2_kg = kilograms(energy.energy, pue, mean.mean);
    carbon.co2_kg_low = kilograms(energy.energy_low, pue, mean.low);
    carbon.co2_kg_high = kilograms(energy.energy_high, pue, mean.high);
    carbon.intensity = mean.mean;
    carbon.intensity_low = mean.low;
    carbon.intensity_high = mean.high;
    carbon.intensity_kind = std::string(intensity_kind_name(series.kind));
    if (!series.zone.empty()) {
        carbon.zone = series.zone;
    }
    carbon.edition = fmt::format("{} to {}", mean.begin.to_iso8601(), mean.end.to_iso8601());
    carbon.basis = series.basis;
    carbon.source = source_text(series, mean, sorter.outside() / total, is_by_time);
    if (!energy.energy) {
        carbon.reason =
            fmt::format("the energy is unknown: {}", energy.reason.value_or("no reason was given"));
    }
    return carbon;
}

Status set_carbon_over_time(RunRecord& run, const IntensitySeries& series,
                            std::span<const PowerSeries> power,
                            const SeriesCarbonOptions& options) {
    const std::vector<PowerSeries> counted = counted_power(run, power);
    EnergyTrace trace;
    if (!counted.empty()) {
        FINEWATT_ASSIGN(trace, energy_trace(run.started_at, counted));
    } else if (run.duration_s && *run.duration_s > 0) {
        trace = {{{run.started_at, after(run.started_at, *run.duration_s),
                   run.energy.energy.value_or(joules(0))}}};
    } else {
        return FINEWATT_ERROR(kNotFound,
                              "run {}: expected a power trace or a duration, to know which hours "
                              "it fell into; found neither",
                              run.run_id);
    }
    FINEWATT_ASSIGN(CarbonSummary carbon, carbon_over_time(series, trace, run.energy, options));
    if (counted.empty()) {
        carbon.source = carbon.source.value_or("") +
                        "; no power trace: the energy is taken as spread evenly over the run";
    }
    run.carbon = std::move(carbon);
    run.carbon_reason.reset();
    return {};
}

}  // namespace finewatt
