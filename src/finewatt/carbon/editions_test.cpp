#include "finewatt/carbon/editions.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/places.h"

#include <algorithm>
#include <filesystem>
#include <set>

namespace finewatt {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const CarbonEdition* find_edition(const std::vector<CarbonEdition>& editions, PlaceKind kind,
                                  std::string_view name, CarbonBasis basis) {
    const auto found =
        std::find_if(editions.begin(), editions.end(), [&](const CarbonEdition& edition) {
            return edition.kind == kind && edition.edition == name && edition.basis == basis;
        });
    return found == editions.end() ? nullptr : &*found;
}

TEST(CarbonEditions, CountTheirPlaces) {
    ASSERT_OK_AND_ASSIGN(const auto editions, carbon_editions());
    const auto places = [&](PlaceKind kind, std::string_view name, CarbonBasis basis) {
        const CarbonEdition* edition = find_edition(editions, kind, name, basis);
        return edition == nullptr ? 0 : edition->places;
    };
    // Four subregions of eGRID2021, and the two of the paper.
    EXPECT_EQ(places(PlaceKind::kSubregion, "eGRID2021", CarbonBasis::kCo2), 6U);
    EXPECT_EQ(places(PlaceKind::kSubregion, "eGRID2018", CarbonBasis::kCo2), 0U);
    EXPECT_EQ(places(PlaceKind::kState, "eGRID2021", CarbonBasis::kCo2e), 52U);
    EXPECT_EQ(places(PlaceKind::kState, "CodeCarbon eGRID2016", CarbonBasis::kCo2e), 51U);
    EXPECT_EQ(places(PlaceKind::kCountry, "EEA 2015", CarbonBasis::kCo2e), 28U);
    EXPECT_EQ(places(PlaceKind::kRegion, "Canada mix 2023", CarbonBasis::kCo2e), 13U);
    EXPECT_EQ(places(PlaceKind::kCloud, "Google 2023", CarbonBasis::kCo2e), 40U);
    EXPECT_EQ(places(PlaceKind::kCloud, "mlco2", CarbonBasis::kCo2e), 81U);
}

TEST(CarbonEditions, EachHasASourceAndAFolderWithItsPage) {
    ASSERT_OK_AND_ASSIGN(const auto editions, carbon_editions());
    std::set<std::tuple<PlaceKind, std::string, CarbonBasis>> seen;
    for (const CarbonEdition& edition : editions) {
        EXPECT_TRUE(seen.emplace(edition.kind, edition.edition, edition.basis).second)
            << edition.edition;
        EXPECT_FALSE(edition.source.empty()) << edition.edition;
        EXPECT_TRUE(edition.provenance == "published" || edition.provenance == "derived");
        EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(testing::source_dir()) /
                                            edition.table / "SOURCE.md"))
            << edition.table;
    }
}

TEST(CarbonEditions, EachNameIsTakenAsAnEdition) {
    ASSERT_OK_AND_ASSIGN(const auto editions, carbon_editions());
    const std::vector<std::string> places{"subregion:RFCW", "state:PA",    "country:DEU",
                                          "region:CA-ON",   "region:SE3",  "region:FI",
                                          "region:EU-27",   "country:FRA", "cloud:gcp/us-central1",
                                          "country:ESH",    "country:AFG", "country:ARE"};
    for (const CarbonEdition& edition : editions) {
        const CarbonOptions options{.edition = edition.edition, .basis = edition.basis};
        bool is_found = false;
        for (const std::string& text : places) {
            const Place place = parse_place(text).value();
            const auto factor = grid_factor(place, options);
            is_found |= place.kind == edition.kind && factor && factor->edition == edition.edition;
        }
        // Ember's few figures of other years belong to few countries.
        EXPECT_TRUE(is_found || edition.places < 10) << edition.edition;
    }
}

TEST(FindPlaces, SearchesCodesAndNamesInAnyCase) {
    EXPECT_THAT(find_places("stockholm").value(),
                Contains(Field(&KnownPlace::place, "region:SE3")));
    EXPECT_THAT(find_places("us-central1").value(),
                Contains(Field(&KnownPlace::place, "cloud:gcp/us-central1")));
    EXPECT_THAT(find_places("frANce").value(), Contains(Field(&KnownPlace::place, "country:FRA")));
    EXPECT_THAT(find_places("xyzxyz").value(), IsEmpty());
}

TEST(FindPlaces, EveryPlaceIsListedOnceAndHasAFigure) {
    ASSERT_OK_AND_ASSIGN(const auto places, find_places(""));
    std::set<std::string> seen;
    for (const KnownPlace& known : places) {
        EXPECT_TRUE(seen.insert(known.place).second) << known.place;
        ASSERT_OK_AND_ASSIGN(const Place place, parse_place(known.place));
        const auto co2e = grid_factor(place, {.basis = CarbonBasis::kCo2e});
        EXPECT_TRUE(co2e || grid_factor(place, {})) << known.place;
    }
    EXPECT_THAT(places, SizeIs(::testing::Gt(400U)));
}

}  // namespace
}  // namespace finewatt
