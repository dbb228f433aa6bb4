// Past marginal emissions of WattTime (API v3): MOER, pounds of CO2 per MWh of changed load.
//
// Main type: WattTime. A marginal factor answers "what does one kWh more or less change"; it is no
// grid average and is never mixed with one (IntensityKind::kMarginal). Paths and JSON:
// docs.watttime.org (2026-11): /login, /v3/region-from-loc, /v3/historical.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/http_client.h"
#include "finewatt/base/result.h"
#include "finewatt/carbon/intensity_series.h"
#include "finewatt/carbon/provider.h"

#include <string>

namespace finewatt {

/// Return WATTTIME_USER, WATTTIME_PASSWORD and WATTTIME_ENDPOINT (default
/// https://api.watttime.org). Errors: permission when user or password is missing; invalid argument
/// for an endpoint that is no http(s) URL.
Result<ProviderSettings> watttime_settings(
    const ProviderEnvironment& environment = provider_environment());

/// Asks WattTime. Logs in at the first question and once more when the session has run out. Used
/// by one thread at a time; the HttpClient must outlive it. Errors as ElectricityMaps'.
class WattTime {
  public:
    WattTime(HttpClient& http, ProviderSettings settings);

    /// Return the name of the grid region at a place, in degrees ("CAISO_NORTH"). Also invalid
    /// argument: degrees outside -90 to 90 or -180 to 180.
    Result<std::string> region_at(double latitude_deg, double longitude_deg);

    /// Return the marginal rates that cover [begin, end), as g/kWh. Longer than 32 days is asked
    /// for in pieces. Also invalid argument: an empty or reversed window.
    Result<IntensitySeries> historical(const std::string& region, WallTime begin, WallTime end);

  private:
    Status log_in();
    /// Return the body of a good answer.
    Result<std::string> ask(const std::string& path_and_query, const std::string& what);

    HttpClient* http_;
    ProviderSettings settings_;
    std::string session_;  ///< bearer token; empty before the login
};

}  // namespace finewatt
