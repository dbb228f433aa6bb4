#include "golden.h"

#include "finewatt/report/figures_internal.h"
#include "finewatt/report/html_report.h"
#include "finewatt/report/page_scripts_internal.h"
#include "finewatt/report/summary.h"
#include "finewatt/report/table_formats.h"

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
        const auto figure = report::bar_figure(report::phase_bars(example.run));
        ASSERT_TRUE(figure.has_value()) << example.name;
        expect_golden(as_text(figure->gnuplot), "phases_" + example.name + ".txt");
    }
}

TEST(ReportGolden, FiguresOverRuns) {
    const std::vector<RunRecord> runs = runs_of(repeated_runs());
    const auto bars = report::bar_figure(report::component_bars(runs, run_labels(runs)));
    ASSERT_TRUE(bars.has_value());
    expect_golden(as_text(bars->gnuplot), "components_repeated_runs.txt");
    const auto tokens = report::token_figure(report::token_points(runs, run_labels(runs)));
    ASSERT_TRUE(tokens.has_value());
    expect_golden(as_text(tokens->gnuplot), "tokens_repeated_runs.txt");
}

TEST(ReportGolden, Tables) {
    for (const auto& [name, runs] : {std::pair("all_runs", runs_of(all_examples())),
                                     std::pair("repeated_runs", runs_of(repeated_runs()))}) {
        const std::vector<ReportTable> tables = make_report_tables(runs);
        const std::string stem = std::string("tables_") + name;
        expect_golden(render_terminal(tables, 100), stem + ".txt");
        expect_golden(render_markdown(tables), stem + ".md");
        expect_golden(render_latex(tables), stem + ".tex");
        expect_golden(render_json(tables, std::vector<std::string>{}, 1) + "\n", stem + ".json");
        std::string csv;
        for (const ReportTable& table : tables) {
            csv += fmt::format("=== {}.csv\n{}", table.name, render_csv(table));
        }
        expect_golden(csv, stem + ".csv");
    }
}

/// A page without gnuplot, so that its version does not matter.
Result<std::string> page_of(const std::vector<Example>& examples, bool is_interactive) {
    HtmlReportOptions options;
    options.is_interactive = is_interactive;
    options.figures.gnuplot = "/finewatt/no/gnuplot";
    const auto power = [&examples](const RunRecord& run) -> Result<std::vector<PowerSeries>> {
        for (const Example& example : examples) {
            if (example.run.run_id == run.run_id) {
                return example.power;
            }
        }
        return std::vector<PowerSeries>{};
    };
    return render_html_report(runs_of(examples), power, options);
}

/// The page without scripts and their hashes, which change with the package of Chart.js.
std::string normalised(std::string page) {
    for (std::size_t at = page.find("<script>"); at != page.npos;
         at = page.find("<script>", at + 1)) {
        const std::size_t begin = at + std::string_view("<script>").size();
        page.replace(begin, page.find("</script>", begin) - begin, "SCRIPT");
    }
    for (std::size_t at = page.find("'sha256-"); at != page.npos; at = page.find("'sha256-")) {
        page.replace(at, page.find('\'', at + 1) + 1 - at, "HASH");
    }
    return page;
}

TEST(ReportGolden, PageWithoutFigures) {
    const auto page = page_of({measured_server_run()}, false);
    ASSERT_OK(page);
    expect_golden(*page, "page_measured_server_run.html");
}

TEST(ReportGolden, PageWithScripts) {
    if (report::page_scripts().empty()) {
        GTEST_SKIP() << "built without scripts (FINEWATT_WITH_WEB=OFF)";
    }
    const auto page = page_of({short_command(), hostile_run(), run_without_samples()}, true);
    ASSERT_OK(page);
    expect_golden(normalised(*page), "page_several_runs.html");
}

}  // namespace
}  // namespace finewatt::report_examples
