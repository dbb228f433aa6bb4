#include "finewatt/report/figures_internal.h"
#include "finewatt/report/format.h"
#include "finewatt/report/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace finewatt::report {
namespace {

constexpr std::size_t kMostBars = 40;
constexpr double kRowPx = 26;
constexpr double kTopPx = 8;
constexpr double kHalfBar = 0.34;
constexpr double kLegendEntryPx = 44;  ///< sample and gaps beside the name

/// One bar piece for each row, begun where the part before ended (`stacked`).
std::string bar_data(const EnergyBars& bars, std::size_t part, const ScaledEnergy& unit,
                     std::vector<double>& stacked) {
    std::string data = "# x_middle y x_low x_high y_low y_high\n";
    for (std::size_t b = 0; b < bars.bars.size(); ++b) {
        const double energy = bars.bars[b].parts_j[part] / unit.size_j;
        const double y = static_cast<double>(b + 1);
        data += fmt::format("{:.6g} {} {:.6g} {:.6g} {} {}\n", stacked[b] + energy / 2, y,
                            stacked[b], stacked[b] + energy, y - kHalfBar, y + kHalfBar);
        stacked[b] += energy;
    }
    return data;
}

/// The range of each total, as a line with ends.
std::string range_data(const EnergyBars& bars, const ScaledEnergy& unit) {
    std::string data = "# low y length 0\n";
    bool has_any = false;
    for (std::size_t b = 0; b < bars.bars.size(); ++b) {
        const EnergyBar& bar = bars.bars[b];
        if (bar.low_j && bar.high_j) {
            data += fmt::format("{:.6g} {} {:.6g} 0\n", *bar.low_j / unit.size_j, b + 1,
                                (*bar.high_j - *bar.low_j) / unit.size_j);
            has_any = true;
        }
    }
    return has_any ? data : "";
}

std::string plot_command(const EnergyBars& bars, const ScaledEnergy& unit, GnuplotFigure& figure) {
    std::vector<double> stacked(bars.bars.size(), 0);
    std::string plots;
    for (std::size_t part = 0; part < bars.parts.size(); ++part) {
        const std::string file = fmt::format("bars{}.txt", part);
        figure.data_files.emplace_back(file, bar_data(bars, part, unit, stacked));
        plots += fmt::format(
            "{}'{}' using 1:2:3:4:5:6 with boxxyerror fillstyle solid noborder "
            "fillcolor rgb '{}' title {}",
            part == 0 ? "plot " : ", ", file, figure_colour(part),
            quote_gnuplot(figure_name(bars.parts[part])));
    }
    if (std::string ranges = range_data(bars, unit); !ranges.empty()) {
        figure.data_files.emplace_back("ranges.txt", std::move(ranges));
        plots += fmt::format(", 'ranges.txt' using 1:2:3:4 {} linecolor rgb 'black' title 'range'",
                             kWhiskers);
    }
    return plots + "\n";
}

std::string describe(const EnergyBars& bars) {
    std::string text;
    for (const EnergyBar& bar : bars.bars) {
        const auto bound = [](const std::optional<double>& energy_j) {
            return energy_j ? std::optional(joules(*energy_j)) : std::nullopt;
        };
        text += fmt::format(
            "{} {} {}", text.empty() ? bars.title + ":" : ",", figure_name(bar.label),
            format_energy_best(joules(bar.total_j), bound(bar.low_j), bound(bar.high_j)));
    }
    return text + ".";
}

/// Rows of the legend: as many names beside each other as there is room for.
int legend_rows(const EnergyBars& bars) {
    double longest_px = 0;
    for (const std::string& part : bars.parts) {
        longest_px =
            std::max(longest_px, static_cast<double>(display_width(figure_name(part))) * kLetterPx);
    }
    const double in_row = std::max(1.0, std::floor(700 / (longest_px + kLegendEntryPx)));
    return static_cast<int>(std::ceil(static_cast<double>(bars.parts.size() + 1) / in_row));
}

}  // namespace

std::optional<FigureView> bar_figure(EnergyBars bars) {
    FigureView view;
    view.caption = bars.caption;
    if (bars.left_out > 0) {
        view.caption += fmt::format(" {} without a known energy {} left out.", bars.left_out,
                                    bars.left_out == 1 ? "is" : "are");
    }
    if (bars.bars.size() > kMostBars) {
        view.caption += fmt::format(" The first {} of {}.", kMostBars, bars.bars.size());
        bars.bars.resize(kMostBars);
    }
    std::string tics;
    std::size_t longest = 0;
    double largest_j = 0;
    for (std::size_t b = 0; b < bars.bars.size(); ++b) {
        const EnergyBar& bar = bars.bars[b];
        const std::string name = figure_name(bar.label);
        longest = std::max(longest, display_width(name));
        largest_j = std::max({largest_j, bar.total_j, bar.high_j.value_or(0)});
        tics += fmt::format("{}{} {}", b == 0 ? "" : ", ", quote_gnuplot(name), b + 1);
    }
    if (bars.parts.empty() || largest_j <= 0) {
        return std::nullopt;
    }
    const double rows = static_cast<double>(bars.bars.size());
    const ScaledEnergy unit = energy_scale(largest_j);
    FigureFrame frame;
    frame.legend_rows = legend_rows(bars);
    frame.height_px = std::ceil(kRowPx * rows + kTopPx + height_below_plot_px(frame.legend_rows));
    frame.left_px = static_cast<double>(longest) * kLetterPx + 24;
    frame.top_px = kTopPx;
    frame.x_title = fmt::format("energy ({})", unit.name);
    view.gnuplot.name = "bars";
    view.gnuplot.width_px = kFigureWidthPx;
    view.gnuplot.height_px = static_cast<int>(frame.height_px);
    view.gnuplot.script = frame_script(frame);
    view.gnuplot.script += fmt::format(
        "set grid xtics linecolor rgb '#808080'\nset ytics scale 0 ({})\n"
        "set yrange [{:.1f}:0.5]\nset xrange [0:{:.6g}]\n",
        tics, rows + 0.5, largest_j / unit.size_j * 1.04);
    view.gnuplot.script += plot_command(bars, unit, view.gnuplot);
    view.text_alternative = describe(bars);
    return view;
}

}  // namespace finewatt::report
