#include "finewatt/report/figures_internal.h"
#include "finewatt/report/text.h"

#include <fmt/format.h>

#include <array>

namespace finewatt::report {
namespace {

constexpr std::size_t kLongestName = 32;
constexpr double kNumbersPx = 36;  ///< tics and numbers below the axis
constexpr double kTitlePx = 20;
constexpr double kLegendRowPx = 20;

}  // namespace

std::string_view figure_colour(std::size_t index) {
    constexpr std::array<std::string_view, 6> kColours{"#3b82c4", "#d06a14", "#2a9055",
                                                       "#a860c4", "#cc4b3c", "#8a7d2a"};
    return kColours[index % kColours.size()];
}

std::string figure_name(std::string_view name) {
    return truncate_to_width(safe_text(name), kLongestName);
}

ScaledEnergy energy_scale(double largest_j) {
    constexpr std::array<ScaledEnergy, 4> kScales{
        {{"GJ", 1e9}, {"MJ", 1e6}, {"kJ", 1e3}, {"J", 1}}};
    for (const ScaledEnergy& scale : kScales) {
        if (largest_j >= scale.size_j) {
            return scale;
        }
    }
    return {"mJ", 1e-3};
}

double height_below_plot_px(int legend_rows) {
    return kNumbersPx + kTitlePx + kLegendRowPx * legend_rows + 6;
}

std::string frame_script(const FigureFrame& frame) {
    const double below_px = height_below_plot_px(frame.legend_rows);
    const double title_px = below_px - kNumbersPx - kTitlePx / 2;
    const double middle = (frame.left_px + (kFigureWidthPx - kRightMarginPx)) / 2 / kFigureWidthPx;
    // Title and legend are placed by hand: with fixed margins gnuplot lets them overlap.
    return fmt::format(
        "set lmargin at screen {:.5f}\nset rmargin at screen {:.5f}\n"
        "set bmargin at screen {:.5f}\nset tmargin at screen {:.5f}\n"
        "set border 3\nset tics nomirror out scale 0.5\n"
        "set label 1000 {} at screen {:.5f}, screen {:.5f} center\n"
        "set key at screen {:.5f}, screen {:.5f} center bottom horizontal maxrows {} "
        "reverse Left samplen 2 noenhanced\n",
        frame.left_px / kFigureWidthPx, 1 - kRightMarginPx / kFigureWidthPx,
        below_px / frame.height_px, 1 - frame.top_px / frame.height_px,
        quote_gnuplot(frame.x_title), middle, title_px / frame.height_px, middle,
        4 / frame.height_px, frame.legend_rows);
}

}  // namespace finewatt::report
