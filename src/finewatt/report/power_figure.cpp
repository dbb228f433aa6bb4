#include "finewatt/report/figures_internal.h"
#include "finewatt/report/format.h"
#include "finewatt/report/run_tables_internal.h"
#include "finewatt/report/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace finewatt::report {
namespace {

/// About two steps for each three pixels of the figure's width.
constexpr std::size_t kMostSteps = 600;
constexpr double kLeftPx = 70;
constexpr double kPlotPx = kFigureWidthPx - kLeftPx - kRightMarginPx;
constexpr double kAxisTitlePx = 12;
constexpr double kPlotHeightPx = 240;
constexpr double kLinePx = 16;

struct TimeUnit {
    std::string_view name;
    double seconds;
};

/// The unit of the time axis: about two to some hundred units in a run.
TimeUnit time_unit(double duration_s) {
    if (duration_s < 180) {
        return {"s", 1};
    }
    if (duration_s < 3 * 3600) {
        return {"min", 60};
    }
    if (duration_s < 4 * 86'400) {
        return {"h", 3600};
    }
    return {"days", 86'400};
}

/// Begin and end of the run as the samples and the record show them.
double shown_duration_s(const RunRecord& run, const std::vector<PowerSeries>& power) {
    double end = run.duration_s.value_or(0);
    for (const PowerSeries& series : power) {
        if (!series.t_s.empty() && std::isfinite(series.t_s.back())) {
            end = std::max(end, series.t_s.back());
        }
    }
    for (const PhaseRecord& phase : run.phases) {
        end = std::max(end, phase.t_begin_s + phase.duration_s);
    }
    return end;
}

/// Bands and their labels, and the names that found no room.
struct PhaseBands {
    std::string script;
    std::vector<std::string> unlabelled;
    double label_height_px = 0;
};

PhaseBands phase_bands(const RunRecord& run, double end_s, const TimeUnit& unit) {
    PhaseBands bands;
    double labelled_until_px = 0;
    int number = 0;
    for (const PhaseRecord* phase : outer_phases(run)) {
        ++number;
        const double begin = phase->t_begin_s;
        const double end = begin + phase->duration_s;
        // Two shades in turn, so that neighbours can be told apart.
        bands.script += fmt::format(
            "set object {} rectangle from {:.9g}, graph 0 to {:.9g}, graph 1 behind "
            "fillcolor rgb '{}' fillstyle solid noborder\n",
            number, begin / unit.seconds, end / unit.seconds,
            number % 2 == 1 ? "#d0808080" : "#f0808080");
        const std::string name = figure_name(phase->name);
        const double middle_px = (begin + end) / 2 / end_s * kPlotPx;
        const double band_px = (end - begin) / end_s * kPlotPx;
        const double text_px = static_cast<double>(display_width(name)) * kLetterPx;
        const bool is_flat = text_px < band_px;
        const double half_px = (is_flat ? text_px : kLinePx) / 2;
        if (middle_px - half_px < labelled_until_px) {
            bands.unlabelled.push_back(name);
            continue;
        }
        labelled_until_px = middle_px + half_px;
        bands.label_height_px = std::max(bands.label_height_px, is_flat ? kLinePx : text_px);
        bands.script +=
            fmt::format("set label {} {} at {:.9g}, graph 1 {} offset character 0, character {}\n",
                        number, quote_gnuplot(name), (begin + end) / 2 / unit.seconds,
                        is_flat ? "center" : "left rotate by 90", is_flat ? "0.7" : "0.4");
    }
    return bands;
}

std::string series_data(const std::vector<PowerStep>& steps, const TimeUnit& unit) {
    std::string data = "# time mean min max (W)\n";
    double previous_end = 0;
    for (const PowerStep& step : steps) {
        if (&step != &steps.front() && step.begin_s > previous_end) {
            data += "\n";  // an empty line breaks the line of the figure
        }
        previous_end = step.end_s;
        for (const double t : {step.begin_s, step.end_s}) {
            data += fmt::format("{:.9g} {:.6g} {:.6g} {:.6g}\n", t / unit.seconds, step.mean_w,
                                step.min_w, step.max_w);
        }
    }
    return data;
}

/// Mean and largest power of what is drawn, for the text alternative.
std::string describe_series(const PowerSeries& series, const std::vector<PowerStep>& steps) {
    double energy_j = 0;
    double seconds = 0;
    double largest_w = 0;
    for (const PowerStep& step : steps) {
        energy_j += step.mean_w * (step.end_s - step.begin_s);
        seconds += step.end_s - step.begin_s;
        largest_w = std::max(largest_w, step.max_w);
    }
    return fmt::format("{} ({}): mean {} W, largest {} W.", series.component, series.provenance,
                       format_number(seconds > 0 ? energy_j / seconds : largest_w, 3),
                       format_number(largest_w, 3));
}

std::string describe_phases(const RunRecord& run) {
    std::string text;
    for (const PhaseRecord* phase : outer_phases(run)) {
        text += fmt::format("{}{} from {} to {}", text.empty() ? " Phases: " : ", ",
                            figure_name(phase->name), format_duration(phase->t_begin_s),
                            format_duration(phase->t_begin_s + phase->duration_s));
    }
    return text.empty() ? text : text + ".";
}

std::string join(const std::vector<std::string>& parts) {
    std::string out;
    for (const std::string& part : parts) {
        out += (out.empty() ? "" : ", ") + part;
    }
    return out;
}

/// Lines, and a light area from least to largest power where samples were put together.
std::string plot_command(const std::vector<const PowerSeries*>& drawn,
                         const std::vector<bool>& has_spread) {
    std::string areas;
    std::string lines;
    for (std::size_t i = 0; i < drawn.size(); ++i) {
        const std::string file = fmt::format("'series{}.txt'", i);
        if (has_spread[i]) {
            areas += fmt::format("{} using 1:3:4 with filledcurves fillcolor rgb '#b8{}' notitle, ",
                                 file, figure_colour(i).substr(1));
        }
        lines += fmt::format("{}{} using 1:2 with lines linewidth 1.8 linecolor rgb '{}' title {}",
                             i == 0 ? "" : ", ", file, figure_colour(i),
                             quote_gnuplot(fmt::format("{} ({})", figure_name(drawn[i]->component),
                                                       figure_name(drawn[i]->channel))));
    }
    return "plot " + areas + lines + "\n";
}

/// The series that have something to show, ready to be plotted.
struct DrawnSeries {
    std::vector<const PowerSeries*> series;
    std::vector<bool> has_spread;
    std::vector<std::pair<std::string, std::string>> data_files;
    std::string facts;
    double largest_w = 0;
};

DrawnSeries prepare_series(const std::vector<PowerSeries>& power, const TimeUnit& unit) {
    DrawnSeries drawn;
    for (const PowerSeries& series : power) {
        const std::vector<PowerStep> steps = reduce_series(series, kMostSteps);
        if (steps.empty()) {
            continue;
        }
        for (const PowerStep& step : steps) {
            drawn.largest_w = std::max(drawn.largest_w, step.max_w);
        }
        drawn.data_files.emplace_back(fmt::format("series{}.txt", drawn.series.size()),
                                      series_data(steps, unit));
        drawn.series.push_back(&series);
        drawn.has_spread.push_back(series.t_s.size() > kMostSteps);
        drawn.facts += " " + describe_series(series, steps);
    }
    return drawn;
}

std::string power_caption(const RunRecord& run, const PhaseBands& bands, const DrawnSeries& drawn) {
    std::string caption = "Power over time.";
    if (!run.phases.empty()) {
        caption += " Grey bands are the phases.";
    }
    if (!bands.unlabelled.empty()) {
        caption += " No room for the names of: " + join(bands.unlabelled) + ".";
    }
    if (std::find(drawn.has_spread.begin(), drawn.has_spread.end(), true) !=
        drawn.has_spread.end()) {
        caption +=
            " Each point is the mean of several samples; the light area goes from the least "
            "to the largest of them.";
    }
    return caption;
}

}  // namespace

std::vector<PowerStep> reduce_series(const PowerSeries& series, std::size_t most_steps) {
    std::vector<PowerStep> steps;
    const std::size_t count = std::min(series.t_s.size(), series.power_w.size());
    const std::size_t group = (count + most_steps - 1) / std::max<std::size_t>(1, most_steps);
    std::size_t in_step = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const double power = series.power_w[i];
        const double end = series.t_s[i];
        // The first interval is taken to be as long as the second.
        double begin = 0;
        if (i > 0) {
            begin = series.t_s[i - 1];
        } else if (count > 1) {
            begin = std::max(0.0, 2 * end - series.t_s[1]);
        }
        if (!std::isfinite(power) || !std::isfinite(end) || !(end > begin)) {
            in_step = 0;
            continue;
        }
        if (in_step == 0 || in_step == group) {
            steps.push_back({begin, end, power, power, power});
            in_step = 1;
            continue;
        }
        PowerStep& step = steps.back();
        const double before = step.end_s - step.begin_s;
        step.mean_w = (step.mean_w * before + power * (end - begin)) / (end - step.begin_s);
        step.end_s = end;
        step.min_w = std::min(step.min_w, power);
        step.max_w = std::max(step.max_w, power);
        ++in_step;
    }
    return steps;
}

std::optional<FigureView> power_figure(const RunRecord& run,
                                       const std::vector<PowerSeries>& power) {
    const double end_s = shown_duration_s(run, power);
    const TimeUnit unit = time_unit(end_s);
    DrawnSeries drawn = prepare_series(power, unit);
    if (drawn.series.empty() || end_s <= 0) {
        return std::nullopt;
    }
    const PhaseBands bands = phase_bands(run, end_s, unit);
    FigureFrame frame;
    frame.legend_rows = static_cast<int>((drawn.series.size() + 1) / 2);
    frame.left_px = kLeftPx;
    frame.top_px = bands.label_height_px + 12;
    frame.height_px =
        std::ceil(kPlotHeightPx + frame.top_px + height_below_plot_px(frame.legend_rows));
    frame.x_title = fmt::format("time since the start ({})", unit.name);
    FigureView view;
    view.gnuplot.name = "power";
    view.gnuplot.width_px = kFigureWidthPx;
    view.gnuplot.height_px = static_cast<int>(frame.height_px);
    view.gnuplot.script = frame_script(frame);
    view.gnuplot.script += fmt::format(
        "set grid ytics linecolor rgb '#808080'\nset xrange [0:{:.9g}]\nset yrange [0:{:.6g}]\n"
        "set label 1001 'power (W)' at screen {:.5f}, graph 0.5 center rotate by 90\n{}{}",
        end_s / unit.seconds, drawn.largest_w > 0 ? drawn.largest_w * 1.08 : 1.0,
        kAxisTitlePx / kFigureWidthPx, bands.script, plot_command(drawn.series, drawn.has_spread));
    view.gnuplot.data_files = std::move(drawn.data_files);
    view.text_alternative = fmt::format("Power over {}.{}{}", format_duration(end_s), drawn.facts,
                                        describe_phases(run));
    view.caption = power_caption(run, bands, drawn);
    return view;
}

}  // namespace finewatt::report
