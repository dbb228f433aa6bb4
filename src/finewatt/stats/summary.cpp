#include "finewatt/stats/summary.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace finewatt::stats {
namespace {

std::vector<double> sorted(std::span<const double> values) {
    std::vector<double> copy(values.begin(), values.end());
    std::sort(copy.begin(), copy.end());
    return copy;
}

/// Values are sorted, finite and not empty; share is in 0..1.
double quantile_of_sorted(const std::vector<double>& values, double share) {
    const double position = share * static_cast<double>(values.size() - 1);
    const double floor = std::floor(position);
    const auto below = static_cast<std::size_t>(floor);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    const double part = position - floor;
    return (1 - part) * values[below] + part * values[above];
}

Error too_large() {
    return FINEWATT_ERROR(kInvalidArgument,
                          "sample: expected values that can be added up, found a sum beyond the "
                          "largest number; use a larger unit");
}

}  // namespace

Status check_sample(std::span<const double> values, std::size_t least, std::string_view what) {
    if (values.size() < least) {
        return FINEWATT_ERROR(kInvalidArgument, "{}: expected {} value{} or more, found {}", what,
                              least, least == 1 ? "" : "s", values.size());
    }
    const auto odd = std::find_if(values.begin(), values.end(),
                                  [](double value) { return !std::isfinite(value); });
    if (odd != values.end()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "{}: expected finite values, found {} in place {}; leave out what is "
                              "unknown",
                              what, *odd, odd - values.begin() + 1);
    }
    return {};
}

Result<double> mean(std::span<const double> values) {
    FINEWATT_TRY(check_sample(values, 1, "mean"));
    double sum = 0;
    for (const double value : values) {
        sum += value;
    }
    const auto count = static_cast<double>(values.size());
    const double first = sum / count;
    // A second pass takes away what rounding left in the first.
    double rest = 0;
    for (const double value : values) {
        rest += value - first;
    }
    const double result = first + rest / count;
    if (!std::isfinite(result)) {
        return too_large();
    }
    return result;
}

Result<double> sample_variance(std::span<const double> values) {
    FINEWATT_TRY(check_sample(values, 2, "spread"));
    FINEWATT_ASSIGN(const double centre, mean(values));
    double squares = 0;
    for (const double value : values) {
        squares += (value - centre) * (value - centre);
    }
    const bool is_constant = std::all_of(values.begin(), values.end(),
                                         [&](double value) { return value == values.front(); });
    if (!std::isfinite(squares)) {
        return too_large();
    }
    // The mean of equal values can be off by a rounding, which must not count as spread.
    return is_constant ? 0.0 : squares / static_cast<double>(values.size() - 1);
}

Result<double> sample_sd(std::span<const double> values) {
    FINEWATT_ASSIGN(const double variance, sample_variance(values));
    return std::sqrt(variance);
}

Result<double> quantile(std::span<const double> values, double share) {
    FINEWATT_TRY(check_sample(values, 1, "quantile"));
    if (!(share >= 0 && share <= 1)) {
        return FINEWATT_ERROR(kInvalidArgument, "quantile: expected a share from 0 to 1, found {}",
                              share);
    }
    return quantile_of_sorted(sorted(values), share);
}

Result<double> median(std::span<const double> values) {
    return quantile(values, 0.5);
}

Result<Summary> summarise(std::span<const double> values) {
    Summary summary;
    FINEWATT_ASSIGN(summary.mean, mean(values));
    const std::vector<double> ordered = sorted(values);
    summary.count = ordered.size();
    summary.minimum = ordered.front();
    summary.median = quantile_of_sorted(ordered, 0.5);
    summary.maximum = ordered.back();
    if (ordered.size() > 1) {
        FINEWATT_ASSIGN(summary.sd, sample_sd(values));
    }
    return summary;
}

}  // namespace finewatt::stats
