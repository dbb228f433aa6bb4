#include "finewatt/report/gnuplot.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace finewatt {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

GnuplotFigure line_figure() {
    return {
        "line", 300, 200, "plot 'data.txt' with lines title 'cpu'\n", {{"data.txt", "0 1\n1 2\n"}}};
}

/// A program that stands in for gnuplot.
FigureOptions fake_gnuplot(const testing::TempTree& tree, const std::string& script) {
    const auto program = tree.write("fake-gnuplot", "#!/bin/sh\n" + script);
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    FigureOptions options;
    options.gnuplot = program.string();
    return options;
}

TEST(QuoteGnuplot, NothingEndsTheString) {
    EXPECT_EQ(quote_gnuplot("plain"), "'plain'");
    EXPECT_EQ(quote_gnuplot("'; system('id')"), "'’; system(’id’)'");
    EXPECT_EQ(quote_gnuplot("`id`\nquit"), "'‘id‘ quit'");
}

TEST(AdaptGnuplotSvg, TakesTheColoursOfThePage) {
    const std::string svg = adapt_gnuplot_svg(
        "<?xml version=\"1.0\"?>\n<svg \n viewBox=\"0 0 1 1\">\n<title>power</title>\n"
        "<desc>Produced</desc>\n<defs><circle id='gpDot'/></defs>\n"
        "<g id=\"plot_1\" ><g fill=\"none\" color=\"black\" stroke='black'>"
        "<text>black</text></g></g>\n</svg>\n");
    EXPECT_THAT(svg, StartsWith("<svg class=\"chart\" aria-hidden=\"true\""));
    EXPECT_THAT(svg, HasSubstr("<g ><g fill=\"none\" stroke=\"currentColor\"><text>black</text>"));
    EXPECT_THAT(svg, Not(HasSubstr("id=")));
    EXPECT_THAT(svg, Not(HasSubstr("Produced")));
}

TEST(AdaptGnuplotSvg, TextWithoutSvgIsNothing) {
    EXPECT_EQ(adapt_gnuplot_svg("error"), "");
}

TEST(DrawSvg, MissingGnuplotIsAnErrorWithAdvice) {
    FigureOptions options;
    options.gnuplot = "/finewatt/no/gnuplot";
    EXPECT_ERROR(kUnsupported, draw_svg(line_figure(), options), "apt-get install gnuplot-nox");
}

TEST(DrawSvg, RefusedScriptShowsWhatGnuplotSaid) {
    testing::TempTree tree;
    const auto options = fake_gnuplot(tree, "echo 'line 3: bad thing' >&2; exit 1\n");
    EXPECT_ERROR(kInternal, draw_svg(line_figure(), options), "exit status 1: line 3: bad thing");
}

TEST(DrawSvg, HangingGnuplotIsStopped) {
    testing::TempTree tree;
    FigureOptions options = fake_gnuplot(tree, "exec sleep 600\n");
    options.time_limit = std::chrono::milliseconds(100);
    EXPECT_ERROR(kCancelled, draw_svg(line_figure(), options), "within 0.1 s");
}

TEST(DrawSvg, GnuplotSeesScriptAndDataAndMakesTheFigure) {
    testing::TempTree tree;
    const auto options =
        fake_gnuplot(tree, "{ printf '<svg>'; cat - data.txt; printf '</svg>'; } > figure.out\n");
    ASSERT_OK_AND_ASSIGN(const std::string svg, draw_svg(line_figure(), options));
    EXPECT_THAT(svg, HasSubstr("set terminal svg size 300,200"));
    EXPECT_THAT(svg, HasSubstr("plot 'data.txt'"));
    EXPECT_THAT(svg, HasSubstr("0 1\n1 2\n"));
}

TEST(DrawFigure, DatesOfPdfFilesAreBlank) {
    testing::TempTree tree;
    const auto options = fake_gnuplot(
        tree, "printf '%s' '%PDF /CreationDate (D:20261123170000+01) x (D:2026)' > figure.out\n");
    ASSERT_OK_AND_ASSIGN(const std::string pdf,
                         draw_figure(line_figure(), FigureFormat::kPdf, options));
    EXPECT_EQ(pdf, "%PDF /CreationDate (D:00000000000000+00) x (D:2026)");
}

TEST(DrawFigure, FilesAreDrawnOnWhite) {
    testing::TempTree tree;
    const auto options = fake_gnuplot(tree, "cat > figure.out\n");
    for (const FigureFormat format : {FigureFormat::kSvg, FigureFormat::kPng, FigureFormat::kPdf}) {
        ASSERT_OK_AND_ASSIGN(const std::string script, draw_figure(line_figure(), format, options));
        EXPECT_THAT(script, HasSubstr("background rgb 'white'"));
        EXPECT_THAT(script, HasSubstr("noenhanced"));
    }
}

TEST(DrawSvg, RealGnuplotDrawsAndEscapesHostileText) {
    GnuplotFigure figure = line_figure();
    figure.script = "plot 'data.txt' with lines title " +
                    quote_gnuplot("'; set output 'x' # <script>`id` & @a") + "\n";
    const auto svg = draw_svg(figure, {});
    if (!svg && svg.error().code() == ErrorCode::kUnsupported) {
        GTEST_SKIP() << svg.error().message();
    }
    ASSERT_OK(svg);
    EXPECT_THAT(*svg, HasSubstr("’; set output ’x’ # &lt;script>‘id‘ &amp; @a</text>"));
    EXPECT_THAT(*svg, Not(HasSubstr("<script")));
    EXPECT_THAT(*svg, Not(HasSubstr("black")));
}

}  // namespace
}  // namespace finewatt
