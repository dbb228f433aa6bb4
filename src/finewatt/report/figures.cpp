#include "finewatt/report/figures_internal.h"
#include "finewatt/report/format.h"
#include "finewatt/report/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

namespace finewatt::report {
namespace {

/// About two steps for each three pixels of the figure's width.
constexpr std::size_t kMostSteps = 600;
constexpr std::size_t kMostPhases = 16;
constexpr std::size_t kLongestName = 32;
constexpr int kWidthPx = 860;
/// Margins of the plot area, so that label widths can be judged in pixels.
constexpr double kLeftPx = 70;
constexpr double kRightPx = 20;
constexpr double kPlotPx = kWidthPx - kLeftPx - kRightPx;
/// Mean width of a letter of the 13 px sans-serif font, on the safe side.
constexpr double kLetterPx = 7.5;
constexpr double kLinePx = 16;

/// Each has a contrast of at least 3:1 against white and against #16181d (WCAG 2.1, 1.4.11).
constexpr std::array<std::string_view, 6> kColours{"#3b82c4", "#d06a14", "#2a9055",
                                                   "#a860c4", "#cc4b3c", "#8a7d2a"};

std::string_view colour(std::size_t index) {
    return kColours[index % kColours.size()];
}

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

std::string short_name(std::string_view name) {
    return truncate_to_width(safe_text(name), kLongestName);
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

/// Phases that lie in no other phase, in order of time. Of equal windows the first one stays.
std::vector<const PhaseRecord*> outer_phases(const RunRecord& run) {
    std::vector<const PhaseRecord*> sorted;
    for (const PhaseRecord& phase : run.phases) {
        sorted.push_back(&phase);
    }
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) {
        return a->t_begin_s < b->t_begin_s ||
               (a->t_begin_s == b->t_begin_s && a->duration_s > b->duration_s);
    });
    std::vector<const PhaseRecord*> outer;
    double covered_until = -1;
    for (const PhaseRecord* phase : sorted) {
        const double end = phase->t_begin_s + phase->duration_s;
        if (outer.empty() || end > covered_until) {
            outer.push_back(phase);
            covered_until = end;
        }
    }
    return outer;
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
        const std::string name = short_name(phase->name);
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
                            short_name(phase->name), format_duration(phase->t_begin_s),
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
                                 file, colour(i).substr(1));
        }
        lines += fmt::format("{}{} using 1:2 with lines linewidth 1.8 linecolor rgb '{}' title {}",
                             i == 0 ? "" : ", ", file, colour(i),
                             quote_gnuplot(fmt::format("{} ({})", short_name(drawn[i]->component),
                                                       short_name(drawn[i]->channel))));
    }
    return "plot " + areas + lines + "\n";
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
    FigureView view;
    std::vector<const PowerSeries*> drawn;
    std::vector<bool> has_spread;
    std::string facts;
    double largest_w = 0;
    for (const PowerSeries& series : power) {
        const std::vector<PowerStep> steps = reduce_series(series, kMostSteps);
        if (steps.empty()) {
            continue;
        }
        for (const PowerStep& step : steps) {
            largest_w = std::max(largest_w, step.max_w);
        }
        view.gnuplot.data_files.emplace_back(fmt::format("series{}.txt", drawn.size()),
                                             series_data(steps, unit));
        drawn.push_back(&series);
        has_spread.push_back(series.t_s.size() > kMostSteps);
        facts += " " + describe_series(series, steps);
    }
    if (drawn.empty() || end_s <= 0) {
        return std::nullopt;
    }
    const PhaseBands bands = phase_bands(run, end_s, unit);
    const double rows = static_cast<double>((drawn.size() + 1) / 2);
    const double top_px = bands.label_height_px + 12;
    const double bottom_px = 52 + rows * 20;
    view.gnuplot.name = "power";
    view.gnuplot.width_px = kWidthPx;
    view.gnuplot.height_px = static_cast<int>(std::lround(240 + top_px + bottom_px));
    const double height = view.gnuplot.height_px;
    view.gnuplot.script = fmt::format(
        "set lmargin at screen {:.5f}\nset rmargin at screen {:.5f}\n"
        "set bmargin at screen {:.5f}\nset tmargin at screen {:.5f}\n"
        "set border 3\nset tics nomirror out\nset grid ytics linecolor rgb '#80808080'\n"
        "set xrange [0:{:.9g}]\nset yrange [0:{:.6g}]\n"
        "set xlabel 'time since the start ({})'\nset ylabel 'power (W)'\n"
        "set key outside bottom center horizontal maxrows {:.0f} noenhanced\n{}{}",
        kLeftPx / kWidthPx, 1 - kRightPx / kWidthPx, bottom_px / height, 1 - top_px / height,
        end_s / unit.seconds, largest_w > 0 ? largest_w * 1.08 : 1.0, unit.name, rows, bands.script,
        plot_command(drawn, has_spread));
    view.text_alternative =
        fmt::format("Power over {}.{}{}", format_duration(end_s), facts, describe_phases(run));
    view.caption = "Power over time.";
    if (!run.phases.empty()) {
        view.caption += " Grey bands are the phases.";
    }
    if (!bands.unlabelled.empty()) {
        view.caption += " Too short for a label: " + join(bands.unlabelled) + ".";
    }
    if (std::find(has_spread.begin(), has_spread.end(), true) != has_spread.end()) {
        view.caption +=
            " Each point is the mean of several samples; the light area goes from the "
            "least to the largest of them.";
    }
    return view;
}

std::optional<FigureView> phase_energy_figure(const RunRecord& run) {
    std::vector<const PhaseRecord*> phases;
    for (const PhaseRecord& phase : run.phases) {
        if (phase.energy.energy && std::isfinite(phase.energy.energy->as_joules()) &&
            phase.energy.energy->as_joules() > 0) {
            phases.push_back(&phase);
        }
    }
    if (phases.empty()) {
        return std::nullopt;
    }
    FigureView view;
    view.caption = "Energy of each phase by component.";
    if (phases.size() > kMostPhases) {
        view.caption += fmt::format(" The first {} of {} phases.", kMostPhases, phases.size());
        phases.resize(kMostPhases);
    } else if (phases.size() < run.phases.size()) {
        view.caption += " Phases without a known energy are left out.";
    }
    double largest_j = 0;
    std::set<std::string> components;
    for (const PhaseRecord* phase : phases) {
        largest_j = std::max(largest_j, phase->energy.energy->as_joules());
        for (const ComponentEnergy& part : phase->energy.components) {
            if (part.counted && part.energy) {
                components.insert(part.component);
            }
        }
    }
    const bool is_kilo = largest_j >= 1e3 && largest_j < 1e6;
    const double unit_j = largest_j >= 1e6 ? 1e6 : (is_kilo ? 1e3 : 1);
    const std::string_view unit_name = largest_j >= 1e6 ? "MJ" : (is_kilo ? "kJ" : "J");
    std::vector<double> stacked(phases.size(), 0);
    std::string plots;
    std::size_t number = 0;
    for (const std::string& component : components) {
        std::string data = "# x_middle y x_low x_high y_low y_high\n";
        for (std::size_t p = 0; p < phases.size(); ++p) {
            double energy = 0;
            for (const ComponentEnergy& part : phases[p]->energy.components) {
                const bool is_part = part.counted && part.energy && part.component == component &&
                                     std::isfinite(part.energy->as_joules());
                energy += is_part ? part.energy->as_joules() / unit_j : 0;
            }
            const double y = static_cast<double>(p + 1);
            data += fmt::format("{:.6g} {} {:.6g} {:.6g} {} {}\n", stacked[p] + energy / 2, y,
                                stacked[p], stacked[p] + energy, y - 0.34, y + 0.34);
            stacked[p] += energy;
        }
        view.gnuplot.data_files.emplace_back(fmt::format("bars{}.txt", number), data);
        plots += fmt::format(
            "{}'bars{}.txt' using 1:2:3:4:5:6 with boxxyerror fillstyle solid noborder "
            "fillcolor rgb '{}' title {}",
            number == 0 ? "plot " : ", ", number, colour(number),
            quote_gnuplot(short_name(component)));
        ++number;
    }
    if (number == 0) {
        return std::nullopt;
    }
    std::string tics;
    std::size_t longest = 0;
    for (std::size_t p = 0; p < phases.size(); ++p) {
        const std::string name = short_name(phases[p]->name);
        longest = std::max(longest, display_width(name));
        tics += fmt::format("{}{} {}", p == 0 ? "" : ", ", quote_gnuplot(name), p + 1);
        view.text_alternative +=
            fmt::format("{}{} {}", p == 0 ? "Energy by phase: " : ", ", name,
                        format_energy_best(*phases[p]->energy.energy, phases[p]->energy.energy_low,
                                           phases[p]->energy.energy_high));
    }
    view.text_alternative += ".";
    const double rows = static_cast<double>(phases.size());
    const double height = 26 * rows + 86;
    const double left_px = static_cast<double>(longest) * kLetterPx + 24;
    view.gnuplot.name = "phases";
    view.gnuplot.width_px = kWidthPx;
    view.gnuplot.height_px = static_cast<int>(height);
    view.gnuplot.script = fmt::format(
        "set lmargin at screen {:.5f}\nset rmargin at screen {:.5f}\n"
        "set bmargin at screen {:.5f}\nset tmargin at screen {:.5f}\n"
        "set border 3\nset tics nomirror out\nset grid xtics linecolor rgb '#80808080'\n"
        "set ytics scale 0 ({})\nset yrange [{:.1f}:0.5]\nset xrange [0:{:.6g}]\n"
        "set xlabel 'energy ({})'\nset key outside bottom center horizontal noenhanced\n{}\n",
        left_px / kWidthPx, 1 - kRightPx / kWidthPx, 74 / height, 1 - 8 / height, tics, rows + 0.5,
        largest_j / unit_j * 1.04, unit_name, plots);
    return view;
}

}  // namespace finewatt::report
