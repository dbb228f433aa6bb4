#include "finewatt/meter/wall_fit.h"

#include "finewatt/meter/student_t_internal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace finewatt {
namespace {

/// A window counts where both sides saw this share of it.
constexpr double kLeastSeen = 0.99;

std::optional<std::string> reason_to_leave_out(const CalibrationPair& pair) {
    const bool is_positive = pair.software > joules(0) && pair.wall > joules(0) &&
                             pair.duration_s > 0 && std::isfinite(pair.duration_s) &&
                             std::isfinite(pair.software.as_joules()) &&
                             std::isfinite(pair.wall.as_joules());
    if (!is_positive) {
        return fmt::format("expected energies and a duration above 0, found {} J, {} J and {} s",
                           pair.software.as_joules(), pair.wall.as_joules(), pair.duration_s);
    }
    if (!(pair.updates >= kLeastUpdates)) {
        return fmt::format("expected {} readings of the meter or more, found {:.0f}", kLeastUpdates,
                           pair.updates);
    }
    return std::nullopt;
}

LoadCoefficient fit_through_origin(const std::string& kind,
                                   const std::vector<const CalibrationPair*>& pairs) {
    double sum_xx = 0;
    double sum_xy = 0;
    double sum_x = 0;
    double sum_y = 0;
    double seconds = 0;
    for (const CalibrationPair* pair : pairs) {
        const double x = pair->software.as_joules();
        const double y = pair->wall.as_joules();
        sum_xx += x * x;
        sum_xy += x * y;
        sum_x += x;
        sum_y += y;
        seconds += pair->duration_s;
    }
    const double c = sum_xy / sum_xx;
    double residuals = 0;
    for (const CalibrationPair* pair : pairs) {
        const double r = pair->wall.as_joules() - c * pair->software.as_joules();
        residuals += r * r;
    }
    const std::size_t degrees = pairs.size() - 1;
    const double s = std::sqrt(residuals / static_cast<double>(degrees));
    const double half = student_t_975(degrees) * s / std::sqrt(sum_xx);
    return {.kind = kind,
            .coefficient = c,
            .coefficient_low = std::max(c - half, 0.0),
            .coefficient_high = c + half,
            .pairs = static_cast<double>(pairs.size()),
            .power_software = watts(sum_x / seconds),
            .power_wall = watts(sum_y / seconds)};
}

/// Least squares of wall power on software power. Only where the powers differ by a tenth of their
/// mean or more: else the line has no direction.
void fit_line(const std::vector<const CalibrationPair*>& pairs, WallFit& fit) {
    double mean_x = 0;
    double mean_y = 0;
    const auto n = static_cast<double>(pairs.size());
    for (const CalibrationPair* pair : pairs) {
        mean_x += pair->software.as_joules() / pair->duration_s / n;
        mean_y += pair->wall.as_joules() / pair->duration_s / n;
    }
    double xx = 0;
    double xy = 0;
    for (const CalibrationPair* pair : pairs) {
        const double dx = pair->software.as_joules() / pair->duration_s - mean_x;
        xx += dx * dx;
        xy += dx * (pair->wall.as_joules() / pair->duration_s - mean_y);
    }
    constexpr double kLeastSpread = 0.1;
    if (std::sqrt(xx / n) < kLeastSpread * mean_x) {
        fit.notes.emplace_back("slope and offset are unknown: all pairs have about one power");
        return;
    }
    fit.slope = xy / xx;
    fit.offset = watts(mean_y - *fit.slope * mean_x);
}

std::string list_left_out(const std::vector<CalibrationPair>& pairs) {
    std::string text;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        if (pairs[i].reason) {
            text += fmt::format("; pair {} ({}): {}", i + 1, pairs[i].kind, *pairs[i].reason);
        }
    }
    return text;
}

}  // namespace

Result<WallFit> fit_wall(std::vector<CalibrationPair> pairs) {
    WallFit fit;
    fit.pairs = std::move(pairs);
    std::vector<const CalibrationPair*> used;
    std::vector<std::string> kinds;
    for (CalibrationPair& pair : fit.pairs) {
        if (!pair.reason) {
            pair.reason = reason_to_leave_out(pair);
        }
        if (pair.reason) {
            continue;
        }
        used.push_back(&pair);
        if (std::find(kinds.begin(), kinds.end(), pair.kind) == kinds.end()) {
            kinds.push_back(pair.kind);
        }
    }
    if (used.size() < kLeastPairs) {
        return FINEWATT_ERROR(
            kInvalidArgument,
            "wall calibration: expected {} pairs of {} meter readings or more, found {} that can "
            "be used{}; measure more windows, or longer ones",
            kLeastPairs, kLeastUpdates, used.size(), list_left_out(fit.pairs));
    }
    fit.coefficients.push_back(fit_through_origin(std::string(kAllKinds), used));
    for (const std::string& kind : kinds) {
        std::vector<const CalibrationPair*> of_kind;
        std::copy_if(used.begin(), used.end(), std::back_inserter(of_kind),
                     [&kind](const CalibrationPair* pair) { return pair->kind == kind; });
        if (of_kind.size() >= kLeastPairs) {
            fit.coefficients.push_back(fit_through_origin(kind, of_kind));
        } else {
            fit.notes.push_back(fmt::format("{} has no coefficient of its own: {} of {} pairs",
                                            kind, of_kind.size(), kLeastPairs));
        }
    }
    fit_line(used, fit);
    return fit;
}

CalibrationPair pair_over(std::span<const PowerCurve> software, const PowerCurve& wall,
                          const LoadWindow& window, double lag_s, double update_s) {
    const double duration_s = window.end_s - window.begin_s;
    CalibrationPair pair;
    pair.kind = window.kind;
    pair.duration_s = duration_s;
    pair.updates = update_s > 0 ? std::floor(duration_s / update_s) : 0;
    const auto check_seen = [&](std::string_view side, double seen_s) {
        if (!pair.reason && seen_s < kLeastSeen * duration_s) {
            pair.reason = fmt::format("the {} was seen for {:.1f} of {:.1f} s only", side, seen_s,
                                      duration_s);
        }
    };
    double software_j = 0;
    for (const PowerCurve& curve : software) {
        const PowerCurve::Part part = curve.over(window.begin_s, window.end_s);
        software_j += part.energy_j;
        check_seen("software's power", part.seen_s);
    }
    const PowerCurve::Part part = wall.over(window.begin_s + lag_s, window.end_s + lag_s);
    check_seen("meter's power", part.seen_s);
    pair.software = joules(software_j);
    pair.wall = joules(part.energy_j);
    return pair;
}

}  // namespace finewatt
