// What the figures of runs show, as gnuplot scripts and data. Nothing is drawn here: draw_svg
// (gnuplot.h) does. Colours are mid tones that read on white and on black.
#pragma once

#include "finewatt/record/run.h"
#include "finewatt/report/energy_bars_internal.h"
#include "finewatt/report/gnuplot.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
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

/// Width of the figures, and measures that tell whether a label has room (13 px sans-serif).
inline constexpr int kFigureWidthPx = 860;
inline constexpr double kLetterPx = 7.5;
inline constexpr double kRightMarginPx = 20;

/// Return a colour as "#rrggbb"; they repeat after the sixth. Each has a contrast of at least 3:1
/// against white and against the page's dark background (WCAG 2.1, 1.4.11).
std::string_view figure_colour(std::size_t index);

/// Return a name made safe and cut to what a figure has room for.
std::string figure_name(std::string_view name);

/// A unit of energy and its size.
struct ScaledEnergy {
    std::string_view name;
    double size_j;
};

/// Return the unit for an axis that ends at `largest_j`.
ScaledEnergy energy_scale(double largest_j);

/// Where the plot area of a figure lies, the title of its x axis, and the size of its legend.
struct FigureFrame {
    double height_px = 0;
    double left_px = 0;
    double top_px = 0;
    std::string x_title;
    int legend_rows = 1;
};

/// Return the commands that both figures begin with: margins, axes, title of the x axis, legend.
std::string frame_script(const FigureFrame& frame);
/// Height of what stands below the plot area: numbers, title and legend.
double height_below_plot_px(int legend_rows);

/// Draws ranges out of four columns: begin and length in x and y. Arrows with flat heads, since the
/// symbols of error bars are definitions, which a page with several figures cannot have.
inline constexpr std::string_view kWhiskers =
    "with vectors heads nofilled size graph 0.008,90 linewidth 1.2";

/// A figure, what it shows in words, and what it could not show.
struct FigureView {
    GnuplotFigure gnuplot;
    std::string text_alternative;
    std::string caption;
};

/// Power over time, one line for each series, with the phases as bands. Nothing without samples.
std::optional<FigureView> power_figure(const RunRecord& run, const std::vector<PowerSeries>& power);

/// Bars of energy with their ranges, at most the first 40. Nothing without a bar of known energy.
std::optional<FigureView> bar_figure(EnergyBars bars);

/// Energy against tokens, each point with its range. Nothing without a point. An axis over more
/// than two decades is logarithmic.
std::optional<FigureView> token_figure(const TokenPoints& points);

}  // namespace finewatt::report
