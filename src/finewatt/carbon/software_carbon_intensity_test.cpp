#include "finewatt/carbon/software_carbon_intensity.h"

#include "finewatt/testing/matchers.h"

#include <functional>

namespace finewatt {
namespace {

using ::testing::HasSubstr;

RunRecord complete_run() {
    RunRecord run;
    CarbonSummary carbon;
    carbon.co2_kg = 2;
    carbon.co2_kg_low = 1.5;
    carbon.co2_kg_high = 3;
    carbon.basis = "co2e";
    carbon.embodied_kg = 0.5;
    carbon.embodied_kg_low = 0.25;
    carbon.embodied_kg_high = 1;
    run.carbon = carbon;
    run.work = WorkTotals{};
    run.work->examples = 5000;
    run.work->tokens_real = 1e6;
    run.work->tokens_padded = 4e6;
    return run;
}

const CarbonSummary& with_sci(RunRecord& run, SciUnit unit) {
    set_sci(run, unit);
    return *run.carbon;
}

TEST(SciUnit, NamesAreReadAsTheyAreWritten) {
    for (const SciUnit unit : {SciUnit::kRun, SciUnit::k1kExamples, SciUnit::kMillionTokens,
                               SciUnit::kMillionTokensPadded}) {
        ASSERT_OK_AND_ASSIGN(const SciUnit back, parse_sci_unit(sci_unit_name(unit)));
        EXPECT_EQ(back, unit);
    }
    EXPECT_OK(parse_sci_unit("Million-Tokens"));
    EXPECT_ERROR(kInvalidArgument, parse_sci_unit("token"), "expected run, 1k-examples,");
}

TEST(Sci, IsOperationalPlusEmbodiedOverTheWork) {
    RunRecord run = complete_run();
    EXPECT_DOUBLE_EQ(*with_sci(run, SciUnit::kRun).sci, 2500);
    EXPECT_DOUBLE_EQ(*with_sci(run, SciUnit::k1kExamples).sci, 500);
    EXPECT_DOUBLE_EQ(*with_sci(run, SciUnit::kMillionTokens).sci, 2500);
    const CarbonSummary& padded = with_sci(run, SciUnit::kMillionTokensPadded);
    EXPECT_DOUBLE_EQ(*padded.sci, 625);
    EXPECT_DOUBLE_EQ(*padded.sci_low, 437.5);
    EXPECT_DOUBLE_EQ(*padded.sci_high, 1000);
    EXPECT_EQ(padded.sci_per, "million-tokens-padded");
    EXPECT_EQ(padded.sci_reason, std::nullopt);
}

TEST(Sci, UnknownPartsGiveAReasonAndNoFigure) {
    const auto reason = [](const std::function<void(RunRecord&)>& take_away, SciUnit unit) {
        RunRecord run = complete_run();
        take_away(run);
        set_sci(run, unit);
        EXPECT_EQ(run.carbon->sci, std::nullopt);
        EXPECT_EQ(run.carbon->sci_low, std::nullopt);
        return run.carbon->sci_reason.value_or("none");
    };
    EXPECT_THAT(reason(
                    [](RunRecord& run) {
                        run.carbon->co2_kg.reset();
                        run.carbon->reason = "no sensor";
                    },
                    SciUnit::kRun),
                HasSubstr("operational emissions are unknown: no sensor"));
    EXPECT_THAT(reason([](RunRecord& run) { run.carbon->embodied_kg.reset(); }, SciUnit::kRun),
                HasSubstr("name the server"));
    EXPECT_THAT(reason([](RunRecord& run) { run.work.reset(); }, SciUnit::k1kExamples),
                HasSubstr("did not report what 1k-examples needs"));
    EXPECT_THAT(
        reason([](RunRecord& run) { run.work->tokens_real.reset(); }, SciUnit::kMillionTokens),
        HasSubstr("million-tokens"));
    EXPECT_THAT(reason([](RunRecord& run) { run.work->examples = 0; }, SciUnit::k1kExamples),
                HasSubstr("no work was done"));
}

TEST(Sci, Co2AndCo2eAreNeverAdded) {
    RunRecord run = complete_run();
    run.carbon->basis = "co2";
    EXPECT_EQ(with_sci(run, SciUnit::kRun).sci, std::nullopt);
    EXPECT_THAT(*run.carbon->sci_reason, HasSubstr("choose the basis co2e"));
    run.carbon->basis.reset();
    EXPECT_EQ(with_sci(run, SciUnit::kRun).sci, std::nullopt);
    EXPECT_THAT(*run.carbon->sci_reason, HasSubstr("does not name"));
}

TEST(Sci, RunWithoutCarbonGetsASummaryThatSaysWhy) {
    RunRecord run;
    run.carbon_reason = "no place named";
    EXPECT_EQ(with_sci(run, SciUnit::kRun).sci, std::nullopt);
    EXPECT_THAT(*run.carbon->sci_reason, HasSubstr("no place named"));
}

}  // namespace
}  // namespace finewatt
