#include "finewatt/report/summary.h"

#include "finewatt/report/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "example_runs.h"

namespace finewatt {
namespace {

using report_examples::Example;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Summary, EmptyRecordShowsReasonsAndNoZero) {
    const std::string text = render_summary(RunRecord{});
    EXPECT_THAT(text, HasSubstr("unknown: no reason was recorded"));
    EXPECT_THAT(text, HasSubstr("emissions             unknown"));
    EXPECT_THAT(text, Not(HasSubstr(" 0 ")));
    EXPECT_THAT(text, Not(HasSubstr("0 J")));
}

TEST(Summary, KnownLowerBoundOfAnUnknownTotalIsKept) {
    RunRecord run;
    run.energy.reason = "more than one wrap possible";
    run.energy.energy_low = joules(18'467);
    EXPECT_THAT(render_summary(run),
                HasSubstr("unknown: more than one wrap possible (at least 18.47 kJ)"));
}

TEST(Summary, EnergyThatIsNotANumberIsUnknown) {
    RunRecord run;
    run.energy.energy = joules(std::nan(""));
    run.energy.reason = "overflow";
    EXPECT_THAT(render_summary(run), HasSubstr("unknown: overflow"));
}

TEST(Summary, LinesFitTheTerminal) {
    const SummaryOptions options{80, false};
    for (const Example& example :
         {report_examples::modelled_fine_tuning(), report_examples::short_command()}) {
        std::istringstream lines(render_summary(example.run, options));
        for (std::string line; std::getline(lines, line);) {
            EXPECT_LE(display_width(line), 80U) << example.name << ": " << line;
        }
    }
}

TEST(Summary, EscapesInNamesDoNotReachTheTerminal) {
    const std::string text = render_summary(report_examples::hostile_run().run);
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(text, Not(HasSubstr("\a")));
}

TEST(Summary, ColourOnlyOnRequest) {
    const RunRecord run = report_examples::short_command().run;
    EXPECT_THAT(render_summary(run), Not(HasSubstr("\x1b")));
    EXPECT_THAT(render_summary(run, {100, true}), HasSubstr("\x1b[32mcomplete\x1b[0m"));
}

TEST(Summary, PaddingThatWasSavedIsShown) {
    RunRecord run;
    run.work = WorkTotals{};
    run.work->tokens_real = 600;
    run.work->tokens_padded = 750;
    run.work->tokens_padded_would_be = 1000;
    const std::string text = render_summary(run);
    EXPECT_THAT(text, HasSubstr("750 (20.0 % padding)"));
    EXPECT_THAT(text, HasSubstr("1,000 (25.0 % of them saved)"));
}

}  // namespace
}  // namespace finewatt
