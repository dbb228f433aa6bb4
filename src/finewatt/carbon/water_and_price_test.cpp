#include "finewatt/carbon/water_and_price.h"

#include "finewatt/testing/matchers.h"

#include <limits>

namespace finewatt {
namespace {

using ::testing::HasSubstr;

RunRecord run_of(double pue) {
    RunRecord run;
    run.energy.energy = kwh(10);
    run.energy.energy_low = kwh(8);
    run.energy.energy_high = kwh(15);
    run.carbon = CarbonSummary{};
    run.carbon->pue = pue;
    return run;
}

TEST(Water, OnSiteCountsMachinesAndOffSiteTheFacility) {
    RunRecord run = run_of(1.5);
    ASSERT_OK(set_water(run, {1.8, 2.0}));
    EXPECT_DOUBLE_EQ(*run.carbon->water_l, 10 * 1.8 + 15 * 2.0);
    EXPECT_DOUBLE_EQ(*run.carbon->water_l_low, 8 * 1.8 + 12 * 2.0);
    EXPECT_DOUBLE_EQ(*run.carbon->water_l_high, 15 * 1.8 + 22.5 * 2.0);
    EXPECT_EQ(run.carbon->water_source, "given: 1.8 l/kWh on site, 2 l/kWh at the power plants");
}

TEST(Water, OffSiteIsLeftOutUnlessGivenAndThatIsSaid) {
    RunRecord run = run_of(1.5);
    ASSERT_OK(set_water(run, {1.8, {}}));
    EXPECT_DOUBLE_EQ(*run.carbon->water_l, 18);
    EXPECT_THAT(*run.carbon->water_source, HasSubstr("without the water of the power plants"));
}

TEST(Water, UnknownEnergyGivesNoFigure) {
    RunRecord run = run_of(1);
    run.energy = {};
    run.energy.reason = "no sensor";
    ASSERT_OK(set_water(run, {1.8, {}}));
    EXPECT_EQ(run.carbon->water_l, std::nullopt);
    EXPECT_THAT(*run.carbon->water_source, HasSubstr("no sensor"));
    ASSERT_OK(set_price(run, {0.3, "EUR"}));
    EXPECT_EQ(run.carbon->cost, std::nullopt);
    EXPECT_THAT(*run.carbon->cost_source, HasSubstr("no sensor"));
}

TEST(Water, ValuesOutOfRangeAreRefusedAndChangeNothing) {
    RunRecord run = run_of(1);
    for (const double bad : {-1.0, 1001.0, std::numeric_limits<double>::quiet_NaN()}) {
        EXPECT_ERROR(kInvalidArgument, set_water(run, {bad, {}}), "water usage effectiveness");
        EXPECT_ERROR(kInvalidArgument, set_water(run, {1, bad}), "off-site water");
    }
    EXPECT_EQ(run.carbon->water_source, std::nullopt);
    run.carbon->pue = 0.5;
    EXPECT_ERROR(kInvalidArgument, set_water(run, {1, {}}), "PUE");
}

TEST(Price, CountsTheFacilitysEnergy) {
    RunRecord run = run_of(1.5);
    ASSERT_OK(set_price(run, {0.30, "eur"}));
    EXPECT_DOUBLE_EQ(*run.carbon->cost, 4.5);
    EXPECT_DOUBLE_EQ(*run.carbon->cost_low, 3.6);
    EXPECT_DOUBLE_EQ(*run.carbon->cost_high, 6.75);
    EXPECT_EQ(run.carbon->cost_currency, "EUR");
    EXPECT_EQ(run.carbon->cost_source, "given: 0.3 EUR per kWh");
    EXPECT_DOUBLE_EQ(run.carbon->facility_energy->as_kwh(), 15);
}

TEST(Price, NegativePriceKeepsLowBelowHigh) {
    RunRecord run = run_of(1);
    ASSERT_OK(set_price(run, {-0.10, "EUR"}));
    EXPECT_DOUBLE_EQ(*run.carbon->cost, -1);
    EXPECT_DOUBLE_EQ(*run.carbon->cost_low, -1.5);
    EXPECT_DOUBLE_EQ(*run.carbon->cost_high, -0.8);
}

TEST(Price, BadPricesAndCurrenciesAreRefused) {
    RunRecord run = run_of(1);
    for (const double bad : {1e7, -1e7, std::numeric_limits<double>::infinity()}) {
        EXPECT_ERROR(kInvalidArgument, set_price(run, {bad, "EUR"}), "price: expected an amount");
    }
    for (const char* bad : {"", "E", "EURO", "E1R", "<b>"}) {
        EXPECT_ERROR(kInvalidArgument, set_price(run, {1, bad}), "three letters") << bad;
    }
    EXPECT_EQ(run.carbon->cost, std::nullopt);
}

TEST(Price, NeedsNoPlace) {
    RunRecord run = run_of(1);
    run.carbon.reset();
    run.carbon_reason = "no place named";
    ASSERT_OK(set_price(run, {1, "USD"}));
    EXPECT_DOUBLE_EQ(*run.carbon->cost, 10);
    EXPECT_EQ(run.carbon->co2_kg, std::nullopt);
    EXPECT_EQ(run.carbon->reason, "no place named");
}

}  // namespace
}  // namespace finewatt
