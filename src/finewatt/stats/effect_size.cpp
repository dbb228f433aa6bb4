#include "finewatt/stats/effect_size.h"

#include "finewatt/stats/distributions_internal.h"
#include "finewatt/stats/interval_internal.h"
#include "finewatt/stats/summary.h"

#include <cmath>

namespace finewatt::stats {
namespace {

/// Return the noncentrality for which P(T <= t) is `share`; it falls as the noncentrality grows.
double noncentrality_for(double share, double t, double degrees) {
    const auto is_left_of = [&](double noncentrality) {
        return noncentral_t_cdf(t, degrees, noncentrality) > share;
    };
    double step = 1 + std::abs(t);
    double left = t - step;
    double right = t + step;
    for (; !is_left_of(left); step *= 2) {
        left -= step;
    }
    for (; is_left_of(right); step *= 2) {
        right += step;
    }
    // Halve until the two ends are neighbours, up to rounding.
    constexpr int kHalvings = 60;
    for (int i = 0; i < kHalvings && right - left > 1e-12 * (std::abs(left) + std::abs(right));
         ++i) {
        const double middle = left + (right - left) / 2;
        (is_left_of(middle) ? left : right) = middle;
    }
    return left + (right - left) / 2;
}

}  // namespace

Result<Interval> hedges_g(std::span<const double> a, std::span<const double> b, double confidence) {
    FINEWATT_TRY(check_confidence(confidence));
    FINEWATT_TRY(check_sample(a, 2, "effect size"));
    FINEWATT_TRY(check_sample(b, 2, "effect size"));
    FINEWATT_ASSIGN(const double mean_a, mean(a));
    FINEWATT_ASSIGN(const double mean_b, mean(b));
    FINEWATT_ASSIGN(const double variance_a, sample_variance(a));
    FINEWATT_ASSIGN(const double variance_b, sample_variance(b));
    const auto count_a = static_cast<double>(a.size());
    const auto count_b = static_cast<double>(b.size());
    const double degrees = count_a + count_b - 2;
    const double pooled =
        std::sqrt(((count_a - 1) * variance_a + (count_b - 1) * variance_b) / degrees);
    if (pooled <= 0) {
        return no_spread();
    }
    const double d = (mean_a - mean_b) / pooled;
    // d times this root has the noncentral t distribution.
    const double root = std::sqrt(count_a * count_b / (count_a + count_b));
    if (!std::isfinite(d * root) || std::abs(d * root) > 1e12) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "effect size: expected a spread that shows beside the difference, "
                              "found a difference {} times as large",
                              d);
    }
    const double factor = small_sample_factor(degrees);
    const double low = noncentrality_for((1 + confidence) / 2, d * root, degrees) / root;
    const double high = noncentrality_for((1 - confidence) / 2, d * root, degrees) / root;
    return Interval{factor * d, factor * low, factor * high, confidence};
}

std::string_view effect_size_word(double g) {
    const double size = std::abs(g);
    if (size < 0.2) {
        return "negligible";
    }
    if (size < 0.5) {
        return "small";
    }
    return size < 0.8 ? "medium" : "large";
}

}  // namespace finewatt::stats
