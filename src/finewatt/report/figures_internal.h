// What the figures of a run show, as gnuplot scripts and data. Nothing is drawn here: draw_svg
// (gnuplot.h) does. Colours are mid tones that read on white and on black.
#pragma once

#include "finewatt/record/run.h"
#include "finewatt/report/gnuplot.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace finewatt::report {

/// A stretch of time with its mean, least and largest power.
struct PowerStep {
    double begin_s = 0;
    double end_s = 0;
    double mean_w = 0;
    double min_w = 0;
    double max_w = 0;
};

/// Return the series as at most `most_steps` (> 0) stretches of about equal length; each mean is
/// weighted by time, so that the energy under the line stays the same. Values that are not finite
/// leave a gap. A longer pause than the usual interval stays one stretch: its mean power is known.
std::vector<PowerStep> reduce_series(const PowerSeries& series, std::size_t most_steps);

/// A figure, what it shows in words, and what it could not show.
struct FigureView {
    GnuplotFigure gnuplot;
    std::string text_alternative;
    std::string caption;
};

/// Power over time, one line for each series, with the phases as bands. Nothing without samples.
std::optional<FigureView> power_figure(const RunRecord& run, const std::vector<PowerSeries>& power);

/// Energy of each phase, stacked by component. Nothing without a phase of known energy.
std::optional<FigureView> phase_energy_figure(const RunRecord& run);

}  // namespace finewatt::report
