// Figures from ranks alone, for values that are far from normal: Mann-Whitney's test, Spearman's
// correlation.
#pragma once

#include "finewatt/base/result.h"

#include <span>
#include <vector>

namespace finewatt::stats {

/// Return the rank of each value, 1 for the smallest; values that are equal share their mean rank.
/// Errors: invalid argument for an empty sample or values that are not finite.
Result<std::vector<double>> ranks(std::span<const double> values);

/// Mann-Whitney's comparison of two samples.
struct MannWhitney {
    double u = 0;            ///< pairs in which the value of `a` is larger; equal ones count half
    double superiority = 0;  ///< u over the number of pairs: chance that a value of `a` is larger
    double p_value = 1;      ///< two-sided
    bool is_exact = false;   ///< counted, not taken from the normal distribution
};

/// Compare two samples by ranks. The p value is exact for up to 50 values a sample without ties,
/// otherwise from the normal distribution with corrections for ties and continuity. Source: Mann
/// and Whitney, On a test of whether one of two random variables is stochastically larger than the
/// other, Annals of Mathematical Statistics 18 (1947). Errors: as ranks; invalid argument when all
/// values are equal.
Result<MannWhitney> mann_whitney(std::span<const double> a, std::span<const double> b);

/// Return Spearman's rank correlation of pairs (x[i], y[i]), -1..1. Errors: as ranks; invalid
/// argument for lengths that differ, fewer than three pairs, or a sample without spread.
Result<double> spearman(std::span<const double> x, std::span<const double> y);

}  // namespace finewatt::stats
