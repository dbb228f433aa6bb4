// Where energy was used, as the user names it: `--place zip:15213`, `subregion:RFCW`, `state:PA`,
// `country:FRA`, `region:CA-ON`, `cloud:gcp/us-central1` or `intensity:474.5` (g/kWh).
//
// Main type: Place. parse_place checks the form; grid_factor (carbon.h) looks it up in the tables.
// Not for finding out where a machine stands: nothing is guessed.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/units/quantity.h"

#include <string>
#include <string_view>

namespace finewatt {

enum class PlaceKind {
    kZip,        ///< a US postal code, five digits
    kSubregion,  ///< an eGRID subregion such as RFCW
    kState,      ///< a US state such as PA
    kCountry,    ///< an ISO 3166-1 code, two or three letters
    kRegion,     ///< a part of a country: a Canadian province (CA-ON), a Nordic zone (SE3), EU-27
    kCloud,      ///< a region of a cloud provider: gcp/us-central1
    kIntensity,  ///< no place: the carbon intensity itself
};

/// A named place. `name` holds the code in capital letters (for kCloud in small ones); empty for
/// kIntensity.
struct Place {
    PlaceKind kind = PlaceKind::kIntensity;
    std::string name;
    CarbonIntensity intensity;  ///< for kIntensity only
};

/// Return the word of a kind in "KIND:NAME": "zip", "cloud".
std::string_view place_kind_name(PlaceKind kind);

/// Return one example of every form that parse_place reads, for help and messages.
std::string_view place_forms();

/// Read "KIND:NAME". ZIP+4 codes (15213-3890 or nine digits) are cut to five digits, for the
/// tables know no more. Errors: invalid argument, naming the forms that are possible, or for an
/// intensity below 0 or above 5,000 g/kWh. Whether the place exists is not checked here (see
/// grid_factor).
Result<Place> parse_place(std::string_view text);

/// Return the place in the form that parse_place reads.
std::string place_text(const Place& place);

}  // namespace finewatt
