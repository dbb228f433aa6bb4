#include "golden.h"

#include "finewatt/report/figures_internal.h"
#include "finewatt/report/html_report.h"
#include "finewatt/report/summary.h"

#include <gtest/gtest.h>

#include "example_runs.h"

namespace finewatt::report_examples {
namespace {

/// Script and data in one text.
std::string as_text(const GnuplotFigure& figure) {
    std::string text =
        fmt::format("{} {}x{}\n{}", figure.name, figure.width_px, figure.height_px, figure.script);
    for (const auto& [name, content] : figure.data_files) {
        text += fmt::format("=== {}\n{}", name, content);
    }
    return text;
}

TEST(ReportGolden, Summaries) {
    for (const Example& example : all_examples()) {
        expect_golden(render_summary(example.run), "summary_" + example.name + ".txt");
    }
}

TEST(ReportGolden, PowerFigures) {
    for (const Example& example : {short_command(), hostile_run()}) {
        const auto figure = report::power_figure(example.run, example.power);
        ASSERT_TRUE(figure.has_value()) << example.name;
        expect_golden(as_text(figure->gnuplot), "power_" + example.name + ".txt");
    }
}

TEST(ReportGolden, PowerFigureOfALongRun) {
    const Example example = measured_server_run();
    auto figure = report::power_figure(example.run, example.power);
    ASSERT_TRUE(figure.has_value());
    // The data of one channel are enough, and keep the file small.
    figure->gnuplot.data_files.erase(figure->gnuplot.data_files.begin(),
                                     figure->gnuplot.data_files.begin() + 2);
    expect_golden(as_text(figure->gnuplot), "power_measured_server_run.txt");
}

TEST(ReportGolden, PhaseFigures) {
    for (const Example& example : {modelled_fine_tuning(), measured_server_run()}) {
        const auto figure = report::phase_energy_figure(example.run);
        ASSERT_TRUE(figure.has_value()) << example.name;
        expect_golden(as_text(figure->gnuplot), "phases_" + example.name + ".txt");
    }
}

TEST(ReportGolden, PageWithoutFigures) {
    FigureOptions no_gnuplot;
    no_gnuplot.gnuplot = "/finewatt/no/gnuplot";
    const Example example = measured_server_run();
    const auto page = render_html_report(example.run, example.power, no_gnuplot);
    ASSERT_OK(page);
    expect_golden(*page, "page_measured_server_run.html");
}

}  // namespace
}  // namespace finewatt::report_examples
