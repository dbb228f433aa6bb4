// JsonMeter: any meter that answers one HTTP request with JSON. Shelly, Tasmota and the user's own
// json+http meters differ only in the table of this file.
#pragma once

#include "finewatt/sensor/wall_reader_internal.h"

#include <string>

namespace finewatt {

/// Where a figure is in the answer, and what its unit is.
struct JsonFigure {
    std::string pointer;       ///< RFC 6901; empty = the meter has no such figure
    double factor = 1;         ///< watts or joules per unit
    std::string unit_pointer;  ///< where the answer names the unit; wins over `factor`
};

/// How to ask, and how to read the answer.
struct JsonLayout {
    HttpRequest request;
    JsonFigure power;
    JsonFigure energy;
    std::string valid_pointer;    ///< the figures count only when this is true, where it exists
    std::string refusal_pointer;  ///< where the device says that it wants a password
    WallFacts facts;
};

/// Make a reader; the HTTP library is opened here. Errors: those of HttpClient::create.
Result<std::unique_ptr<WallReader>> make_json_reader(const WallMeterSpec& spec, JsonLayout layout);

/// Return "http://HOST[:PORT]" for a meter, https where it says so.
std::string base_url(const WallMeterSpec& spec);

/// Return a request for a meter: its time-out, TLS choice, no proxy, a small answer.
HttpRequest meter_request(const WallMeterSpec& spec, const std::string& path_and_query);

/// Return text with everything but letters, digits and "-._~" as %XX (RFC 3986, section 2.1).
std::string encode_percent(std::string_view text);

/// Return watts per power unit ("W", "mW", "kW") or joules per energy unit ("J", "mWh", "Wh",
/// "kWh", "MWh", "Wmin"). Nothing for an unknown unit.
std::optional<double> power_unit_factor(std::string_view unit);
std::optional<double> energy_unit_factor(std::string_view unit);

}  // namespace finewatt
