// eGRID's subregions and the ZIP codes in them, inside the program, parsed when asked for. Values
// are those of data/egrid and data/zip_subregion; each folder's SOURCE.md says where they come
// from. The tables of other places are in zone_rates_internal.h.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/units/quantity.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt::carbon_tables {

/// Total output emission rates of one eGRID subregion in one edition.
struct SubregionRate {
    int year = 0;           ///< the edition: eGRID2021 holds data of 2021
    std::string subregion;  ///< "RFCW"; "US" is the national average
    std::string name;       ///< "RFC West"; may be empty
    std::optional<CarbonIntensity> co2;
    std::optional<CarbonIntensity> co2e;
    std::string source_tag;  ///< key of data/egrid/SOURCE.md
};

/// Return every row of the eGRID table. Error: corrupt (a bug in the shipped table).
Result<std::vector<SubregionRate>> subregion_rates();

/// Return the one to three subregions of a ZIP code of five digits. Error: not found, listing the
/// nearest known codes.
Result<std::vector<std::string>> subregions_of_zip(std::string_view zip);

}  // namespace finewatt::carbon_tables
