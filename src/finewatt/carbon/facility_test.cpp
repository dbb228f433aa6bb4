#include "finewatt/carbon/facility.h"

#include "finewatt/testing/matchers.h"

#include <limits>
#include <type_traits>

namespace finewatt {
namespace {

// A facility's energy is no energy of machines: the PUE cannot be applied twice.
template <class Energy>
constexpr bool kTakesPue = std::is_invocable_v<decltype(&facility), Energy, Pue>;
static_assert(kTakesPue<Joules>);
static_assert(!kTakesPue<FacilityEnergy>);
static_assert(!std::is_convertible_v<FacilityEnergy, Joules>);
static_assert(!std::is_convertible_v<double, Pue>);

TEST(Pue, RatiosBelowOneOrAbsurdAreRefused) {
    EXPECT_OK(Pue::of(1));
    EXPECT_OK(Pue::of(10));
    for (const double bad : {0.0, 0.99, -1.2, 10.1, 158.0, std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN()}) {
        EXPECT_ERROR(kInvalidArgument, Pue::of(bad), "PUE: expected a number from 1 to 10") << bad;
    }
}

TEST(FacilityEnergy, IsTheMachinesEnergyTimesThePue) {
    ASSERT_OK_AND_ASSIGN(const Pue pue, Pue::of(1.58));
    EXPECT_DOUBLE_EQ(facility(kwh(2), pue).total().as_kwh(), 3.16);
}

TEST(FacilityEnergy, UnknownEndsOfARangeStayUnknown) {
    CarbonSummary carbon;
    carbon.pue = 2;
    EnergySummary energy;
    energy.energy = kwh(1);
    energy.energy_high = kwh(1.5);
    ASSERT_OK(set_facility_energy(carbon, energy));
    EXPECT_DOUBLE_EQ(carbon.facility_energy->as_kwh(), 2);
    EXPECT_EQ(carbon.facility_energy_low, std::nullopt);
    EXPECT_DOUBLE_EQ(carbon.facility_energy_high->as_kwh(), 3);
    ASSERT_OK(set_facility_energy(carbon, EnergySummary{}));
    EXPECT_EQ(carbon.facility_energy, std::nullopt);
}

}  // namespace
}  // namespace finewatt
