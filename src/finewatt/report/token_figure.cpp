#include "finewatt/report/figures_internal.h"
#include "finewatt/report/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace finewatt::report {
namespace {

constexpr double kLeftPx = 70;
constexpr double kPlotHeightPx = 300;
constexpr double kTopPx = 12;
constexpr double kAxisTitlePx = 12;
/// Beyond this ratio of the largest to the least value an axis is logarithmic.
constexpr double kLogarithmicRatio = 100;

/// What stands behind the name of the tokens on the axis, and the size of the unit.
struct ScaledTokens {
    std::string_view name;
    double size;
};

struct Axis {
    double least = 0;
    double largest = 0;

    bool is_logarithmic() const { return least > 0 && largest / least > kLogarithmicRatio; }

    /// The range to draw, in a unit.
    std::string range(double unit) const {
        return is_logarithmic()
                   ? fmt::format("[{:.6g}:{:.6g}]", least / unit / 1.5, largest / unit * 1.5)
                   : fmt::format("[0:{:.6g}]", largest / unit * 1.08);
    }
};

Axis axis_of(const TokenPoints& points, double (*value)(const TokenPoint&)) {
    Axis axis{value(points.points[0]), 0};
    for (const TokenPoint& point : points.points) {
        axis.least = std::min(axis.least, value(point));
        axis.largest = std::max(axis.largest, value(point));
    }
    return axis;
}

std::vector<std::string> kinds_of(const TokenPoints& points) {
    std::vector<std::string> kinds;
    for (const TokenPoint& point : points.points) {
        if (std::find(kinds.begin(), kinds.end(), point.kind) == kinds.end()) {
            kinds.push_back(point.kind);
        }
    }
    return kinds;
}

ScaledTokens token_scale(double largest) {
    constexpr std::array<ScaledTokens, 3> kScales{
        {{" in billions", 1e9}, {" in millions", 1e6}, {" in thousands", 1e3}}};
    for (const ScaledTokens& scale : kScales) {
        if (largest >= 10 * scale.size) {
            return scale;
        }
    }
    return {"", 1};
}

std::string point_data(const TokenPoints& points, const std::string& kind,
                       const ScaledTokens& tokens, const ScaledEnergy& energy) {
    std::string data = "# tokens energy low 0 length\n";
    for (const TokenPoint& point : points.points) {
        if (point.kind == kind) {
            const double low_j = point.low_j.value_or(point.energy_j);
            const double high_j = point.high_j.value_or(point.energy_j);
            data += fmt::format("{:.9g} {:.6g} {:.6g} 0 {:.6g}\n", point.tokens / tokens.size,
                                point.energy_j / energy.size_j, low_j / energy.size_j,
                                (high_j - low_j) / energy.size_j);
        }
    }
    return data;
}

std::string describe(const TokenPoints& points) {
    std::string text = "Energy against " + points.tokens_name + ":";
    for (const TokenPoint& point : points.points) {
        text += fmt::format("{} {} {} tokens, {}", &point == &points.points[0] ? "" : ";",
                            figure_name(point.label), format_count(point.tokens),
                            format_energy_best(joules(point.energy_j), {}, {}));
    }
    return text + ".";
}

}  // namespace

std::optional<FigureView> token_figure(const TokenPoints& points) {
    if (points.points.empty()) {
        return std::nullopt;
    }
    const Axis x = axis_of(points, [](const TokenPoint& point) { return point.tokens; });
    Axis y = axis_of(points,
                     [](const TokenPoint& point) { return point.high_j.value_or(point.energy_j); });
    for (const TokenPoint& point : points.points) {
        y.least = std::min(y.least, point.low_j.value_or(point.energy_j));
    }
    if (x.largest <= 0 || y.largest <= 0) {
        return std::nullopt;
    }
    const ScaledTokens tokens = token_scale(x.largest);
    const ScaledEnergy energy = energy_scale(y.largest);
    const std::vector<std::string> kinds = kinds_of(points);
    FigureFrame frame;
    frame.legend_rows = static_cast<int>((kinds.size() + 2) / 3);
    frame.left_px = kLeftPx;
    frame.top_px = kTopPx;
    frame.height_px = std::ceil(kPlotHeightPx + kTopPx + height_below_plot_px(frame.legend_rows));
    frame.x_title = points.tokens_name + std::string(tokens.name);
    FigureView view;
    view.gnuplot.name = "tokens";
    view.gnuplot.width_px = kFigureWidthPx;
    view.gnuplot.height_px = static_cast<int>(frame.height_px);
    view.gnuplot.script = frame_script(frame);
    view.gnuplot.script += fmt::format(
        "set grid linecolor rgb '#808080'\nset style circle radius graph 0.006\n{}{}set xrange "
        "{}\nset yrange {}\n"
        "set label 1001 'energy ({})' at screen {:.5f}, graph 0.5 center rotate by 90\n",
        x.is_logarithmic() ? "set logscale x\n" : "", y.is_logarithmic() ? "set logscale y\n" : "",
        x.range(tokens.size), y.range(energy.size_j), energy.name, kAxisTitlePx / kFigureWidthPx);
    for (std::size_t k = 0; k < kinds.size(); ++k) {
        const std::string file = fmt::format("points{}.txt", k);
        view.gnuplot.data_files.emplace_back(file, point_data(points, kinds[k], tokens, energy));
        const std::string_view colour = figure_colour(k);
        view.gnuplot.script += fmt::format(
            "{}'{}' using 1:3:4:5 {} linecolor rgb '{}' notitle, "
            "'{}' using 1:2 with circles fillstyle solid noborder fillcolor rgb '{}' title {}",
            k == 0 ? "plot " : ", ", file, kWhiskers, colour, file, colour,
            quote_gnuplot(figure_name(kinds[k])));
    }
    view.gnuplot.script += "\n";
    view.text_alternative = describe(points);
    view.caption =
        fmt::format("Energy of each run against {}, with its range.", points.tokens_name);
    if (points.left_out > 0) {
        view.caption += fmt::format(" {} {} left out: tokens or energy unknown.", points.left_out,
                                    points.left_out == 1 ? "run is" : "runs are");
    }
    return view;
}

}  // namespace finewatt::report
