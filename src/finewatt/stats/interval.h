// Confidence intervals from repeats: of a mean, of a difference of two means, of their ratio.
//
// All suppose independent repeats whose spread is near normal; bootstrap.h does not. An interval
// that cannot be told is an error with the reason, never one of width 0.
#pragma once

#include "finewatt/base/result.h"

#include <span>

namespace finewatt::stats {

/// An estimate and the interval that covers the true value with the given confidence.
struct Interval {
    double best = 0;
    double low = 0;
    double high = 0;
    double confidence = 0.95;
};

/// Return the mean with Student's t interval. Errors: invalid argument for fewer than two values,
/// values that are not finite or all equal (no spread: nothing is known), or a confidence outside
/// (0, 1).
Result<Interval> mean_interval(std::span<const double> values, double confidence = 0.95);

/// Welch's comparison of two means.
struct WelchDifference {
    Interval difference;  ///< mean(a) - mean(b)
    double degrees = 0;   ///< degrees of freedom after Welch and Satterthwaite
    double t = 0;
    double p_value = 1;  ///< two-sided, of equal means
};

/// Return mean(a) - mean(b) with Welch's t interval, which needs no equal variances. Source: Welch,
/// The generalization of "Student's" problem when several different population variances are
/// involved, Biometrika 34 (1947). Errors: as mean_interval; one of the samples may be without
/// spread.
Result<WelchDifference> welch_difference(std::span<const double> a, std::span<const double> b,
                                         double confidence = 0.95);

/// Return mean(a) / mean(b) with Fieller's interval, for independent samples with unequal
/// variances: the ratios r for which mean(a) - r mean(b) is not significantly different from 0,
/// with Satterthwaite's degrees of freedom at the estimated ratio. Sources: Fieller, Some problems
/// in interval estimation, JRSS B 16 (1954); Tamhane and Logan, Finding the maximum safe dose level
/// for heteroscedastic data, J. Biopharm. Stat. 14 (2004). Errors: as welch_difference, and invalid
/// argument when mean(b) may be 0 at this confidence, since the interval has no end then.
Result<Interval> ratio_of_means(std::span<const double> a, std::span<const double> b,
                                double confidence = 0.95);

}  // namespace finewatt::stats
