#include "finewatt/units/quantity.h"

#include <gtest/gtest.h>

#include <concepts>

namespace finewatt {
namespace {

template <class A, class B>
concept Addable = requires(A a, B b) {
    a + b;
};

template <class A, class B>
concept Multipliable = requires(A a, B b) {
    a* b;
};

static_assert(sizeof(Joules) == sizeof(double));
static_assert(!std::convertible_to<double, Joules> && !std::convertible_to<Joules, double>);
static_assert(!Addable<Joules, Watts>, "energy plus power means nothing");
static_assert(!Addable<Joules, double>);
static_assert(!Multipliable<Joules, Joules>);
static_assert(!Multipliable<Watts, CarbonIntensity>);
static_assert(Multipliable<Watts, std::chrono::seconds>);
static_assert(Multipliable<Joules, CarbonIntensity>);

TEST(Quantity, KilowattHourIsExactlyThreePointSixMegajoules) {
    EXPECT_EQ(kwh(1).as_joules(), 3'600'000.0);
    EXPECT_EQ(joules(1'800'000).as_kwh(), 0.5);
}

TEST(Quantity, PowerTimesTimeIsEnergyAndBack) {
    const Joules energy = watts(250) * std::chrono::milliseconds(100);
    EXPECT_DOUBLE_EQ(energy.as_joules(), 25.0);
    EXPECT_DOUBLE_EQ((energy / std::chrono::milliseconds(100)).as_watts(), 250.0);
}

TEST(Quantity, PublishedPittsburghPairComesOut) {
    // 368.0 kWh at 1046.1 lb/MWh are 174.6 kg (the paper's pre-training row).
    const GramsCo2e emitted = kwh(368.0) * pounds_per_mwh(1046.1);
    EXPECT_NEAR(emitted.as_kilograms(), 174.6, 0.05);
}

}  // namespace
}  // namespace finewatt
