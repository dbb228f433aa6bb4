#include "finewatt/exchange/model_card.h"

#include "finewatt/exchange/sample_runs_internal.h"
#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace finewatt {
namespace {

using exchange::kHostileTexts;
using exchange::sample_run;
using exchange::unknown_run;

std::string block() {
    return model_card_block(sample_run(), {}).value();
}

Result<std::string> update(std::string_view readme) {
    return update_model_card(readme, sample_run(), {});
}

TEST(ModelCardBlock, EmissionsAreGrams) {
    EXPECT_EQ(block(),
              "co2_eq_emissions:\n"
              "  emissions: 5.2195\n"
              "  source: \"finewatt 0.1.0: energy measured, range 5.12 to 5.32 g, 0.01000 kWh, "
              "474.5 g/kWh of eGRID2021 (CO2 alone), PUE 1.1\"\n"
              "  training_type: \"fine-tuning\"\n"
              "  geographical_location: \"United States, grid zone RFCW\"\n"
              "  hardware_used: \"2 x NVIDIA A40, 2 x Intel(R) Xeon(R) Gold 6226R CPU @ "
              "2.90GHz\"\n");
}

TEST(ModelCardBlock, SmallAndLargeFiguresHaveNoExponent) {
    for (const double grams : {1e-7, 3.2e-5, 1e9}) {
        RunRecord run = sample_run();
        run.carbon->co2_kg = grams / 1000;
        ASSERT_OK_AND_ASSIGN(const std::string text, model_card_block(run, {}));
        const std::string line = text.substr(0, text.find("  source"));
        EXPECT_EQ(line.substr(line.find("emissions: ")).find('e', 11), std::string::npos) << line;
    }
}

TEST(ModelCardBlock, UnknownEmissionsAreRefusedWithTheReason) {
    EXPECT_ERROR(kInvalidArgument, model_card_block(unknown_run(), {}),
                 "found none: the place is not known; name the place");
    RunRecord run = sample_run();
    run.carbon->co2_kg.reset();
    run.carbon->reason = "the energy is unknown";
    EXPECT_ERROR(kInvalidArgument, model_card_block(run, {}), "the energy is unknown");
}

TEST(ModelCardBlock, InferenceIsNoTraining) {
    RunRecord run = sample_run();
    run.kind = "inference";
    EXPECT_ERROR(kInvalidArgument, model_card_block(run, {}), "found an inference");
    EXPECT_OK(model_card_block(run, {.training_type = "distillation by inference"}));
}

TEST(ModelCardBlock, CommandHasNoTrainingTypeUnlessItIsGiven) {
    RunRecord run = sample_run();
    run.kind = "command";
    EXPECT_EQ(model_card_block(run, {}).value().find("training_type"), std::string::npos);
    EXPECT_NE(model_card_block(run, {.training_type = "pre-training"}).value().find("pre-training"),
              std::string::npos);
}

TEST(ModelCardBlock, HostileTextsStayOnTheirLine) {
    for (const std::string_view text : kHostileTexts) {
        RunRecord run = exchange::hostile_run(text);
        ASSERT_OK_AND_ASSIGN(const std::string card, model_card_block(run, {}));
        EXPECT_LE(std::count(card.begin(), card.end(), '\n'), 6) << card;
        EXPECT_EQ(card.find('\x1b'), std::string::npos);
    }
}

TEST(UpdateModelCard, NewKeyIsAddedAndTheRestStays) {
    ASSERT_OK_AND_ASSIGN(const std::string card,
                         update("---\nlicense: mit\ntags:\n- bert\n---\n# Title\n\ntext\n"));
    EXPECT_EQ(card, "---\nlicense: mit\ntags:\n- bert\n" + block() + "---\n# Title\n\ntext\n");
}

TEST(UpdateModelCard, OldMapIsReplacedWhereItStands) {
    ASSERT_OK_AND_ASSIGN(const std::string card,
                         update("---\nlicense: mit # really\n"
                                "co2_eq_emissions:\n  emissions: 1\n\n  source: x\n"
                                "\n# a comment on what follows\nlanguage: en\n---\nbody\n"));
    EXPECT_EQ(card, "---\nlicense: mit # really\n" + block() +
                        "\n# a comment on what follows\nlanguage: en\n---\nbody\n");
}

TEST(UpdateModelCard, OldNumberOrFlowMapIsReplaced) {
    for (const std::string old :
         {"co2_eq_emissions: 12.5\n", "co2_eq_emissions: {emissions: 1, source: x}\n",
          "\"co2_eq_emissions\": 12\n", "co2_eq_emissions : 12 # kg?\n"}) {
        ASSERT_OK_AND_ASSIGN(const std::string card, update("---\na: 1\n" + old + "b: 2\n---\n"));
        EXPECT_EQ(card, "---\na: 1\n" + block() + "b: 2\n---\n") << old;
    }
}

TEST(UpdateModelCard, ReplacingAgainChangesNothing) {
    ASSERT_OK_AND_ASSIGN(const std::string once, update("---\na: 1\n---\nbody\n"));
    ASSERT_OK_AND_ASSIGN(const std::string twice, update(once));
    EXPECT_EQ(once, twice);
}

TEST(UpdateModelCard, KeyInsideAnotherValueIsLeftAlone) {
    const std::string card =
        "---\nwidget:\n  text: |\n    co2_eq_emissions: 5\nco2_eq_emissions_note: x\n---\n"
        "co2_eq_emissions: 5\n";
    ASSERT_OK_AND_ASSIGN(const std::string updated, update(card));
    EXPECT_EQ(updated,
              "---\nwidget:\n  text: |\n    co2_eq_emissions: 5\n"
              "co2_eq_emissions_note: x\n" +
                  block() + "---\nco2_eq_emissions: 5\n");
}

TEST(UpdateModelCard, CrlfAndByteOrderMarkAreKept) {
    ASSERT_OK_AND_ASSIGN(const std::string card,
                         update("\xEF\xBB\xBF---\r\na: 1\r\n---\r\nbody\r\n"));
    EXPECT_TRUE(card.starts_with("\xEF\xBB\xBF---\r\na: 1\r\nco2_eq_emissions:\r\n"));
    EXPECT_EQ(std::count(card.begin(), card.end(), '\n'),
              std::count(card.begin(), card.end(), '\r'));
}

TEST(UpdateModelCard, TextWithoutFrontMatterGetsOne) {
    ASSERT_OK_AND_ASSIGN(const std::string card, update("# Title\n---\nno front matter\n"));
    EXPECT_EQ(card, "---\n" + block() + "---\n\n# Title\n---\nno front matter\n");
    EXPECT_EQ(update("").value(), "---\n" + block() + "---\n\n");
}

TEST(UpdateModelCard, WhatCannotBeReplacedSafelyIsRefusedWithItsLine) {
    EXPECT_ERROR(kCorrupt, update("---\na: 1\nbody\n"), "is not closed");
    EXPECT_ERROR(kCorrupt, update("---\nco2_eq_emissions: 1\nco2_eq_emissions: 2\n---\n"),
                 "line 3: expected co2_eq_emissions once");
    EXPECT_ERROR(kCorrupt, update("---\nco2_eq_emissions: {emissions: 1,\n  source: x}\n---\n"),
                 "line 2");
    EXPECT_ERROR(kCorrupt, update("---\nco2_eq_emissions: &co2\n  emissions: 1\n---\n"), "line 2");
    EXPECT_ERROR(kCorrupt, update("---\nco2_eq_emissions:\n- 1\n---\n"), "found a list");
}

}  // namespace
}  // namespace finewatt
