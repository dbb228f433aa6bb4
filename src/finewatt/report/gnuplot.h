// Figures drawn by the program gnuplot: a script and its data in, an SVG element or a file out.
//
// Main functions: draw_svg, draw_figure. What is drawn is decided elsewhere (figures_internal.h).
// gnuplot is run as a child without a shell, in a temporary folder; it is a program the machine may
// lack.
#pragma once

#include "finewatt/base/result.h"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace finewatt {

/// Formats of figure files.
enum class FigureFormat { kSvg, kPng, kPdf };

/// What gnuplot is to draw. The script reads the data files by name and must not set terminal or
/// output: draw_svg and draw_figure do.
struct GnuplotFigure {
    std::string name;  ///< letters and digits; prefix of the ids in the SVG
    int width_px = 860;
    int height_px = 340;
    std::string script;
    std::vector<std::pair<std::string, std::string>> data_files;  ///< file name and content
};

/// How figures are made.
struct FigureOptions {
    std::string gnuplot = "gnuplot";               ///< program, looked up on PATH
    std::chrono::milliseconds time_limit{20'000};  ///< for each figure
};

/// Return the text as a quoted gnuplot string in which nothing is interpreted. Straight single
/// quotes and back-quotes become typographic ones.
std::string quote_gnuplot(std::string_view text);

/// Draw the figure. The result is one <svg> element without ids of its own, declaration or script.
/// It has a viewBox and no size, no background, and black is `currentColor`, so that it takes the
/// colours of the page.
///
/// Errors: unsupported (no gnuplot; the message says how to install it), internal (gnuplot refused
/// the script), cancelled (time limit), io. Any thread may call it.
Result<std::string> draw_svg(const GnuplotFigure& figure, const FigureOptions& options);

/// Draw the figure as a file of its own, on white: SVG, PNG of twice the size, or PDF with 96 px to
/// the inch. The bytes are gnuplot's, without the time of drawing. Errors: as draw_svg.
Result<std::string> draw_figure(const GnuplotFigure& figure, FigureFormat format,
                                const FigureOptions& options);

/// Return the name of a format: "svg", "png", "pdf".
std::string_view figure_format_name(FigureFormat format);

/// Return gnuplot's SVG output made fit for a page, as draw_svg says.
std::string adapt_gnuplot_svg(std::string_view svg);

}  // namespace finewatt
