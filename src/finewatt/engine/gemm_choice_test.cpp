#include "finewatt/engine/gemm_choice.h"

#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

namespace finewatt {
namespace {

TEST(GemmChoice, MeasurementOverrulesOnlyByAWideMargin) {
    const auto aten = GemmProvider::kAten;
    const auto onednn = GemmProvider::kOneDnn;
    EXPECT_EQ(decide_provider(aten, {100, 149}), aten);
    EXPECT_EQ(decide_provider(aten, {100, 151}), onednn);
    EXPECT_EQ(decide_provider(onednn, {149, 100}), onednn);
    EXPECT_EQ(decide_provider(onednn, {151, 100}), aten);
}

TEST(GemmChoice, AmdTakesOneDnnButForWeightGradients) {
    EXPECT_EQ(default_provider(GemmDirection::kForward, true), GemmProvider::kOneDnn);
    EXPECT_EQ(default_provider(GemmDirection::kInputGradient, true), GemmProvider::kOneDnn);
    EXPECT_EQ(default_provider(GemmDirection::kWeightGradient, true), GemmProvider::kAten);
    EXPECT_EQ(default_provider(GemmDirection::kForward, false), GemmProvider::kAten);
}

TEST(GemmChoice, SettingIsOneOfThreeWords) {
    ASSERT_OK_AND_ASSIGN(const GemmSetting by_default, parse_gemm_setting(""));
    EXPECT_EQ(by_default, GemmSetting::kAuto);
    ASSERT_OK_AND_ASSIGN(const GemmSetting onednn, parse_gemm_setting("onednn"));
    EXPECT_EQ(onednn, GemmSetting::kOneDnn);
    EXPECT_ERROR(kInvalidArgument, parse_gemm_setting("mkl"), "auto, aten or onednn, found 'mkl'");
}

TEST(GemmChoice, DescriptionNamesProviderAndRates) {
    GemmChoices choices;
    choices.at(GemmDirection::kForward, GemmSize::kFewRows) = {GemmProvider::kOneDnn,
                                                               GemmRates{64.2, 98.4}};
    const std::string text = describe(choices);
    EXPECT_THAT(text, ::testing::HasSubstr(
                          "forward, few rows: onednn (GFLOP/s: aten 64, onednn 98); forward, many "
                          "rows: aten;"));
    EXPECT_EQ(provider_names(choices), "onednn aten aten aten aten aten");
}

}  // namespace
}  // namespace finewatt
