#include "finewatt/report/beyond_lines.h"

#include <gmock/gmock.h>

#include <utility>

namespace finewatt::report {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::pair<std::string, std::string>> lines_of(const CarbonSummary& carbon) {
    std::vector<std::pair<std::string, std::string>> lines;
    for (const LabelledText& line : beyond_lines(carbon)) {
        lines.emplace_back(line.label, line.text);
    }
    return lines;
}

TEST(BeyondLines, NothingThatNobodyAskedFor) {
    CarbonSummary carbon;
    carbon.co2_kg = 1.5;
    EXPECT_THAT(beyond_lines(carbon), IsEmpty());
}

TEST(BeyondLines, EachFigureHasItsRangeAndWhatItRestsOn) {
    CarbonSummary carbon;
    carbon.embodied_kg = 0.012;
    carbon.embodied_kg_low = 0.006;
    carbon.embodied_kg_high = 0.024;
    carbon.embodied_provenance = "assumed";
    carbon.embodied_source = "a server of its class over 4 years";
    carbon.sci = 21;
    carbon.sci_low = 14;
    carbon.sci_high = 35;
    carbon.sci_per = "1k-examples";
    carbon.water_l = 2;
    carbon.water_l_low = 1.5;
    carbon.water_l_high = 2.5;
    carbon.water_source = "given: 1.8 l/kWh on site";
    carbon.cost = 0.3;
    carbon.cost_currency = "EUR";
    carbon.cost_source = "given: 0.3 EUR per kWh";
    const std::vector<std::pair<std::string, std::string>> expected{
        {"embodied", "12 g CO2e (6 to 24 g), assumed; a server of its class over 4 years"},
        {"SCI", "21 g CO2e (14 to 35 g CO2e) per 1k-examples"},
        {"water", "2.00 l (1.50 to 2.50 l); given: 1.8 l/kWh on site"},
        {"cost", "0.3000 EUR; given: 0.3 EUR per kWh"}};
    EXPECT_EQ(lines_of(carbon), expected);
}

TEST(BeyondLines, UnknownFigureNamesItsReasonAndNeverReadsAsZero) {
    CarbonSummary carbon;
    carbon.embodied_reason = "no footprint of this accelerator";
    carbon.sci_per = "run";
    carbon.sci_reason = "the emissions are unknown";
    carbon.water_source = "the energy is unknown: no sensor";
    carbon.cost_source = "the energy is unknown: no sensor";
    const auto lines = lines_of(carbon);
    ASSERT_EQ(lines.size(), 4U);
    for (const auto& [label, text] : lines) {
        EXPECT_THAT(text, HasSubstr("unknown: ")) << label;
    }
    EXPECT_THAT(lines[0].second, HasSubstr("no footprint of this accelerator"));
}

TEST(BeyondLines, RangeWithoutWidthIsLeftAway) {
    CarbonSummary carbon;
    carbon.cost = 2;
    carbon.cost_low = 2;
    carbon.cost_high = 2;
    carbon.cost_currency = "USD";
    EXPECT_EQ(lines_of(carbon).front().second, "2.000 USD");
}

}  // namespace
}  // namespace finewatt::report
