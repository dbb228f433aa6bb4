#include "finewatt/base/csv.h"
#include "finewatt/base/file.h"
#include "finewatt/carbon/tables_internal.h"
#include "finewatt/carbon/zone_rates_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/shared_data.h"

#include <map>
#include <set>

namespace finewatt::carbon_tables {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const ZoneTable& table_of(std::string_view file) {
    for (const ZoneTable& table : zone_tables()) {
        if (table.file == file) {
            return table;
        }
    }
    ADD_FAILURE() << "no table " << file;
    return zone_tables().front();
}

std::map<std::string, ZoneRate> rates_by_code_and_year(std::string_view file) {
    std::map<std::string, ZoneRate> rates;
    const std::vector<ZoneRate> rows = zone_rates(table_of(file)).value();
    for (const ZoneRate& rate : rows) {
        rates[fmt::format("{} {}", rate.code, rate.year.value_or(0))] = rate;
    }
    return rates;
}

TEST(ZoneTables, EachPlaceOccursOnceAYearWithAPlausibleOrderedFigure) {
    for (const ZoneTable& table : zone_tables()) {
        ASSERT_OK_AND_ASSIGN(const auto rates, zone_rates(table));
        EXPECT_FALSE(rates.empty()) << table.file;
        std::set<std::string> seen;
        for (const ZoneRate& rate : rates) {
            const std::string key = fmt::format("{} {}", rate.code, rate.year.value_or(0));
            EXPECT_TRUE(seen.insert(key).second) << table.file << " " << key;
            EXPECT_FALSE(rate.name.empty()) << table.file << " " << key;
            EXPECT_GT(rate.intensity, grams_per_kwh(0)) << table.file << " " << key;
            EXPECT_LT(rate.intensity, grams_per_kwh(1500)) << table.file << " " << key;
            EXPECT_LE(rate.low, rate.intensity) << table.file << " " << key;
            EXPECT_GE(rate.high, rate.intensity) << table.file << " " << key;
            EXPECT_GE(rate.year.value_or(2000), 2000) << table.file << " " << key;
        }
    }
}

TEST(ZoneTables, CodesHaveTheFormOfTheirKind) {
    for (const ZoneTable& table : zone_tables()) {
        ASSERT_OK_AND_ASSIGN(const auto rates, zone_rates(table));
        for (const ZoneRate& rate : rates) {
            // A code that parse_place changes or refuses could never be found.
            const std::string text = fmt::format("{}:{}", place_kind_name(table.kind), rate.code);
            ASSERT_OK_AND_ASSIGN(const Place place, parse_place(text));
            EXPECT_EQ(place.name, rate.code);
            if (table.kind == PlaceKind::kState) {
                EXPECT_EQ(rate.code.size(), 2U);
            } else if (table.kind == PlaceKind::kCountry) {
                EXPECT_EQ(rate.code.size(), 3U);
            } else if (table.kind == PlaceKind::kCloud) {
                EXPECT_NE(rate.code.find('/'), std::string::npos);
            }
        }
    }
}

TEST(ZoneTables, AliasesOfCountriesAreUniqueAndNoOtherCountrysCode) {
    std::set<std::string> codes;
    ASSERT_OK_AND_ASSIGN(const auto rates,
                         zone_rates(table_of("data/country_intensity/ember.csv")));
    for (const ZoneRate& rate : rates) {
        EXPECT_EQ(rate.alias.size(), 2U) << rate.name;
        EXPECT_TRUE(codes.insert(rate.alias).second) << rate.name;
        EXPECT_TRUE(codes.insert(rate.code).second) << rate.name;
    }
    EXPECT_EQ(codes.size(), 2 * 212U);
}

TEST(ZoneTables, EditionNamesSayTableAndYear) {
    EXPECT_EQ(edition_name(table_of("data/state_intensity/egrid.csv"), 2021), "eGRID2021");
    EXPECT_EQ(edition_name(table_of("data/state_intensity/codecarbon_egrid2016.csv"), 2016),
              "CodeCarbon eGRID2016");
    EXPECT_EQ(edition_name(table_of("data/country_intensity/eea.csv"), 2015), "EEA 2015");
    EXPECT_EQ(edition_name(table_of("data/cloud_intensity/mlco2.csv"), std::nullopt), "mlco2");
}

TEST(SubregionsOfState, AreThoseOfItsZipCodes) {
    EXPECT_THAT(subregions_of_state("PA").value(), ElementsAre("RFCE", "RFCW"));
    EXPECT_THAT(subregions_of_state("PR").value(), IsEmpty());
    EXPECT_THAT(subregions_of_state("XX").value(), IsEmpty());
}

TEST(SubregionsOfState, AreAllInTheSubregionTable) {
    ASSERT_OK_AND_ASSIGN(const auto subregions, subregion_rates());
    std::set<std::string> known;
    for (const SubregionRate& rate : subregions) {
        if (rate.year == 2021 && rate.co2e) {
            known.insert(rate.subregion);
        }
    }
    ASSERT_OK_AND_ASSIGN(const auto states, zone_rates(table_of("data/state_intensity/egrid.csv")));
    for (const ZoneRate& state : states) {
        ASSERT_OK_AND_ASSIGN(const auto names, subregions_of_state(state.code));
        for (const std::string& name : names) {
            EXPECT_TRUE(known.contains(name)) << state.code << " " << name;
        }
    }
}

// The tables equal what they were made from, row by row.

TEST(ZoneTables, StatesEqualTheirOrigin) {
    FINEWATT_SHARED_OR_SKIP(path, "facts/egrid_state_co2e_lb_per_mwh_2018_2021.csv");
    ASSERT_OK_AND_ASSIGN(const std::string text, read_file(path));
    ASSERT_OK_AND_ASSIGN(const CsvTable origin, parse_csv(text, "states"));
    const auto rates = rates_by_code_and_year("data/state_intensity/egrid.csv");
    EXPECT_EQ(rates.size(), origin.rows.size() * 4);
    for (const auto& row : origin.rows) {
        for (std::size_t column = 1; column < 5; ++column) {
            const auto found = rates.find(row[0] + " " + origin.header[column]);
            ASSERT_NE(found, rates.end()) << row[0];
            EXPECT_EQ(found->second.intensity, pounds_per_mwh(std::stod(row[column]))) << row[0];
        }
    }
}

TEST(ZoneTables, EuropeanYearsEqualTheirOrigin) {
    FINEWATT_SHARED_OR_SKIP(path, "facts/codecarbon_eu_carbon_intensity_2000_2020.csv");
    ASSERT_OK_AND_ASSIGN(const std::string text, read_file(path));
    ASSERT_OK_AND_ASSIGN(const CsvTable origin, parse_csv(text, "EU"));
    const auto countries = rates_by_code_and_year("data/country_intensity/eea.csv");
    const auto unions = rates_by_code_and_year("data/region_intensity/eea_union.csv");
    EXPECT_EQ(countries.size() + unions.size(), origin.rows.size());
    for (const auto& row : origin.rows) {
        const bool is_union = row[1].empty();
        const std::string code = !is_union ? row[1] : row[0] == "EU-27" ? "EU-27" : "EU-28";
        const auto& rates = is_union ? unions : countries;
        const auto found = rates.find(code + " " + row[2]);
        ASSERT_NE(found, rates.end()) << code << row[2];
        EXPECT_EQ(found->second.intensity, grams_per_kwh(std::stod(row[3]))) << code << row[2];
    }
}

TEST(ZoneTables, CountriesEqualTheirOrigin) {
    FINEWATT_SHARED_OR_SKIP(path, "facts/carbontracker_country_g_per_kwh.csv");
    ASSERT_OK_AND_ASSIGN(const std::string text, read_file(path));
    ASSERT_OK_AND_ASSIGN(const CsvTable origin, parse_csv(text, "countries"));
    const auto rates = rates_by_code_and_year("data/country_intensity/ember.csv");
    std::size_t compared = 0;
    for (const auto& row : origin.rows) {
        const auto found = rates.find(row[2] + " " + row[3]);
        if (std::stod(row[4]) == 0) {  // a country without a figure
            EXPECT_EQ(found, rates.end()) << row[2];
            continue;
        }
        ASSERT_NE(found, rates.end()) << row[2];
        EXPECT_EQ(found->second.intensity, grams_per_kwh(std::stod(row[4]))) << row[2];
        EXPECT_EQ(found->second.alias, row[0]);
        ++compared;
    }
    EXPECT_EQ(compared, 188U);
    EXPECT_TRUE(rates.contains("KOR 2023") || rates.contains("KOR 2022"));
}

}  // namespace
}  // namespace finewatt::carbon_tables
