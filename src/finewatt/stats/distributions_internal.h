// The distributions that the intervals need, from Boost.Math. Private to stats.
#pragma once

namespace finewatt::stats {

/// Return the quantile of Student's t distribution. `share` in (0, 1), degrees > 0.
double student_t_quantile(double share, double degrees);

/// Return the two-sided p value of a t statistic.
double student_t_two_sided_p(double t, double degrees);

/// The standard normal distribution: its cumulative probability, and the inverse for a share in
/// (0, 1).
double normal_cdf(double x);
double normal_quantile(double share);

/// Return P(T <= t) for the noncentral t distribution; absolute error below 1e-9. Also for
/// noncentralities of many thousands, where Boost's own function ends in an exception.
double noncentral_t_cdf(double t, double degrees, double noncentrality);

/// Return gamma(n / 2) / (gamma((n - 1) / 2) sqrt(n / 2)) for n > 1: the factor that takes the bias
/// from a standardised difference with n degrees of freedom.
double small_sample_factor(double n);

}  // namespace finewatt::stats
