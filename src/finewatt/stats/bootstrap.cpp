#include "finewatt/stats/bootstrap.h"

#include "finewatt/stats/distributions_internal.h"
#include "finewatt/stats/interval_internal.h"
#include "finewatt/stats/summary.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace finewatt::stats {
namespace {

using Sample = std::vector<double>;
/// A statistic of all samples at once.
using JointStatistic = std::function<double(const std::vector<Sample>& samples)>;

constexpr std::size_t kFewestResamples = 100;

/// Draws places below a limit, the same on every machine (std::uniform_int_distribution is free to
/// differ between standard libraries).
class PlaceDrawer {
  public:
    explicit PlaceDrawer(std::uint64_t seed) : random_(seed) {}

    std::size_t below(std::size_t limit) {
        // Numbers from the incomplete last multiple of the limit would favour small places.
        const std::uint64_t last = std::mt19937_64::max() - std::mt19937_64::max() % limit;
        std::uint64_t number = random_();
        while (number >= last) {
            number = random_();
        }
        return static_cast<std::size_t>(number % limit);
    }

  private:
    std::mt19937_64 random_;
};

Status check_statistic(double value) {
    if (!std::isfinite(value)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "bootstrap: expected a finite statistic of every resample, found {}",
                              value);
    }
    return {};
}

/// Return the statistic of each resample, sorted.
Result<Sample> resampled_statistics(const std::vector<Sample>& samples,
                                    const JointStatistic& statistic,
                                    const BootstrapOptions& options) {
    PlaceDrawer drawer(options.seed);
    std::vector<Sample> drawn = samples;
    Sample statistics;
    statistics.reserve(options.resamples);
    for (std::size_t i = 0; i < options.resamples; ++i) {
        for (std::size_t k = 0; k < samples.size(); ++k) {
            for (double& value : drawn[k]) {
                value = samples[k][drawer.below(samples[k].size())];
            }
        }
        statistics.push_back(statistic(drawn));
        FINEWATT_TRY(check_statistic(statistics.back()));
    }
    std::sort(statistics.begin(), statistics.end());
    return statistics;
}

/// Return the acceleration: the skewness of the statistic when one value after the other is left
/// out. Source: Efron and Tibshirani, An introduction to the bootstrap (1993), (14.15); for several
/// samples as in their section 14.5, over the values of all, each weighted by its sample's size.
Result<double> acceleration(const std::vector<Sample>& samples, const JointStatistic& statistic) {
    double cubes = 0;
    double squares = 0;
    for (std::size_t k = 0; k < samples.size(); ++k) {
        Sample without;
        for (std::size_t i = 0; i < samples[k].size(); ++i) {
            std::vector<Sample> rest = samples;
            rest[k].erase(rest[k].begin() + static_cast<std::ptrdiff_t>(i));
            without.push_back(statistic(rest));
            FINEWATT_TRY(check_statistic(without.back()));
        }
        FINEWATT_ASSIGN(const double centre, mean(without));
        const auto count = static_cast<double>(samples[k].size());
        for (const double value : without) {
            const double influence = (count - 1) * (centre - value);
            cubes += std::pow(influence / count, 3);
            squares += std::pow(influence / count, 2);
        }
    }
    return squares > 0 ? cubes / (6 * std::pow(squares, 1.5)) : 0.0;
}

/// The shares of the resamples between which the interval lies.
struct Shares {
    double low = 0;
    double high = 0;
};

/// Source: Efron and Tibshirani (1993), (14.10) to (14.14). Resamples that equal the estimate count
/// half.
Shares bca_shares(const Sample& statistics, double best, double acceleration, double confidence) {
    const auto below = std::lower_bound(statistics.begin(), statistics.end(), best);
    const auto not_above = std::upper_bound(statistics.begin(), statistics.end(), best);
    const double count_below = static_cast<double>(below - statistics.begin()) +
                               0.5 * static_cast<double>(not_above - below);
    const auto count = static_cast<double>(statistics.size());
    // An estimate outside all resamples would give an infinite bias.
    const double bias =
        normal_quantile(std::clamp(count_below / count, 0.5 / count, 1 - 0.5 / count));
    const auto corrected = [&](double share) {
        const double z = bias + normal_quantile(share);
        return normal_cdf(bias + z / (1 - acceleration * z));
    };
    return {corrected((1 - confidence) / 2), corrected((1 + confidence) / 2)};
}

Result<Interval> joint_bootstrap(const std::vector<Sample>& samples,
                                 const JointStatistic& statistic, const BootstrapOptions& options) {
    FINEWATT_TRY(check_confidence(options.confidence));
    if (options.resamples < kFewestResamples) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "bootstrap: expected {} resamples or more, found {}",
                              kFewestResamples, options.resamples);
    }
    for (const Sample& sample : samples) {
        FINEWATT_TRY(check_sample(sample, 2, "bootstrap"));
    }
    Interval interval;
    interval.confidence = options.confidence;
    interval.best = statistic(samples);
    FINEWATT_TRY(check_statistic(interval.best));
    FINEWATT_ASSIGN(const Sample statistics, resampled_statistics(samples, statistic, options));
    if (statistics.front() == statistics.back()) {
        return no_spread();
    }
    Shares shares{(1 - options.confidence) / 2, (1 + options.confidence) / 2};
    if (options.method == BootstrapMethod::kBca) {
        FINEWATT_ASSIGN(const double skewness, acceleration(samples, statistic));
        shares = bca_shares(statistics, interval.best, skewness, options.confidence);
    }
    FINEWATT_ASSIGN(interval.low, quantile(statistics, shares.low));
    FINEWATT_ASSIGN(interval.high, quantile(statistics, shares.high));
    return interval;
}

Sample copy_of(std::span<const double> values) {
    return {values.begin(), values.end()};
}

}  // namespace

Result<Interval> bootstrap(std::span<const double> values, const Statistic& statistic,
                           const BootstrapOptions& options) {
    return joint_bootstrap(
        {copy_of(values)},
        [&statistic](const std::vector<Sample>& samples) { return statistic(samples[0]); },
        options);
}

Result<Interval> bootstrap(std::span<const double> a, std::span<const double> b,
                           const TwoSampleStatistic& statistic, const BootstrapOptions& options) {
    return joint_bootstrap(
        {copy_of(a), copy_of(b)},
        [&statistic](const std::vector<Sample>& samples) {
            return statistic(samples[0], samples[1]);
        },
        options);
}

}  // namespace finewatt::stats
