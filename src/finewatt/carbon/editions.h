// What the intensity tables of the program hold: their editions, and the places in them.
//
// Main functions: carbon_editions (a line for each edition), find_places (search by code or name).
// Not for looking a figure up: that is grid_factor (carbon.h).
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/carbon/carbon.h"
#include "finewatt/carbon/place.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// One edition of one table with one basis.
struct CarbonEdition {
    std::string edition;  ///< as `--edition` takes it: "eGRID2021"
    CarbonBasis basis = CarbonBasis::kCo2;
    PlaceKind kind = PlaceKind::kSubregion;  ///< what its places are
    std::size_t places = 0;                  ///< how many there are
    std::optional<int> year;                 ///< year of the data; empty where the source says none
    std::string provenance;                  ///< "published" or "derived"
    std::string table;                       ///< folder of the table and its SOURCE.md
    std::string source;                      ///< who published the figures
};

/// List every edition: by kind of place, newest first. Error: corrupt (a bug in a shipped table).
Result<std::vector<CarbonEdition>> carbon_editions();

/// A place of the tables.
struct KnownPlace {
    std::string place;  ///< as `--place` takes it: "country:FRA"
    std::string name;   ///< "France"; may be empty
};

/// Return the places whose code or name holds `text` (any case; all where it is empty), in the
/// order of the tables. ZIP codes are not among them. Error: corrupt (a bug in a shipped table).
Result<std::vector<KnownPlace>> find_places(std::string_view text);

}  // namespace finewatt
