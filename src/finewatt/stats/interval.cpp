#include "finewatt/stats/interval.h"

#include "finewatt/stats/distributions_internal.h"
#include "finewatt/stats/interval_internal.h"
#include "finewatt/stats/summary.h"

#include <cmath>

namespace finewatt::stats {
namespace {

/// What of a sample the intervals need.
struct Moments {
    double count = 0;
    double mean = 0;
    double variance = 0;
    double variance_of_mean = 0;
};

Result<Moments> moments_of(std::span<const double> values) {
    Moments moments;
    FINEWATT_TRY(check_sample(values, 2, "interval over repeats"));
    FINEWATT_ASSIGN(moments.mean, mean(values));
    FINEWATT_ASSIGN(moments.variance, sample_variance(values));
    moments.count = static_cast<double>(values.size());
    moments.variance_of_mean = moments.variance / moments.count;
    return moments;
}

Status check_finite(const Interval& interval) {
    if (!std::isfinite(interval.best) || !std::isfinite(interval.low) ||
        !std::isfinite(interval.high)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "interval: expected finite bounds, found {} to {}; the values are "
                              "too large or too small to be reckoned with",
                              interval.low, interval.high);
    }
    return {};
}

/// Satterthwaite's degrees of freedom of a + scale^2 b, two variances of means.
double satterthwaite(const Moments& a, const Moments& b, double scale) {
    // Divided by the larger one, so that fourth powers of small spreads do not vanish.
    const double larger = std::max(a.variance_of_mean, scale * scale * b.variance_of_mean);
    const double part_a = a.variance_of_mean / larger;
    const double part_b = scale * scale * b.variance_of_mean / larger;
    const double sum = part_a + part_b;
    return sum * sum / (part_a * part_a / (a.count - 1) + part_b * part_b / (b.count - 1));
}

}  // namespace

Status check_confidence(double confidence) {
    if (!(confidence > 0 && confidence < 1)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "confidence: expected a share between 0 and 1, such as 0.95, found "
                              "{}",
                              confidence);
    }
    return {};
}

Error no_spread() {
    return FINEWATT_ERROR(kInvalidArgument,
                          "interval over repeats: expected values that differ, found all equal; "
                          "their spread is unknown");
}

Result<Interval> mean_interval(std::span<const double> values, double confidence) {
    FINEWATT_TRY(check_confidence(confidence));
    FINEWATT_ASSIGN(const Moments moments, moments_of(values));
    if (moments.variance <= 0) {
        return no_spread();
    }
    const double reach = student_t_quantile((1 + confidence) / 2, moments.count - 1) *
                         std::sqrt(moments.variance_of_mean);
    const Interval interval{moments.mean, moments.mean - reach, moments.mean + reach, confidence};
    FINEWATT_TRY(check_finite(interval));
    return interval;
}

Result<WelchDifference> welch_difference(std::span<const double> a, std::span<const double> b,
                                         double confidence) {
    FINEWATT_TRY(check_confidence(confidence));
    FINEWATT_ASSIGN(const Moments of_a, moments_of(a));
    FINEWATT_ASSIGN(const Moments of_b, moments_of(b));
    const double variance = of_a.variance_of_mean + of_b.variance_of_mean;
    if (variance <= 0) {
        return no_spread();
    }
    WelchDifference welch;
    welch.degrees = satterthwaite(of_a, of_b, 1);
    const double best = of_a.mean - of_b.mean;
    const double error = std::sqrt(variance);
    const double reach = student_t_quantile((1 + confidence) / 2, welch.degrees) * error;
    welch.difference = {best, best - reach, best + reach, confidence};
    welch.t = best / error;
    welch.p_value = student_t_two_sided_p(welch.t, welch.degrees);
    FINEWATT_TRY(check_finite(welch.difference));
    return welch;
}

Result<Interval> ratio_of_means(std::span<const double> a, std::span<const double> b,
                                double confidence) {
    FINEWATT_TRY(check_confidence(confidence));
    FINEWATT_ASSIGN(const Moments of_a, moments_of(a));
    FINEWATT_ASSIGN(const Moments of_b, moments_of(b));
    if (of_a.variance_of_mean + of_b.variance_of_mean <= 0) {
        return no_spread();
    }
    if (of_b.mean == 0) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "ratio of means: expected a second mean other than 0, found 0");
    }
    // The means as parts of their own size: squares of very large or small ones stay in reach.
    const double ratio = of_a.mean / of_b.mean;
    const double t = student_t_quantile((1 + confidence) / 2, satterthwaite(of_a, of_b, ratio));
    // Bounds are the roots r of (A - rB)^2 = t^2 (va + r^2 vb), divided by B^2.
    const double va = t * t * (of_a.variance_of_mean / of_b.mean) / of_b.mean;
    const double vb = t * t * (of_b.variance_of_mean / of_b.mean) / of_b.mean;
    if (vb >= 1) {
        return FINEWATT_ERROR(
            kInvalidArgument,
            "ratio of means: the second mean, {}, may be 0 at this confidence, so "
            "the ratio has no bound; add repeats",
            of_b.mean);
    }
    const double half = std::sqrt(va * (1 - vb) + ratio * ratio * vb);
    const Interval interval{ratio, (ratio - half) / (1 - vb), (ratio + half) / (1 - vb),
                            confidence};
    FINEWATT_TRY(check_finite(interval));
    return interval;
}

}  // namespace finewatt::stats
