#include "finewatt/report/format.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace finewatt {
namespace {

struct EnergyRow {
    double best;
    std::optional<double> low;
    std::optional<double> high;
    std::string_view text;
};

TEST(FormatEnergy, ShowsNoMoreDigitsThanTheRangeDeserves) {
    const EnergyRow rows[] = {
        {12345, {}, {}, "12.35 kJ"},
        {12345, 6100, 18500, "12.3 kJ (6.1 to 18.5 kJ)"},
        {12345, 12300, 12400, "12.345 kJ (12.300 to 12.400 kJ)"},
        {123456, 62000, 185000, "123 kJ (62 to 185 kJ)"},
        {1234567.89, 1234567.88, 1234567.90, "1.23457 MJ (range below the last digit)"},
        {120000, 119998, 120002, "120.000 kJ (119.998 to 120.002 kJ)"},
        {82.4, 82.3, 82.5, "82.40 J (82.30 to 82.50 J)"},
        {0.000061, {}, {}, "61.00 µJ"},
        {999.96, {}, {}, "1.000 kJ"},
        {999.94, {}, {}, "999.9 J"},
        {999.96, 500, 1500, "1.0 kJ (0.5 to 1.5 kJ)"},
        {12, 6, 100000, "12 J (6 to 100,000 J)"},
        {0, {}, {}, "0 J"},
        {0, 0, 12, "0 J (0 to 12 J)"},
        {-12, {}, {}, "-12.00 J"},
        {8.64e9, 4.3e9, 1.3e10, "8.6 GJ (4.3 to 13.0 GJ)"},
        {3.6e15, {}, {}, "3,600 TJ"},
        {std::nan(""), {}, {}, "unknown: not a number"},
        {std::numeric_limits<double>::infinity(), 1, 2, "unknown: not a number"},
    };
    for (const EnergyRow& row : rows) {
        const auto as_joules = [](std::optional<double> j) {
            return j ? std::optional<Joules>(joules(*j)) : std::nullopt;
        };
        EXPECT_EQ(format_energy(joules(row.best), as_joules(row.low), as_joules(row.high)),
                  row.text)
            << "best " << row.best;
    }
}

TEST(FormatEnergy, BestAndRangeAreThePartsOfTheWhole) {
    EXPECT_EQ(format_energy_best(joules(12345), joules(6100), joules(18500)), "12.3 kJ");
    EXPECT_EQ(format_energy_range(joules(12345), joules(6100), joules(18500)), "6.1 to 18.5 kJ");
    EXPECT_EQ(format_energy_range(joules(12345), {}, {}), "range unknown");
}

TEST(FormatEnergy, HalfARangeIsNoRange) {
    EXPECT_EQ(format_energy(joules(12345), joules(6100), {}), "12.35 kJ");
}

TEST(FormatKwh, KeepsTheUnitForSmallRuns) {
    EXPECT_EQ(format_kwh(kwh(1.5), {}, {}), "1.500 kWh");
    EXPECT_EQ(format_kwh(joules(12345), joules(6100), joules(18500)),
              "0.0034 kWh (0.0017 to 0.0051 kWh)");
    EXPECT_EQ(format_kwh(joules(80), joules(40), joules(120)),
              "0.000022 kWh (0.000011 to 0.000033 kWh)");
    EXPECT_EQ(format_kwh(joules(0.0001), {}, {}), "2.8e-11 kWh");
}

TEST(FormatPower, TakesTheDigitsOfTheEnergy) {
    EXPECT_EQ(format_power(watts(61.234), {12345, 6100, 18500}), "61 W");
    EXPECT_EQ(format_power(watts(61.234), {12345, 12300, 12400}), "61.23 W");
    EXPECT_EQ(format_power(watts(1500), {}), "1.500 kW");
    EXPECT_EQ(format_power(watts(0), {}), "0 W");
    EXPECT_EQ(format_power(watts(std::nan("")), {}), "unknown: not a number");
}

TEST(FormatCo2, PicksGramsForSmallRuns) {
    EXPECT_EQ(format_co2_kg({0.0016, 0.0008, 0.0024}, "CO2e"), "1.60 g CO2e (0.80 to 2.40 g)");
    EXPECT_EQ(format_co2_kg({626, {}, {}}, "CO2"), "626.0 kg CO2");
    EXPECT_EQ(format_co2_kg({0, {}, {}}, "CO2"), "0 kg CO2");
}

struct DurationRow {
    double seconds;
    std::string_view text;
};

TEST(FormatDuration, UsesTheUnitsAPersonWould) {
    const DurationRow rows[] = {
        {0, "0 s"},
        {0.0000123, "0.0123 ms"},
        {0.342, "342 ms"},
        {0.9996, "1.00 s"},
        {2.434, "2.43 s"},
        {59.94, "59.9 s"},
        {59.96, "1 min 0 s"},
        {112.4, "1 min 52 s"},
        {3599.6, "1 h 0 min"},
        {11'100, "3 h 5 min"},
        {86'399, "1 d 0 h"},
        {28 * 86'400 + 3 * 3600, "28 d 3 h"},
        {-1, "unknown: not a duration"},
        {std::nan(""), "unknown: not a duration"},
    };
    for (const DurationRow& row : rows) {
        EXPECT_EQ(format_duration(row.seconds), row.text) << row.seconds << " s";
    }
}

TEST(FormatNumber, SeparatesThousands) {
    EXPECT_EQ(format_count(1234567), "1,234,567");
    EXPECT_EQ(format_count(-1234), "-1,234");
    EXPECT_EQ(format_count(999), "999");
    EXPECT_EQ(format_number(4567.8, 4), "4,568");
    EXPECT_EQ(format_number(0.05623, 3), "0.0562");
    EXPECT_EQ(format_number(9.996, 3), "10.0");
    EXPECT_EQ(format_count(std::nan("")), "unknown: not a number");
}

TEST(FormatSi, PicksThePrefix) {
    EXPECT_EQ(format_si(1.2345e15, "FLOP"), "1.23 PFLOP");
    EXPECT_EQ(format_si(999'999, "FLOP"), "1.00 MFLOP");
    EXPECT_EQ(format_si(12, "FLOP"), "12.0 FLOP");
}

TEST(FormatWithRange, WorksWithoutAUnit) {
    EXPECT_EQ(format_with_range({1.12, 1.08, 1.16}, ""), "1.120 (1.080 to 1.160)");
}

TEST(FormatShare, IsInPercent) {
    EXPECT_EQ(format_share(0.3612), "36.1 %");
    EXPECT_EQ(format_share(-0.0001), "0.0 %");
}

TEST(FormatUnknown, CarriesAReasonThatCannotSteerATerminal) {
    EXPECT_EQ(format_unknown("no counter"), "unknown: no counter");
    EXPECT_EQ(format_unknown(std::nullopt), "unknown: no reason was recorded");
    EXPECT_EQ(format_unknown("\x1b[2Jgone"), "unknown: \xEF\xBF\xBD[2Jgone");
}

}  // namespace
}  // namespace finewatt
