#include "finewatt/carbon/carbon.h"

#include "finewatt/testing/matchers.h"

namespace finewatt {
namespace {

using ::testing::HasSubstr;

EnergySummary energy_of(Joules energy) {
    EnergySummary summary;
    summary.energy = summary.energy_low = summary.energy_high = energy;
    return summary;
}

Place place(std::string_view text) {
    return parse_place(text).value();
}

CarbonOptions edition(std::string name, std::optional<CarbonBasis> basis = std::nullopt) {
    return {.edition = std::move(name), .basis = basis};
}

// The factor and the product that a third-party note reports for the paper's Pittsburgh machine.
TEST(CarbonOf, PittsburghWithEgrid2021GivesThePublishedPair) {
    ASSERT_OK_AND_ASSIGN(
        const CarbonSummary carbon,
        carbon_of(energy_of(kwh(368.0)), place("zip:15213"), edition("eGRID2021")));
    EXPECT_NEAR(carbon.co2_kg.value(), 174.6, 0.05);
    EXPECT_EQ(carbon.zone, "RFCW");
    EXPECT_EQ(carbon.edition, "eGRID2021");
    EXPECT_EQ(carbon.basis, "co2");
}

TEST(GridFactor, HaverfordWithEgrid2021Is672PoundsPerMwh) {
    ASSERT_OK_AND_ASSIGN(const GridFactor factor, grid_factor(place("zip:19041"), edition("2021")));
    EXPECT_DOUBLE_EQ(factor.intensity.as_grams_per_kwh(), pounds_per_mwh(672.8).as_grams_per_kwh());
    EXPECT_EQ(factor.zone, "RFCE");
    EXPECT_EQ(factor.provenance, "published");
}

TEST(GridFactor, NewestEditionWithTheBasisIsTheDefault) {
    ASSERT_OK_AND_ASSIGN(const GridFactor co2, grid_factor(place("subregion:RFCW"), {}));
    EXPECT_EQ(co2.edition, "eGRID2023");
    EXPECT_DOUBLE_EQ(co2.intensity.as_grams_per_kwh(), pounds_per_mwh(911.424).as_grams_per_kwh());
    ASSERT_OK_AND_ASSIGN(const GridFactor co2e,
                         grid_factor(place("subregion:RFCW"), {.basis = CarbonBasis::kCo2e}));
    EXPECT_EQ(co2e.edition, "eGRID2021");
    EXPECT_EQ(co2e.basis, "co2e");
    EXPECT_DOUBLE_EQ(co2e.intensity.as_grams_per_kwh(),
                     pounds_per_mwh(1052.540).as_grams_per_kwh());
}

TEST(GridFactor, EditionWithoutTheBasisListsThoseThatHaveIt) {
    EXPECT_ERROR(
        kNotFound, grid_factor(place("subregion:RFCW"), edition("eGRID2023", CarbonBasis::kCo2e)),
        "editions that have: eGRID2021, eGRID2020, eGRID2019, eGRID2018; with --basis co2: "
        "eGRID2023, eGRID2022, eGRID2021, eGRID2020");
    // Only four subregions' CO2 rates of eGRID2021 are known, and two from a note on the paper.
    EXPECT_ERROR(kNotFound, grid_factor(place("subregion:NEWE"), edition("eGRID2021")),
                 "edition 'eGRID2021' has no co2 rate here");
    EXPECT_ERROR(kNotFound, grid_factor(place("subregion:NYST"), {}), "try --basis co2e");
}

TEST(GridFactor, ZipInSeveralSubregionsSpansThem) {
    // EPA's table lists ZIP 15007 under RFCE and RFCW.
    ASSERT_OK_AND_ASSIGN(const GridFactor factor, grid_factor(place("zip:15007"), edition("2023")));
    EXPECT_EQ(factor.zone, "RFCE/RFCW");
    EXPECT_DOUBLE_EQ(factor.intensity_low.as_grams_per_kwh(),
                     pounds_per_mwh(596.904).as_grams_per_kwh());
    EXPECT_DOUBLE_EQ(factor.intensity_high.as_grams_per_kwh(),
                     pounds_per_mwh(911.424).as_grams_per_kwh());
    EXPECT_NEAR(factor.intensity.as_grams_per_kwh(), 0.45359237 * (596.904 + 911.424) / 2, 1e-9);
    EXPECT_EQ(factor.provenance, "derived");
}

TEST(GridFactor, UnknownPlacesListNearMatches) {
    EXPECT_ERROR(kNotFound, grid_factor(place("zip:15200"), {}), "near matches: 15201, 15202");
    EXPECT_ERROR(kNotFound, grid_factor(place("subregion:RFCX"), {}), "RFCW (RFC West)");
    EXPECT_ERROR(kNotFound, grid_factor(place("country:FRX"), {}), "FRA (France)");
    EXPECT_ERROR(kNotFound, grid_factor(place("country:Germany"), {}), "DEU (Germany)");
    EXPECT_ERROR(kNotFound, grid_factor(place("country:Q"), {}), "expected a code such as FRA");
}

TEST(GridFactor, CountryIsKnownByBothCodes) {
    ASSERT_OK_AND_ASSIGN(const GridFactor by_three, grid_factor(place("country:zaf"), {}));
    ASSERT_OK_AND_ASSIGN(const GridFactor by_two, grid_factor(place("country:ZA"), {}));
    EXPECT_EQ(by_three.intensity.as_grams_per_kwh(), 707.6856);
    EXPECT_EQ(by_two.intensity, by_three.intensity);
    EXPECT_EQ(by_three.zone, "ZAF");
    EXPECT_EQ(by_three.edition, "Ember 2023");
    EXPECT_EQ(by_three.basis, "co2e");
}

TEST(GridFactor, CountryTableRefusesWhatItDoesNotHave) {
    EXPECT_ERROR(kInvalidArgument, grid_factor(place("country:ZAF"), {.basis = CarbonBasis::kCo2}),
                 "co2e only");
    EXPECT_ERROR(kNotFound, grid_factor(place("country:ZAF"), edition("2019")),
                 "editions that have it: Ember 2023");
}

TEST(GridFactor, GivenIntensityHasNoZoneAndOnlyTheStatedBasis) {
    ASSERT_OK_AND_ASSIGN(const GridFactor factor, grid_factor(place("intensity:474.5"), {}));
    EXPECT_EQ(factor.intensity.as_grams_per_kwh(), 474.5);
    EXPECT_FALSE(factor.zone || factor.edition || factor.basis);
    EXPECT_ERROR(kInvalidArgument, grid_factor(place("intensity:474.5"), edition("2021")),
                 "leave --edition away");
}

TEST(GridFactor, HostileEditionIsRefusedWithoutAnEcho) {
    for (const std::string& text : {std::string("\x1b[31meGRID2021"), std::string("eGRID\n2021"),
                                    std::string(100'000, 'e'), std::string()}) {
        const auto factor = grid_factor(place("zip:15213"), edition(text));
        ASSERT_FALSE(factor.has_value());
        EXPECT_THAT(factor.error().describe(), HasSubstr("such as eGRID2021"));
        EXPECT_LT(factor.error().describe().size(), 200U);
    }
}

TEST(GridFactor, PueBelowOneOrAboveTenIsRefused) {
    for (const double pue : {0.99, 0.0, -1.0, 10.1, 150.0, std::numeric_limits<double>::quiet_NaN(),
                             std::numeric_limits<double>::infinity()}) {
        EXPECT_ERROR(kInvalidArgument, grid_factor(place("zip:15213"), {.pue = pue}),
                     "PUE: expected a number from 1 to 10");
    }
    ASSERT_OK(grid_factor(place("zip:15213"), {.pue = 10}));
}

TEST(CarbonOf, BoundsAreEnergyBoundsTimesIntensityBounds) {
    EnergySummary energy;
    energy.energy_low = kwh(1);
    energy.energy = kwh(2);
    energy.energy_high = kwh(3);
    CarbonOptions options = edition("2023");
    options.pue = 1.5;
    ASSERT_OK_AND_ASSIGN(const CarbonSummary carbon,
                         carbon_of(energy, place("zip:15007"), options));
    EXPECT_NEAR(carbon.co2_kg_low.value(), 1 * 1.5 * 596.904 * 0.45359237e-3, 1e-12);
    EXPECT_NEAR(carbon.co2_kg_high.value(), 3 * 1.5 * 911.424 * 0.45359237e-3, 1e-12);
    EXPECT_DOUBLE_EQ(carbon.intensity_low->as_grams_per_kwh(), 596.904 * 0.45359237);
    EXPECT_DOUBLE_EQ(carbon.intensity_high->as_grams_per_kwh(), 911.424 * 0.45359237);
    EXPECT_EQ(carbon.intensity_kind, "average");
    EXPECT_DOUBLE_EQ(carbon.facility_energy->as_kwh(), 3);
    EXPECT_GT(carbon.co2_kg.value(), carbon.co2_kg_low.value());
    EXPECT_LT(carbon.co2_kg.value(), carbon.co2_kg_high.value());
}

TEST(CarbonOf, UnknownEnergyGivesUnknownCarbonWithTheReason) {
    EnergySummary energy;
    energy.reason = "no sensor may be read";
    ASSERT_OK_AND_ASSIGN(const CarbonSummary carbon, carbon_of(energy, place("country:FRA"), {}));
    EXPECT_FALSE(carbon.co2_kg || carbon.co2_kg_low || carbon.co2_kg_high);
    EXPECT_EQ(carbon.reason, "the energy is unknown: no sensor may be read");
    EXPECT_TRUE(carbon.intensity.has_value());
}

TEST(SetCarbon, WithoutAPlaceTheRunSaysHowToNameOne) {
    RunRecord run;
    run.energy = energy_of(joules(5));
    ASSERT_OK(set_carbon(run, std::nullopt, {}));
    EXPECT_FALSE(run.carbon.has_value());
    EXPECT_THAT(run.carbon_reason.value(), HasSubstr("--place zip:"));
}

TEST(SetCarbon, WithAPlaceTheReasonIsGone) {
    RunRecord run;
    run.energy = energy_of(joules(5));
    run.carbon_reason = "an earlier one";
    ASSERT_OK(set_carbon(run, place("country:FRA"), {}));
    EXPECT_TRUE(run.carbon->co2_kg.has_value());
    EXPECT_FALSE(run.carbon_reason.has_value());
}

TEST(CarbonBasis, IsReadInAnyCaseAndNothingElse) {
    EXPECT_EQ(parse_carbon_basis("CO2e").value(), CarbonBasis::kCo2e);
    EXPECT_EQ(parse_carbon_basis("co2").value(), CarbonBasis::kCo2);
    EXPECT_ERROR(kInvalidArgument, parse_carbon_basis("co2eq"), "expected co2 or co2e");
}

}  // namespace
}  // namespace finewatt
