// What holds for every place, edition and basis: the range is ordered, CO2 stays below CO2e, and
// emissions grow with energy and PUE as they should.

#include "finewatt/carbon/carbon.h"
#include "finewatt/carbon/editions.h"
#include "finewatt/testing/matchers.h"

#include <random>

namespace finewatt {
namespace {

constexpr unsigned kSeed = 20261123;
constexpr int kTrials = 300;

class RandomPlaces {
  public:
    RandomPlaces() : places_(find_places("").value()), editions_(carbon_editions().value()) {}

    Place place() {
        // Half of them ZIP codes, most of which exist.
        if (random_() % 2 == 0) {
            return parse_place(fmt::format("zip:{:05}", random_() % 100'000)).value();
        }
        return parse_place(places_[random_() % places_.size()].place).value();
    }

    std::optional<std::string> edition() {
        return random_() % 3 == 0 ? std::nullopt
                                  : std::optional(editions_[random_() % editions_.size()].edition);
    }

    double between(double low, double high) {
        return std::uniform_real_distribution<>(low, high)(random_);
    }

  private:
    std::mt19937 random_{kSeed};
    std::vector<KnownPlace> places_;
    std::vector<CarbonEdition> editions_;
};

TEST(GridFactorProperty, RangeIsOrderedAndEveryFigureSaysWhereItIsFrom) {
    RandomPlaces random;
    int found = 0;
    for (int i = 0; i < kTrials; ++i) {
        const Place place = random.place();
        const auto factor = grid_factor(place, {.edition = random.edition()});
        if (!factor) {
            EXPECT_EQ(factor.error().code(), ErrorCode::kNotFound) << place_text(place);
            continue;
        }
        ++found;
        EXPECT_LE(factor->intensity_low, factor->intensity) << place_text(place);
        EXPECT_LE(factor->intensity, factor->intensity_high) << place_text(place);
        EXPECT_TRUE(factor->zone && factor->edition && factor->basis) << place_text(place);
        EXPECT_FALSE(factor->source.empty() || factor->provenance.empty()) << place_text(place);
    }
    EXPECT_GT(found, kTrials / 10) << "seed " << kSeed;
}

TEST(GridFactorProperty, Co2IsNeverMoreThanCo2eOfTheSameEdition) {
    RandomPlaces random;
    int compared = 0;
    for (int i = 0; i < kTrials; ++i) {
        const Place place = random.place();
        const auto edition = random.edition();
        const auto co2 = grid_factor(place, {.edition = edition, .basis = CarbonBasis::kCo2});
        const auto co2e = grid_factor(place, {.edition = edition, .basis = CarbonBasis::kCo2e});
        if (co2 && co2e && co2->edition == co2e->edition) {
            ++compared;
            EXPECT_LE(co2->intensity, co2e->intensity) << place_text(place);
            EXPECT_EQ(co2->basis, "co2");
            EXPECT_EQ(co2e->basis, "co2e");
        }
    }
    EXPECT_GT(compared, 0) << "seed " << kSeed;
}

TEST(CarbonProperty, EmissionsAreOrderedAndProportionalToEnergyAndPue) {
    RandomPlaces random;
    for (int i = 0; i < 50; ++i) {
        const Place place = random.place();
        EnergySummary energy;
        energy.energy = joules(random.between(0, 1e12));
        energy.energy_low = *energy.energy * random.between(0, 1);
        energy.energy_high = *energy.energy * random.between(1, 3);
        CarbonOptions options;
        const auto single = carbon_of(energy, place, options);
        if (!single) {
            continue;
        }
        EXPECT_LE(*single->co2_kg_low, *single->co2_kg) << place_text(place);
        EXPECT_LE(*single->co2_kg, *single->co2_kg_high) << place_text(place);
        options.pue = random.between(1, 10);
        ASSERT_OK_AND_ASSIGN(const CarbonSummary facility, carbon_of(energy, place, options));
        EXPECT_NEAR(*facility.co2_kg, *single->co2_kg * options.pue,
                    1e-12 * *facility.co2_kg);  // rounding of two products
    }
}

}  // namespace
}  // namespace finewatt
