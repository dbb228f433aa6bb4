// The tables of states, countries, regions and clouds inside the program, parsed when asked for.
// They share one form: a row for each place, with one figure and its year or a column a year.
// Values are those of data/*_intensity; each folder's SOURCE.md says where they come from. eGRID's
// subregions and ZIP codes are in tables_internal.h.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/carbon/place.h"
#include "finewatt/units/quantity.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt::carbon_tables {

/// One table of the program. All of them count CO2-equivalent.
struct ZoneTable {
    PlaceKind kind;
    std::string_view series;      ///< what an edition is called, less its year: "Ember", "eGRID"
    std::string_view file;        ///< "data/country_intensity/ember.csv"
    std::string_view publisher;   ///< who published the figures
    std::string_view provenance;  ///< "published" or "derived"
    std::string_view (*text)();   ///< the table itself, CSV
};

/// Figure of one place in one year.
struct ZoneRate {
    std::string code;         ///< "FRA", "CA-ON", "gcp/us-central1"
    std::string alias;        ///< another code, or the region without its provider; may be empty
    std::string name;         ///< "France"; may be empty
    std::optional<int> year;  ///< empty where the source says none
    CarbonIntensity intensity;
    CarbonIntensity low;  ///< equal to `intensity` where the table has no range
    CarbonIntensity high;
};

/// Return the tables there are; for one kind the preferred one comes first.
std::span<const ZoneTable> zone_tables();

/// Return the name of an edition: "Ember 2023", "eGRID2021", "mlco2".
std::string edition_name(const ZoneTable& table, std::optional<int> year);

/// Return every figure of a table. Error: corrupt (a bug in the shipped table).
Result<std::vector<ZoneRate>> zone_rates(const ZoneTable& table);

/// Return the eGRID subregions that serve a US state, most ZIP codes first; none for Puerto Rico
/// and unknown states. Error: corrupt (a bug in the shipped table).
Result<std::vector<std::string>> subregions_of_state(std::string_view code);

}  // namespace finewatt::carbon_tables
