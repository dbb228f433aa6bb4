// A sample in a few figures: mean, standard deviation, median, quantiles.
//
// Main function: summarise. Intervals of a mean are in interval.h. Not for streams: a sample is a
// span of plain numbers in one unit, which the caller keeps.
#pragma once

#include "finewatt/base/result.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace finewatt::stats {

/// What is said of a sample. The unit is that of the values.
struct Summary {
    std::size_t count = 0;
    double mean = 0;
    std::optional<double> sd;  ///< with n - 1; nothing for a single value
    double minimum = 0;
    double median = 0;
    double maximum = 0;
};

/// Check that a sample has `least` values or more and that all are finite. Errors: invalid
/// argument, naming `what`, the number found, or the place of the value that is not finite.
Status check_sample(std::span<const double> values, std::size_t least, std::string_view what);

/// Return the arithmetic mean. Errors: see check_sample (one value or more); also when the values
/// are too large to be added up.
Result<double> mean(std::span<const double> values);

/// Return the variance, or its root, of the population that the sample comes from (divided by
/// n - 1). Errors: see check_sample (two values or more).
Result<double> sample_variance(std::span<const double> values);
Result<double> sample_sd(std::span<const double> values);

/// Return the quantile at `share` (0..1), between two values by straight line: definition 7 of
/// Hyndman and Fan, Sample quantiles in statistical packages, The American Statistician 50 (1996),
/// the one of R and NumPy. Errors: see check_sample; invalid argument for another share.
Result<double> quantile(std::span<const double> values, double share);

/// Return the quantile at 0.5.
Result<double> median(std::span<const double> values);

/// Return all of Summary. Errors: see check_sample (one value or more).
Result<Summary> summarise(std::span<const double> values);

}  // namespace finewatt::stats
