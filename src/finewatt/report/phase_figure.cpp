#include "finewatt/report/figures_internal.h"
#include "finewatt/report/format.h"
#include "finewatt/report/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace finewatt::report {
namespace {

constexpr std::size_t kMostPhases = 16;
constexpr double kRowPx = 26;
constexpr double kTopPx = 8;
constexpr double kHalfBar = 0.34;

struct EnergyUnit {
    std::string_view name;
    double size_j;
};

using Phases = std::vector<const PhaseRecord*>;

Phases phases_with_energy(const RunRecord& run) {
    Phases phases;
    for (const PhaseRecord& phase : run.phases) {
        const std::optional<Joules>& energy = phase.energy.energy;
        if (energy && std::isfinite(energy->as_joules()) && energy->as_joules() > 0) {
            phases.push_back(&phase);
        }
    }
    return phases;
}

bool is_drawn(const ComponentEnergy& part) {
    return part.counted && part.energy && std::isfinite(part.energy->as_joules());
}

std::set<std::string> component_names(const Phases& phases) {
    std::set<std::string> names;
    for (const PhaseRecord* phase : phases) {
        for (const ComponentEnergy& part : phase->energy.components) {
            if (is_drawn(part)) {
                names.insert(part.component);
            }
        }
    }
    return names;
}

double largest_energy_j(const Phases& phases) {
    double largest = 0;
    for (const PhaseRecord* phase : phases) {
        largest = std::max(largest, phase->energy.energy->as_joules());
    }
    return largest;
}

EnergyUnit choose_unit(double largest_j) {
    if (largest_j >= 1e6) {
        return {"MJ", 1e6};
    }
    if (largest_j >= 1e3) {
        return {"kJ", 1e3};
    }
    return {"J", 1};
}

/// One bar piece for each phase, begun where the component before ended (`stacked`).
std::string bar_data(const Phases& phases, const std::string& component, const EnergyUnit& unit,
                     std::vector<double>& stacked) {
    std::string data = "# x_middle y x_low x_high y_low y_high\n";
    for (std::size_t p = 0; p < phases.size(); ++p) {
        double energy = 0;
        for (const ComponentEnergy& part : phases[p]->energy.components) {
            if (is_drawn(part) && part.component == component) {
                energy += part.energy->as_joules() / unit.size_j;
            }
        }
        const double y = static_cast<double>(p + 1);
        data += fmt::format("{:.6g} {} {:.6g} {:.6g} {} {}\n", stacked[p] + energy / 2, y,
                            stacked[p], stacked[p] + energy, y - kHalfBar, y + kHalfBar);
        stacked[p] += energy;
    }
    return data;
}

std::string plot_command(const Phases& phases, const EnergyUnit& unit, GnuplotFigure& figure) {
    std::vector<double> stacked(phases.size(), 0);
    std::string plots;
    for (const std::string& component : component_names(phases)) {
        const std::size_t number = figure.data_files.size();
        const std::string file = fmt::format("bars{}.txt", number);
        figure.data_files.emplace_back(file, bar_data(phases, component, unit, stacked));
        plots += fmt::format(
            "{}'{}' using 1:2:3:4:5:6 with boxxyerror fillstyle solid noborder "
            "fillcolor rgb '{}' title {}",
            number == 0 ? "plot " : ", ", file, figure_colour(number),
            quote_gnuplot(figure_name(component)));
    }
    return plots + "\n";
}

std::string describe(const Phases& phases) {
    std::string text;
    for (const PhaseRecord* phase : phases) {
        const EnergySummary& energy = phase->energy;
        text += fmt::format(
            "{}{} {}", text.empty() ? "Energy by phase: " : ", ", figure_name(phase->name),
            format_energy_best(*energy.energy, energy.energy_low, energy.energy_high));
    }
    return text + ".";
}

}  // namespace

std::optional<FigureView> phase_energy_figure(const RunRecord& run) {
    Phases phases = phases_with_energy(run);
    if (component_names(phases).empty()) {
        return std::nullopt;
    }
    FigureView view;
    view.caption = "Energy of each phase by component.";
    if (phases.size() < run.phases.size()) {
        view.caption += " Phases without a known energy are left out.";
    }
    if (phases.size() > kMostPhases) {
        view.caption += fmt::format(" The first {} of {} phases.", kMostPhases, phases.size());
        phases.resize(kMostPhases);
    }
    std::string tics;
    std::size_t longest = 0;
    for (std::size_t p = 0; p < phases.size(); ++p) {
        const std::string name = figure_name(phases[p]->name);
        longest = std::max(longest, display_width(name));
        tics += fmt::format("{}{} {}", p == 0 ? "" : ", ", quote_gnuplot(name), p + 1);
    }
    const double rows = static_cast<double>(phases.size());
    const double largest_j = largest_energy_j(phases);
    const EnergyUnit unit = choose_unit(largest_j);
    FigureFrame frame;
    frame.height_px = std::ceil(kRowPx * rows + kTopPx + height_below_plot_px(1));
    frame.left_px = static_cast<double>(longest) * kLetterPx + 24;
    frame.top_px = kTopPx;
    frame.x_title = fmt::format("energy ({})", unit.name);
    view.gnuplot.name = "phases";
    view.gnuplot.width_px = kFigureWidthPx;
    view.gnuplot.height_px = static_cast<int>(frame.height_px);
    view.gnuplot.script = frame_script(frame);
    view.gnuplot.script += fmt::format(
        "set grid xtics linecolor rgb '#808080'\nset ytics scale 0 ({})\n"
        "set yrange [{:.1f}:0.5]\nset xrange [0:{:.6g}]\n",
        tics, rows + 0.5, largest_j / unit.size_j * 1.04);
    view.gnuplot.script += plot_command(phases, unit, view.gnuplot);
    view.text_alternative = describe(phases);
    return view;
}

}  // namespace finewatt::report
