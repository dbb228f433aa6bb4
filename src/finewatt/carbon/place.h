// Where energy was used, as the user names it: `--place zip:15213`, `subregion:RFCW`, `country:FRA`
// or `intensity:474.5` (g/kWh).
//
// Main type: Place. parse_place checks the form; grid_factor (carbon.h) looks it up in the tables.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/units/quantity.h"

#include <string>
#include <string_view>

namespace finewatt {

enum class PlaceKind {
    kZip,        ///< a US postal code, five digits
    kSubregion,  ///< an eGRID subregion such as RFCW
    kCountry,    ///< an ISO 3166-1 code, two or three letters
    kIntensity,  ///< no place: the carbon intensity itself
};

/// A named place. `name` holds the code in capital letters; empty for kIntensity.
struct Place {
    PlaceKind kind = PlaceKind::kIntensity;
    std::string name;
    CarbonIntensity intensity;  ///< for kIntensity only
};

/// Read "KIND:NAME". ZIP+4 codes (15213-3890 or nine digits) are cut to five digits. Errors:
/// invalid argument, naming the forms that are possible. Whether the place exists is not checked
/// here (see grid_factor).
Result<Place> parse_place(std::string_view text);

/// Return the place in the form that parse_place reads.
std::string place_text(const Place& place);

}  // namespace finewatt
