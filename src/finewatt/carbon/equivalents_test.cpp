#include "finewatt/carbon/equivalents.h"

#include "finewatt/base/csv.h"
#include "finewatt/base/file.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/shared_data.h"

#include <limits>
#include <map>
#include <random>

namespace finewatt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kMiles = "miles by an average gasoline car";

std::map<std::string, Equivalent> by_name(const std::vector<Equivalent>& list) {
    std::map<std::string, Equivalent> result;
    for (const Equivalent& one : list) {
        EXPECT_TRUE(result.emplace(one.name, one).second) << one.name << " occurs twice";
    }
    return result;
}

TEST(Equivalents, MilesFollowTheEdition) {
    // Grams per mile as EPA printed them over the years.
    const std::map<std::string, double> published{{"EPA 2018", 409},
                                                  {"EPA 2019", 403},
                                                  {"EPA 2021", 398},
                                                  {"EPA 2022", 390},
                                                  {"EPA 2024", 393}};
    for (const auto& [edition, grams_per_mile] : published) {
        ASSERT_OK_AND_ASSIGN(const auto list, equivalents_of(grams(174'600), {edition}));
        const auto named = by_name(list);
        EXPECT_DOUBLE_EQ(named.at(kMiles).value, 174'600 / grams_per_mile) << edition;
        EXPECT_EQ(named.at(kMiles).edition, edition);
        EXPECT_EQ(named.at(kMiles).unit, "mile");
    }
}

TEST(Equivalents, NewestEditionOfEachComparisonIsTheDefault) {
    ASSERT_OK_AND_ASSIGN(const auto list, equivalents_of(grams(1'000'000)));
    const auto named = by_name(list);
    EXPECT_EQ(named.at(kMiles).edition, "EPA 2024");
    EXPECT_EQ(named.at("smartphones charged").edition, "EPA 2024");
    EXPECT_EQ(named.at("oil burned").edition, "EPA 2022");
    EXPECT_EQ(named.at("kilometres by an average new car in the EU").edition, "EEA 2020");
    EXPECT_DOUBLE_EQ(named.at("kilometres by an average new car in the EU").value, 1e6 / 107.5);
    EXPECT_EQ(named.at("fine-tuning runs of BERT-base on MNLI").edition, "paper");
    EXPECT_EQ(list.front().name, kMiles);
    for (const Equivalent& one : list) {
        EXPECT_FALSE(one.unit.empty() || one.source.empty()) << one.name;
    }
}

TEST(Equivalents, EditionIsReadInSeveralForms) {
    for (const char* form : {"EPA 2022", "epa2022", "2022"}) {
        ASSERT_OK_AND_ASSIGN(const auto list, equivalents_of(grams(390), {form}));
        EXPECT_DOUBLE_EQ(by_name(list).at(kMiles).value, 1) << form;
    }
}

TEST(Equivalents, UnknownEditionListsThoseThereAre) {
    EXPECT_ERROR(kNotFound, equivalents_of(grams(1), {"EPA 1999"}),
                 "edition 'EPA 1999' is not in the table; those there are: EEA 2018, EEA 2020, "
                 "EPA 2018, EPA 2019, EPA 2021, EPA 2022, EPA 2024, paper");
    EXPECT_ERROR(kNotFound, equivalents_of(grams(1), {""}), "edition ''");
    EXPECT_ERROR(kNotFound, equivalents_of(grams(1), {"'; DROP TABLE"}), "EPA 2024");
}

TEST(Equivalents, UnknownAmountsAreRefused) {
    EXPECT_ERROR(kInvalidArgument, equivalents_of(grams(-1)), "expected emissions");
    EXPECT_ERROR(kInvalidArgument, equivalents_of(grams(std::numeric_limits<double>::quiet_NaN())),
                 "nan");
    EXPECT_ERROR(kInvalidArgument, fine_tuning_runs_of(joules(-1)), "an energy");
    ASSERT_OK_AND_ASSIGN(const auto none, equivalents_of(grams(0)));
    EXPECT_EQ(none.front().value, 0);
}

TEST(Equivalents, PreTrainingIsWorthThePapersNumberOfFineTuningRuns) {
    // The paper: 45,109 RTE runs per pre-training (from 368.0 kWh, rounded) and about 392 MNLI
    // runs.
    ASSERT_OK_AND_ASSIGN(const auto by_energy, fine_tuning_runs_of(kwh(368.0)));
    const auto named = by_name(by_energy);
    EXPECT_EQ(by_energy.size(), 8U);
    EXPECT_NEAR(named.at("fine-tuning runs of BERT-base on MNLI").value, 392, 0.5);
    EXPECT_NEAR(named.at("fine-tuning runs of BERT-base on RTE").value, 45'109, 45'109 * 2e-3);
    // On the paper's own grid emissions say the same as energies.
    ASSERT_OK_AND_ASSIGN(const auto by_carbon,
                         equivalents_of(kwh(368.0) * pounds_per_mwh(1046.1), {"paper"}));
    ASSERT_EQ(by_carbon.size(), by_energy.size());
    for (std::size_t i = 0; i < by_energy.size(); ++i) {
        EXPECT_EQ(by_carbon[i].name, by_energy[i].name);
        EXPECT_NEAR(by_carbon[i].value / by_energy[i].value, 1, 1e-12);
    }
    EXPECT_THAT(by_carbon.front().source, HasSubstr("1046.1 lb CO2/MWh"));
}

TEST(Equivalents, TableAgreesWithThePapersPublishedEnergies) {
    FINEWATT_SHARED_OR_SKIP(file, "paper/reference_results.csv");
    ASSERT_OK_AND_ASSIGN(const std::string text, read_file(file));
    ASSERT_OK_AND_ASSIGN(const auto runs, fine_tuning_runs_of(kwh(1)));
    const auto named = by_name(runs);
    std::size_t checked = 0;
    EXPECT_OK(for_each_csv_row(text.substr(text.find("\ntable,") + 1), "reference_results.csv",
                               [&](std::size_t, std::vector<std::string>&& row) -> Status {
                                   const bool is_run = row[0] == "Table 10" && row[2] == "1" &&
                                                       row[3] == "BERT-base" && row[6] == "energy";
                                   if (is_run) {
                                       const auto& one =
                                           named.at("fine-tuning runs of BERT-base on " + row[5]);
                                       EXPECT_NEAR(1 / one.value, std::stod(row[7]), 1e-12)
                                           << row[5];
                                       ++checked;
                                   }
                                   return {};
                               }));
    EXPECT_EQ(checked, runs.size());
}

TEST(EquivalentsProperty, ValuesAreProportionalToEmissions) {
    std::mt19937_64 random(20261123);
    std::uniform_real_distribution<double> any(0, 1e9);
    for (int i = 0; i < 50; ++i) {
        const double a = any(random);
        const double b = any(random);
        ASSERT_OK_AND_ASSIGN(const auto first, equivalents_of(grams(a)));
        ASSERT_OK_AND_ASSIGN(const auto second, equivalents_of(grams(b)));
        ASSERT_OK_AND_ASSIGN(const auto sum, equivalents_of(grams(a + b)));
        for (std::size_t k = 0; k < sum.size(); ++k) {
            EXPECT_NEAR(sum[k].value, first[k].value + second[k].value, 1e-9 * sum[k].value)
                << sum[k].name << ", " << a << " + " << b;
        }
    }
}

TEST(Equivalents, EditionsAreListedOnce) {
    ASSERT_OK_AND_ASSIGN(const auto editions, equivalents_editions());
    EXPECT_THAT(editions, ElementsAre("EEA 2018", "EEA 2020", "EPA 2018", "EPA 2019", "EPA 2021",
                                      "EPA 2022", "EPA 2024", "paper"));
}

}  // namespace
}  // namespace finewatt
