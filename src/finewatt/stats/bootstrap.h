// Bootstrap intervals: of any statistic of one sample or two, without supposing a distribution.
//
// The same seed gives the same interval on every machine. With fewer than about ten values such
// intervals are too narrow; interval.h is better there.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/stats/interval.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace finewatt::stats {

/// How the interval is read off the resamples.
enum class BootstrapMethod {
    kPercentile,  ///< their quantiles
    kBca,  ///< bias-corrected and accelerated: Efron, Better bootstrap confidence intervals, JASA
           ///< 82 (1987)
};

/// Settings of a bootstrap.
struct BootstrapOptions {
    std::uint64_t seed = 1;
    std::size_t resamples = 10'000;
    double confidence = 0.95;
    BootstrapMethod method = BootstrapMethod::kBca;
};

/// A statistic of one sample, or of two. It is called with resamples of the same lengths and, for
/// BCa, with samples that lack one value.
using Statistic = std::function<double(std::span<const double> values)>;
using TwoSampleStatistic =
    std::function<double(std::span<const double> a, std::span<const double> b)>;

/// Return the statistic with its interval. Errors: invalid argument for fewer than two values, some
/// not finite, fewer than 100 resamples, a statistic that is not finite for a resample, or that is
/// the same for all of them.
Result<Interval> bootstrap(std::span<const double> values, const Statistic& statistic,
                           const BootstrapOptions& options = {});

/// The same for two independent samples, each drawn from on its own.
Result<Interval> bootstrap(std::span<const double> a, std::span<const double> b,
                           const TwoSampleStatistic& statistic,
                           const BootstrapOptions& options = {});

}  // namespace finewatt::stats
