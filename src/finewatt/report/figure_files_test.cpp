#include "finewatt/report/figure_files.h"

#include "finewatt/testing/matchers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "example_runs.h"

namespace finewatt {
namespace {

using report_examples::Example;
using report_examples::runs_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Result<std::vector<FigureFile>> draw(const std::vector<Example>& examples, FigureFormat format) {
    const auto power = [&examples](const RunRecord& run) -> Result<std::vector<PowerSeries>> {
        for (const Example& example : examples) {
            if (example.run.run_id == run.run_id) {
                return example.power;
            }
        }
        return std::vector<PowerSeries>{};
    };
    return draw_figure_files(runs_of(examples), power, format);
}

bool has_gnuplot() {
    const auto drawn = draw_figure({"probe", 300, 200, "plot x\n", {}}, FigureFormat::kSvg, {});
    return drawn.has_value() || drawn.error().code() != ErrorCode::kUnsupported;
}

std::vector<std::string> names_of(const std::vector<FigureFile>& files) {
    std::vector<std::string> names;
    for (const FigureFile& file : files) {
        names.push_back(file.name);
    }
    return names;
}

TEST(DrawFigureFiles, OneRunHasPowerAndPhases) {
    if (!has_gnuplot()) {
        GTEST_SKIP() << "gnuplot is not installed";
    }
    ASSERT_OK_AND_ASSIGN(const auto files,
                         draw({report_examples::modelled_fine_tuning()}, FigureFormat::kSvg));
    EXPECT_THAT(names_of(files), ElementsAre("power-01KASY3V0G4Y9QXJ2N7R5T8W1Z.svg",
                                             "energy-by-phase-01KASY3V0G4Y9QXJ2N7R5T8W1Z.svg",
                                             "energy-against-tokens.svg"));
    for (const FigureFile& file : files) {
        EXPECT_THAT(file.bytes, HasSubstr("</svg>")) << file.name;
        EXPECT_FALSE(file.text_alternative.empty()) << file.name;
    }
}

TEST(DrawFigureFiles, SeveralRunsHaveFiguresOverAll) {
    if (!has_gnuplot()) {
        GTEST_SKIP() << "gnuplot is not installed";
    }
    auto examples = report_examples::repeated_runs();
    examples.resize(2);
    ASSERT_OK_AND_ASSIGN(const auto files, draw(examples, FigureFormat::kSvg));
    const std::vector<std::string> names = names_of(files);
    ASSERT_EQ(names.size(), 7U);
    EXPECT_EQ(names[4], "energy-by-component.svg");
    EXPECT_EQ(names[5], "energy-by-phase.svg");
    EXPECT_EQ(names[6], "energy-against-tokens.svg");
}

TEST(DrawFigureFiles, PngAndPdfHaveTheirSignatures) {
    if (!has_gnuplot()) {
        GTEST_SKIP() << "gnuplot is not installed";
    }
    ASSERT_OK_AND_ASSIGN(const auto png,
                         draw({report_examples::short_command()}, FigureFormat::kPng));
    EXPECT_THAT(png.at(0).bytes, StartsWith("\x89PNG\r\n"));
    ASSERT_OK_AND_ASSIGN(const auto pdf,
                         draw({report_examples::short_command()}, FigureFormat::kPdf));
    EXPECT_THAT(pdf.at(0).bytes, StartsWith("%PDF-"));
}

TEST(DrawFigureFiles, EqualRunsGiveEqualFiles) {
    if (!has_gnuplot()) {
        GTEST_SKIP() << "gnuplot is not installed";
    }
    for (const FigureFormat format : {FigureFormat::kSvg, FigureFormat::kPng, FigureFormat::kPdf}) {
        ASSERT_OK_AND_ASSIGN(const auto one, draw({report_examples::short_command()}, format));
        ASSERT_OK_AND_ASSIGN(const auto two, draw({report_examples::short_command()}, format));
        EXPECT_EQ(one.at(0).bytes == two.at(0).bytes, true) << figure_format_name(format);
    }
}

TEST(DrawFigureFiles, HostileNamesStayText) {
    if (!has_gnuplot()) {
        GTEST_SKIP() << "gnuplot is not installed";
    }
    ASSERT_OK_AND_ASSIGN(const auto files,
                         draw({report_examples::hostile_run()}, FigureFormat::kSvg));
    ASSERT_FALSE(files.empty());
    for (const FigureFile& file : files) {
        EXPECT_EQ(file.name.find_first_of("/<> ="), std::string::npos) << file.name;
        EXPECT_THAT(file.bytes, Not(HasSubstr("<script")));
    }
}

TEST(DrawFigureFiles, RunWithoutSamplesHasNone) {
    ASSERT_OK_AND_ASSIGN(const auto files,
                         draw({report_examples::run_without_samples()}, FigureFormat::kSvg));
    EXPECT_TRUE(files.empty());
}

TEST(DrawFigureFiles, MissingGnuplotIsAnErrorWithAdvice) {
    const std::vector<RunRecord> runs = runs_of({report_examples::modelled_fine_tuning()});
    const auto power = [](const RunRecord&) { return Result<std::vector<PowerSeries>>{}; };
    FigureOptions options;
    options.gnuplot = "/finewatt/no/gnuplot";
    EXPECT_ERROR(kUnsupported, draw_figure_files(runs, power, FigureFormat::kPdf, options),
                 "apt-get install gnuplot-nox");
}

}  // namespace
}  // namespace finewatt
