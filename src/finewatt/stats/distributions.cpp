#include "finewatt/stats/distributions_internal.h"

#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/quadrature/gauss_kronrod.hpp>
#include <boost/math/special_functions/gamma.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace finewatt::stats {
namespace {

namespace bm = boost::math;

// Boost gives NaN or infinity where it would throw; callers check what they return.
using Quiet = bm::policies::policy<bm::policies::domain_error<bm::policies::ignore_error>,
                                   bm::policies::pole_error<bm::policies::ignore_error>,
                                   bm::policies::overflow_error<bm::policies::ignore_error>,
                                   bm::policies::evaluation_error<bm::policies::ignore_error>>;
using StudentT = bm::students_t_distribution<double, Quiet>;
using Normal = bm::normal_distribution<double, Quiet>;

/// P(S > x), where S is the root of a chi-square with `degrees` over its degrees.
double scaled_chi_above(double x, double degrees) {
    return x <= 0 ? 1 : bm::gamma_q(degrees / 2, degrees * x * x / 2, Quiet());
}

}  // namespace

double student_t_quantile(double share, double degrees) {
    return bm::quantile(StudentT(degrees), share);
}

double student_t_two_sided_p(double t, double degrees) {
    return 2 * bm::cdf(bm::complement(StudentT(degrees), std::abs(t)));
}

double normal_cdf(double x) {
    return bm::cdf(Normal(), x);
}

double normal_quantile(double share) {
    return bm::quantile(Normal(), share);
}

double noncentral_t_cdf(double t, double degrees, double noncentrality) {
    if (t == 0) {
        return normal_cdf(-noncentrality);
    }
    if (t < 0) {
        return 1 - noncentral_t_cdf(-t, degrees, -noncentrality);
    }
    // T = (Z + noncentrality) / S by definition, so P(T <= t) is the mean of
    // P(S >= (z + noncentrality) / t) over the normal Z. Beyond 9 standard deviations lies 2e-19.
    constexpr double kEnd = 9;
    const auto part = [&](double z) {
        return bm::pdf(Normal(), z) * scaled_chi_above((z + noncentrality) / t, degrees);
    };
    // The second factor has a bend at S = 0 and falls around S = 1, for small t steeply. S has a
    // standard deviation of about 1 / sqrt(2 degrees).
    const double fall = t - noncentrality;
    const double reach = 12 * t / std::sqrt(2 * degrees);
    std::array<double, 6> cuts{-kEnd, -noncentrality, fall - reach, fall, fall + reach, kEnd};
    for (double& cut : cuts) {
        cut = std::clamp(cut, -kEnd, kEnd);
    }
    std::sort(cuts.begin(), cuts.end());
    double sum = 0;
    for (std::size_t i = 1; i < cuts.size(); ++i) {
        constexpr unsigned kMaxDepth = 12;
        constexpr double kTolerance = 1e-11;
        if (cuts.at(i - 1) < cuts.at(i)) {
            sum += bm::quadrature::gauss_kronrod<double, 31>::integrate(
                part, cuts.at(i - 1), cuts.at(i), kMaxDepth, kTolerance);
        }
    }
    return std::clamp(sum, 0.0, 1.0);
}

double small_sample_factor(double n) {
    // gamma(z) / gamma(z + 1/2) directly, as both overflow for large n.
    return 1 / (bm::tgamma_delta_ratio((n - 1) / 2, 0.5, Quiet()) * std::sqrt(n / 2));
}

}  // namespace finewatt::stats
