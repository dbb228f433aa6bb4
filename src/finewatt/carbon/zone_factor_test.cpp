#include "finewatt/carbon/carbon.h"
#include "finewatt/testing/matchers.h"

namespace finewatt {
namespace {

using ::testing::HasSubstr;

GridFactor factor_of(std::string_view place, const CarbonOptions& options = {}) {
    Result<GridFactor> factor = grid_factor(parse_place(place).value(), options);
    if (!factor) {
        ADD_FAILURE() << place << ": " << factor.error().describe();
        return {};
    }
    return *std::move(factor);
}

Result<GridFactor> attempt(std::string_view place, const CarbonOptions& options = {}) {
    return grid_factor(parse_place(place).value(), options);
}

double grams(CarbonIntensity intensity) {
    return intensity.as_grams_per_kwh();
}

TEST(StateFactor, NewestEgridIsTheDefaultAndItsSubregionsSpanTheRange) {
    const GridFactor factor = factor_of("state:PA");
    EXPECT_EQ(factor.edition, "eGRID2021");
    EXPECT_EQ(factor.basis, "co2e");
    EXPECT_EQ(factor.zone, "PA");
    EXPECT_DOUBLE_EQ(grams(factor.intensity), 729.637 * 0.45359237);
    // RFCE and RFCW in eGRID2021, CO2e.
    EXPECT_NEAR(grams(factor.intensity_low), 676.0 * 0.45359237, 0.1);
    EXPECT_DOUBLE_EQ(grams(factor.intensity_high), 1052.540 * 0.45359237);
    EXPECT_THAT(factor.source, HasSubstr("the range spans RFCE 306.6 g/kWh (data-explorer)"));
}

TEST(StateFactor, CodeCarbonsOldFactorIsAnEditionOfItsOwn) {
    const GridFactor factor = factor_of("state:PA", {.edition = "CodeCarbon eGRID2016"});
    EXPECT_DOUBLE_EQ(grams(factor.intensity), 855.444 * 0.45359237);
    EXPECT_EQ(factor.intensity_low, factor.intensity_high);  // no subregion rates of 2016 are known
    EXPECT_EQ(factor_of("state:PA", {.edition = "2016"}).intensity, factor.intensity);
    EXPECT_EQ(factor_of("state:PA", {.edition = "codecarbonegrid2016"}).intensity,
              factor.intensity);
}

TEST(StateFactor, UnknownStatesAndEditionsAreNamed) {
    EXPECT_ERROR(kNotFound, attempt("state:PX"), "near matches: ");
    EXPECT_ERROR(kNotFound, attempt("state:Pensylvania"), "PA (Pennsylvania)");
    EXPECT_ERROR(kNotFound, attempt("state:PA", {.edition = "eGRID2023"}),
                 "editions that have it: eGRID2021, eGRID2020, eGRID2019, eGRID2018, CodeCarbon "
                 "eGRID2016");
    EXPECT_ERROR(kInvalidArgument, attempt("state:PA", {.basis = CarbonBasis::kCo2}), "co2e only");
    // Puerto Rico is not in CodeCarbon's table.
    EXPECT_ERROR(kNotFound, attempt("state:PR", {.edition = "2016"}), "eGRID2018");
}

TEST(CountryFactor, OtherSourcesOfTheSameYearsSpanTheRange) {
    const GridFactor factor = factor_of("country:DEU");
    EXPECT_EQ(factor.edition, "Ember 2023");
    EXPECT_DOUBLE_EQ(grams(factor.intensity), 380.95047);
    EXPECT_EQ(grams(factor.intensity_low), 301);  // EEA 2020
    EXPECT_EQ(factor.intensity_high, factor.intensity);
    EXPECT_THAT(factor.source, HasSubstr("the range spans EEA 2020 301 g/kWh"));
}

TEST(CountryFactor, TwoLettersFindTheSameTablesAsThree) {
    const GridFactor three = factor_of("country:DEU");
    const GridFactor two = factor_of("country:DE");
    EXPECT_EQ(two.intensity_low, three.intensity_low);
    EXPECT_EQ(two.source, three.source);
    EXPECT_EQ(factor_of("country:DE", {.edition = "EEA 2010"}).intensity,
              factor_of("country:DEU", {.edition = "EEA 2010"}).intensity);
}

TEST(CountryFactor, SourcesOfOtherTimesDoNotSpanTheRange) {
    const GridFactor factor = factor_of("country:DEU", {.edition = "EEA 2010"});
    EXPECT_EQ(factor.edition, "EEA 2010");
    EXPECT_EQ(factor.intensity_low, factor.intensity);
    EXPECT_EQ(factor.intensity_high, factor.intensity);
}

TEST(CountryFactor, EuropeanYearsAreFoundByYear) {
    EXPECT_EQ(grams(factor_of("country:AUT", {.edition = "2000"}).intensity), 158);
    EXPECT_EQ(grams(factor_of("country:AT", {.edition = "Ember"}).intensity),
              grams(factor_of("country:AUT").intensity));
    EXPECT_EQ(factor_of("country:POL", {.edition = "EEA"}).edition, "EEA 2020");
    EXPECT_ERROR(kNotFound, attempt("country:AUT", {.edition = "EEA 1999"}),
                 "editions that have it: Ember 2023, EEA 2020, EEA 2019");
}

TEST(CountryFactor, CountryWithOneSourceHasNoRange) {
    const GridFactor factor = factor_of("country:KOR");
    EXPECT_EQ(factor.intensity_low, factor.intensity);
    EXPECT_EQ(factor.intensity_high, factor.intensity);
}

TEST(CountryFactor, ZeroOfTheOriginIsNoFigure) {
    EXPECT_ERROR(kNotFound, attempt("country:CAF"), "is not in the tables");
}

TEST(RegionFactor, CanadianProvinceIsDerivedFromItsMix) {
    // Ontario 2023: shares times intensities, over the shares whose intensity is known.
    const double known = 8.6 + 50.1 + 0.1 + 5.2 + 11.7 + 23.4;
    const double sum = 8.6 * 743 + 50.1 * 29 + 0.1 * 816 + 5.2 * 48 + 11.7 * 26 + 23.4 * 26;
    const GridFactor factor = factor_of("region:CA-ON");
    EXPECT_EQ(factor.edition, "Canada mix 2023");
    EXPECT_EQ(factor.provenance, "derived");
    EXPECT_THAT(factor.source, HasSubstr("derived"));
    EXPECT_NEAR(grams(factor.intensity), sum / known, 1e-3);  // the table has six digits
    // Biomass (1.0 of 100.1) as nothing, and as coal.
    EXPECT_NEAR(grams(factor.intensity_low), sum / 100.1, 1e-3);
    EXPECT_NEAR(grams(factor.intensity_high), (sum + 1.0 * 995) / 100.1, 1e-3);
    EXPECT_EQ(factor_of("region:CA-ON", {.edition = "2016"}).edition, "Canada mix 2016");
}

TEST(RegionFactor, NordicZonesAndTheUnionAreKnown) {
    EXPECT_EQ(grams(factor_of("region:SE3").intensity), 18);
    EXPECT_EQ(factor_of("region:SE-SE3").zone, "SE3");
    EXPECT_EQ(factor_of("region:NO1").edition, "ENTSO-E 2024");
    EXPECT_EQ(grams(factor_of("region:EU-27").intensity), 226);
    EXPECT_EQ(grams(factor_of("region:EU-27", {.edition = "EEA 2000"}).intensity), 399);
}

TEST(RegionFactor, UnknownRegionsListNearMatches) {
    EXPECT_ERROR(kNotFound, attempt("region:CA-OM"), "CA-ON (Ontario)");
    EXPECT_ERROR(kNotFound, attempt("region:quebeck"), "CA-QC (Quebec)");
    EXPECT_ERROR(kNotFound, attempt("region:SE9"), "SE3 (Sweden SE3 (Stockholm))");
    EXPECT_ERROR(kNotFound, attempt("region:Atlantis"), "`finewatt carbon places`");
}

TEST(CloudFactor, GooglesNewTableGoesBeforeTheOldOne) {
    const GridFactor factor = factor_of("cloud:gcp/us-central1");
    EXPECT_EQ(grams(factor.intensity), 430);
    EXPECT_EQ(factor.edition, "Google 2023");
    EXPECT_EQ(factor.zone, "gcp/us-central1");
    const GridFactor old = factor_of("cloud:gcp/us-central1", {.edition = "mlco2"});
    EXPECT_EQ(grams(old.intensity), 566.3);
    EXPECT_EQ(factor_of("cloud:aws/us-east-1").edition, "mlco2");
    EXPECT_EQ(grams(factor_of("cloud:gcp/me-central1").intensity), 575);
}

TEST(CloudFactor, RegionWithoutItsProviderIsAnErrorThatNamesIt) {
    EXPECT_ERROR(kNotFound, attempt("cloud:us-east-1"), "aws/us-east-1");
    EXPECT_ERROR(kNotFound, attempt("cloud:google/us-central1"), "gcp/us-central1");
    EXPECT_ERROR(kNotFound, attempt("cloud:aws/us-east-9"), "aws/us-east-1");
    EXPECT_ERROR(kNotFound, attempt("cloud:seeweb/fro2"), "PROVIDER/REGION");
}

TEST(ZoneFactor, OneKindsCodeIsNotAnothers) {
    EXPECT_ERROR(kNotFound, attempt("state:FRA"), "state 'FRA'");
    EXPECT_ERROR(kNotFound, attempt("region:PA"), "region 'PA'");
    EXPECT_ERROR(kNotFound, attempt("country:RFCW"), "country 'RFCW'");
}

}  // namespace
}  // namespace finewatt
