#include "finewatt/base/csv.h"
#include "finewatt/base/file.h"
#include "finewatt/carbon/tables_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/shared_data.h"

#include <algorithm>
#include <map>
#include <set>

namespace finewatt::carbon_tables {
namespace {

using ::testing::ElementsAre;

TEST(SubregionRates, EachSubregionOccursOncePerEditionWithPlausibleRates) {
    ASSERT_OK_AND_ASSIGN(const auto rates, subregion_rates());
    std::set<std::pair<int, std::string>> seen;
    for (const SubregionRate& rate : rates) {
        EXPECT_TRUE(seen.emplace(rate.year, rate.subregion).second)
            << rate.subregion << " " << rate.year;
        EXPECT_TRUE(rate.co2 || rate.co2e) << rate.subregion << " " << rate.year;
        for (const auto& intensity : {rate.co2, rate.co2e}) {
            if (intensity) {
                EXPECT_GT(*intensity, grams_per_kwh(80)) << rate.subregion << " " << rate.year;
                EXPECT_LT(*intensity, grams_per_kwh(900)) << rate.subregion << " " << rate.year;
            }
        }
        if (rate.co2 && rate.co2e) {
            EXPECT_LT(*rate.co2, *rate.co2e) << rate.subregion << " " << rate.year;
        }
    }
    EXPECT_EQ(seen.size(), 171U);
}

TEST(ZipTable, KnowsTheEdgesOfTheCountry) {
    EXPECT_THAT(subregions_of_zip("00501").value(), ElementsAre("NYLI"));
    EXPECT_THAT(subregions_of_zip("99950").value(), ElementsAre("AKMS"));
    EXPECT_ERROR(kNotFound, subregions_of_zip("99999"), "near matches: 99950");
    EXPECT_ERROR(kNotFound, subregions_of_zip("00000"), "near matches: 00002");
}

TEST(ZipTable, EverySubregionHasARateInTheNewestEdition) {
    ASSERT_OK_AND_ASSIGN(const auto rates, subregion_rates());
    std::set<std::string> known;
    for (const SubregionRate& rate : rates) {
        if (rate.year == 2023 && rate.co2) {
            known.insert(rate.subregion);
        }
    }
    for (int prefix = 0; prefix < 1000; prefix += 37) {
        for (int last = 0; last < 100; last += 19) {
            const auto names = subregions_of_zip(fmt::format("{:03}{:02}", prefix, last));
            if (names) {
                for (const std::string& name : *names) {
                    EXPECT_TRUE(known.contains(name)) << name;
                }
            }
        }
    }
}

TEST(ZipTable, EqualsEpasTable) {
    FINEWATT_SHARED_OR_SKIP(file, "facts/zip_to_egrid_subregion_epa_2018_v9.csv");
    ASSERT_OK_AND_ASSIGN(const std::string text, read_file(file));
    ASSERT_OK_AND_ASSIGN(const CsvTable table, parse_csv(text, "EPA"));
    std::map<std::string, std::vector<std::string>> epa;
    for (const auto& row : table.rows) {
        std::vector<std::string>& names = epa[fmt::format("{:0>5}", row[1])];
        for (std::size_t column = 3; column < row.size(); ++column) {
            const bool is_new = std::find(names.begin(), names.end(), row[column]) == names.end();
            if (!row[column].empty() && is_new) {  // three ZIP codes occur in two rows
                names.push_back(row[column]);
            }
        }
    }
    EXPECT_EQ(epa.size(), 41'350U);
    std::size_t compared = 0;
    for (const auto& [zip, names] : epa) {
        // Each look-up parses the table, so not all are compared: one in 200, those in three
        // subregions, and the one with two rows.
        if (names.size() > 2 || zip == "38947" || compared++ % 200 == 0) {
            ASSERT_EQ(subregions_of_zip(zip).value(), names) << zip;
        }
    }
}

}  // namespace
}  // namespace finewatt::carbon_tables
