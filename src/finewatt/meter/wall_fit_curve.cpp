// PowerCurve and the lag between two of them.
#include "finewatt/meter/wall_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace finewatt {
namespace {

/// A step of more than this many usual lengths follows a hole.
constexpr double kHoleLengths = 5;
/// Cells of the grid on which two curves are compared, at most.
constexpr double kMostCells = 20'000;
/// Both powers must follow each other at least this well, for a lag to be believed.
constexpr double kLeastCorrelation = 0.5;
/// The software's power must change by this share of its mean (one standard deviation).
constexpr double kLeastChange = 0.02;

double median_of(std::vector<double> values) {
    if (values.empty()) {
        return 0;
    }
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

double mean_power(const PowerCurve::Part& part) {
    return part.seen_s > 0 ? part.energy_j / part.seen_s : std::nan("");
}

/// Mean powers of a curve on a grid; not a number where less than half a cell was seen.
std::vector<double> on_grid(const PowerCurve& curve, double begin_s, double cell_s,
                            std::size_t cells) {
    std::vector<double> powers;
    powers.reserve(cells);
    for (std::size_t i = 0; i < cells; ++i) {
        const double from_s = begin_s + static_cast<double>(i) * cell_s;
        const PowerCurve::Part part = curve.over(from_s, from_s + cell_s);
        powers.push_back(part.seen_s >= cell_s / 2 ? mean_power(part) : std::nan(""));
    }
    return powers;
}

/// Correlation of a[i] and b[i + shift] where both are numbers; nothing for fewer than 10 cells, or
/// fewer than half of those of `a`, or where one side does not change.
std::optional<double> correlation_at(const std::vector<double>& a, const std::vector<double>& b,
                                     std::ptrdiff_t shift) {
    double n = 0;
    double sum_a = 0;
    double sum_b = 0;
    double sum_aa = 0;
    double sum_bb = 0;
    double sum_ab = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const std::ptrdiff_t j = static_cast<std::ptrdiff_t>(i) + shift;
        if (j < 0 || j >= static_cast<std::ptrdiff_t>(b.size())) {
            continue;
        }
        const double x = a[i];
        const double y = b[static_cast<std::size_t>(j)];
        if (std::isnan(x) || std::isnan(y)) {
            continue;
        }
        n += 1;
        sum_a += x;
        sum_b += y;
        sum_aa += x * x;
        sum_bb += y * y;
        sum_ab += x * y;
    }
    constexpr double kLeastCells = 10;
    if (n < kLeastCells || n < static_cast<double>(a.size()) / 2) {
        return std::nullopt;
    }
    const double var_a = sum_aa - sum_a * sum_a / n;
    const double var_b = sum_bb - sum_b * sum_b / n;
    const double mean_a = sum_a / n;
    if (var_b <= 0 || std::sqrt(std::max(var_a, 0.0) / n) < kLeastChange * std::abs(mean_a)) {
        return std::nullopt;
    }
    return (sum_ab - sum_a * sum_b / n) / std::sqrt(var_a * var_b);
}

/// Where between the cells the peak lies: the top of the parabola through three points.
double peak_offset(double before, double at, double after) {
    const double bend = before - 2 * at + after;
    return bend < 0 ? std::clamp((before - after) / (2 * bend), -0.5, 0.5) : 0;
}

}  // namespace

PowerCurve PowerCurve::from_series(std::span<const double> end_s, std::span<const double> power_w) {
    std::vector<double> lengths;
    for (std::size_t i = 1; i < end_s.size(); ++i) {
        lengths.push_back(end_s[i] - end_s[i - 1]);
    }
    const double usual_s = median_of(std::move(lengths));
    PowerCurve curve;
    for (std::size_t i = 0; i < std::min(end_s.size(), power_w.size()); ++i) {
        const bool is_after_hole = i == 0 || end_s[i] - end_s[i - 1] > kHoleLengths * usual_s;
        curve.add(is_after_hole ? end_s[i] - usual_s : end_s[i - 1], end_s[i], power_w[i]);
    }
    return curve;
}

PowerCurve PowerCurve::from_readings(std::span<const double> t_s, std::span<const double> power_w) {
    PowerCurve curve;
    for (std::size_t i = 1; i < std::min(t_s.size(), power_w.size()); ++i) {
        curve.add(t_s[i - 1], t_s[i], (power_w[i - 1] + power_w[i]) / 2);
    }
    return curve;
}

void PowerCurve::add(double begin_s, double end_s, double power_w) {
    const bool is_in_order = begin_s < end_s && (is_empty() || begin_s >= last_s());
    if (!is_in_order || !std::isfinite(power_w)) {
        return;
    }
    Part before;
    if (!is_empty()) {
        const double length_s = end_s_.back() - begin_s_.back();
        before = {before_.back().energy_j + power_w_.back() * length_s,
                  before_.back().seen_s + length_s};
    }
    begin_s_.push_back(begin_s);
    end_s_.push_back(end_s);
    before_.push_back(before);
    power_w_.push_back(power_w);
}

double PowerCurve::usual_step_s() const {
    std::vector<double> lengths;
    for (std::size_t i = 0; i < begin_s_.size(); ++i) {
        lengths.push_back(end_s_[i] - begin_s_[i]);
    }
    return median_of(std::move(lengths));
}

PowerCurve::Part PowerCurve::until(double t_s) const {
    const auto after = std::upper_bound(begin_s_.begin(), begin_s_.end(), t_s);
    if (after == begin_s_.begin()) {
        return {};
    }
    const auto i = static_cast<std::size_t>(after - begin_s_.begin()) - 1;
    const double inside_s = std::min(t_s, end_s_[i]) - begin_s_[i];
    return {before_[i].energy_j + power_w_[i] * inside_s, before_[i].seen_s + inside_s};
}

PowerCurve::Part PowerCurve::over(double begin_s, double end_s) const {
    if (is_empty() || end_s <= begin_s) {
        return {};
    }
    const Part at_end = until(end_s);
    const Part at_begin = until(begin_s);
    return {at_end.energy_j - at_begin.energy_j, at_end.seen_s - at_begin.seen_s};
}

PowerCurve sum_of_curves(std::span<const PowerCurve> curves, double step_s) {
    if (curves.size() == 1) {
        return curves.front();
    }
    if (curves.empty() || step_s <= 0) {
        return {};
    }
    double begin_s = curves.front().first_s();
    double end_s = curves.front().last_s();
    for (const PowerCurve& curve : curves) {
        begin_s = std::max(begin_s, curve.first_s());
        end_s = std::min(end_s, curve.last_s());
    }
    PowerCurve sum;
    for (double at_s = begin_s; at_s + step_s <= end_s; at_s += step_s) {
        double power_w = 0;
        bool is_seen = true;
        for (const PowerCurve& curve : curves) {
            const PowerCurve::Part part = curve.over(at_s, at_s + step_s);
            is_seen = is_seen && part.seen_s > step_s / 2;
            power_w += part.seen_s > 0 ? part.energy_j / part.seen_s : 0;
        }
        if (is_seen) {
            sum.add(at_s, at_s + step_s, power_w);
        }
    }
    return sum;
}

LagEstimate estimate_lag(const PowerCurve& software, const PowerCurve& wall, double largest_s) {
    if (software.is_empty() || wall.is_empty()) {
        return {std::nullopt, 0, "there are no readings of one side"};
    }
    // A quarter of the meter's step: the peak is found between cells, and the meter tells no more.
    const double span_s = software.last_s() - software.first_s();
    const double cell_s = std::max({wall.usual_step_s() / 4, span_s / kMostCells, 1e-3});
    const auto cells = static_cast<std::size_t>(span_s / cell_s);
    const auto most_shift = static_cast<std::ptrdiff_t>(std::ceil(largest_s / cell_s));
    const std::vector<double> a = on_grid(software, software.first_s(), cell_s, cells);
    const std::vector<double> b =
        on_grid(wall, software.first_s() - static_cast<double>(most_shift) * cell_s, cell_s,
                cells + 2 * static_cast<std::size_t>(most_shift));
    std::optional<double> best;
    std::ptrdiff_t best_shift = 0;
    for (std::ptrdiff_t shift = 0; shift <= 2 * most_shift; ++shift) {
        const auto here = correlation_at(a, b, shift);
        if (here && (!best || *here > *best)) {
            best = here;
            best_shift = shift;
        }
    }
    if (!best) {
        return {std::nullopt, 0, "the power does not change enough to see a lag"};
    }
    if (*best < kLeastCorrelation) {
        return {std::nullopt, *best,
                fmt::format("the meter does not follow the software's power (correlation {:.2f})",
                            *best)};
    }
    const double before = correlation_at(a, b, best_shift - 1).value_or(*best);
    const double after = correlation_at(a, b, best_shift + 1).value_or(*best);
    const double lag_cells =
        static_cast<double>(best_shift - most_shift) + peak_offset(before, *best, after);
    return {lag_cells * cell_s, *best, ""};
}

}  // namespace finewatt
