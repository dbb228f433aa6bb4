// Software energy against a wall meter: one clock for both, pairs of energies over the same
// windows, and the coefficient that leads from one to the other.
//
// Main functions: estimate_lag, pair_over, fit_wall. Not for reading meters (sensor/) nor for
// applying a coefficient (study/calibration.h). The way of "Energy and Carbon Considerations of
// Fine-Tuning BERT" (arXiv 2311.10267), section 3.4 and appendix A.2, with an interval.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/record/calibration.h"
#include "finewatt/record/run.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// Fewest pairs of a fit, and fewest readings of the meter in the window of a pair. With fewer the
/// interval says little: t(0.975) is 4.3 for three pairs and 12.7 for two, and one reading more or
/// less at an edge is 1 % of 100.
inline constexpr std::size_t kLeastPairs = 3;
inline constexpr double kLeastUpdates = 100;
/// Kind of the coefficient over all pairs.
inline constexpr std::string_view kAllKinds = "all";

/// Power over time as steps that join: mean power over [begin_s, end_s). Times in seconds on any
/// one clock, power in W. A stretch that was not seen is left out.
class PowerCurve {
  public:
    PowerCurve() = default;

    /// Make from a series of a run, whose steps end at its times. The first step begins one usual
    /// length earlier; a step of more than 5 usual lengths counts as one after a hole.
    static PowerCurve from_series(std::span<const double> end_s, std::span<const double> power_w);

    /// Make from single readings of power: straight lines between them.
    static PowerCurve from_readings(std::span<const double> t_s, std::span<const double> power_w);

    /// Add a step. Steps come in time order; one that ends before it begins, or that begins before
    /// the last one ended, is ignored.
    void add(double begin_s, double end_s, double power_w);

    bool is_empty() const { return begin_s_.empty(); }

    double first_s() const { return begin_s_.front(); }

    double last_s() const { return end_s_.back(); }

    /// Usual length of a step (the median), 0 without one.
    double usual_step_s() const;

    /// Energy over [begin_s, end_s) and how much of that time was seen.
    struct Part {
        double energy_j = 0;
        double seen_s = 0;
    };

    Part over(double begin_s, double end_s) const;

  private:
    Part until(double t_s) const;

    std::vector<double> begin_s_;
    std::vector<double> end_s_;
    std::vector<Part> before_;  ///< sums before each step
    std::vector<double> power_w_;
};

/// Add curves that need not share their steps: steps of `step_s` where all were seen. One curve
/// alone stays as it is.
PowerCurve sum_of_curves(std::span<const PowerCurve> curves, double step_s);

/// How far the meter's clock and display run behind the software's.
struct LagEstimate {
    std::optional<double> lag_s;  ///< above 0: the meter shows a change later
    double correlation = 0;       ///< of both powers at that lag
    std::string reason;           ///< why the lag is unknown
};

/// Find the lag in [-largest_s, largest_s] at which both powers follow each other best. Unknown
/// where the power does not change enough to tell, or the meter does not follow it (correlation
/// below 0.5).
LagEstimate estimate_lag(const PowerCurve& software, const PowerCurve& wall, double largest_s = 30);

/// A stretch of one load, on the software's clock.
struct LoadWindow {
    std::string kind;
    double begin_s = 0;
    double end_s = 0;
};

/// Return the pair of a window: software energy in it, wall energy in the window moved by the lag,
/// and `duration / update_s` updates of the meter. A window that either side saw less than 99 % of
/// has a reason and is then left out of a fit. `software` holds one curve per counted channel.
CalibrationPair pair_over(std::span<const PowerCurve> software, const PowerCurve& wall,
                          const LoadWindow& window, double lag_s, double update_s);

/// What a fit gave.
struct WallFit {
    std::vector<LoadCoefficient> coefficients;  ///< "all" first, then kinds with enough pairs
    std::vector<CalibrationPair> pairs;         ///< as given, with reasons for those left out
    std::optional<double> slope;                ///< of wall power = offset + slope x software power
    std::optional<Watts> offset;
    std::vector<std::string> notes;
};

/// Fit wall = c x software through the origin: c = sum(xy) / sum(x^2), s^2 = sum((y - cx)^2) /
/// (n - 1), interval c +- t(0.975, n - 1) s / sqrt(sum(x^2)); for all pairs, and for each kind with
/// kLeastPairs pairs or more. Slope and offset, for information, where the power of the pairs
/// differs. Errors: invalid argument when fewer than kLeastPairs pairs can be used, saying why each
/// of the others cannot.
Result<WallFit> fit_wall(std::vector<CalibrationPair> pairs);

}  // namespace finewatt
