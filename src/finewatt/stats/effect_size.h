// How large a difference is beside the spread of the repeats: Hedges' g.
//
// Main function: hedges_g. A small g of a large difference means noisy repeats, not a small cause;
// read it beside the difference itself (interval.h).
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/stats/interval.h"

#include <span>
#include <string_view>

namespace finewatt::stats {

/// Return (mean(a) - mean(b)) / pooled standard deviation, without the bias of small samples (exact
/// factor with gamma functions), and its interval from the noncentral t distribution. Sources:
/// Hedges, Distribution theory for Glass's estimator of effect size, J. Educational Statistics 6
/// (1981); Cumming and Finch, Educational and Psychological Measurement 61 (2001). Supposes equal
/// variances. Errors: invalid argument as in mean_interval; two values or more a sample and some
/// spread in one of them are needed.
Result<Interval> hedges_g(std::span<const double> a, std::span<const double> b,
                          double confidence = 0.95);

/// Return the customary word for a size of effect: "negligible", "small", "medium" or "large", with
/// bounds 0.2, 0.5 and 0.8. Source: Cohen, Statistical power analysis for the behavioral sciences,
/// 2nd ed. (1988), 2.2.3.
std::string_view effect_size_word(double g);

}  // namespace finewatt::stats
