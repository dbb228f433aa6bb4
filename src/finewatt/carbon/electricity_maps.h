// Live and past carbon intensity of Electricity Maps (API v3): grid average, life cycle, CO2e.
//
// Main type: ElectricityMaps. Paths and JSON: app.electricitymaps.com/developer-hub/api (2026-11):
// /v3/carbon-intensity/latest and /v3/carbon-intensity/past-range, header auth-token.
// Asks the network only when a method is called.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/http_client.h"
#include "finewatt/base/result.h"
#include "finewatt/carbon/intensity_series.h"
#include "finewatt/carbon/provider.h"

#include <string>

namespace finewatt {

/// Return ELECTRICITYMAPS_TOKEN and ELECTRICITYMAPS_ENDPOINT (default
/// https://api.electricitymaps.com). Errors: permission when there is no token, saying where one
/// comes from; invalid argument for an endpoint that is no http(s) URL.
Result<ProviderSettings> electricity_maps_settings(
    const ProviderEnvironment& environment = provider_environment());

/// Asks Electricity Maps. Used by one thread at a time; the HttpClient must outlive it.
///
/// Errors of both methods: permission (token refused, or the plan lacks the zone), not found (no
/// such zone, or no network), busy (too many requests, with the time to wait; time-out), corrupt
/// (an answer that is not what it claims to be), io (anything else).
class ElectricityMaps {
  public:
    ElectricityMaps(HttpClient& http, ProviderSettings settings);

    /// Return the newest value of a zone ("DE", "US-CAL-CISO"), as a series of one hour.
    Result<IntensitySeries> latest(const std::string& zone);

    /// Return the hours that cover [begin, end). Longer than ten days is asked for in pieces.
    /// Also invalid argument: an empty or reversed window.
    Result<IntensitySeries> past_range(const std::string& zone, WallTime begin, WallTime end);

  private:
    /// Return the body of a good answer.
    Result<std::string> ask(const std::string& zone, const std::string& path_and_query);

    HttpClient* http_;
    ProviderSettings settings_;
};

}  // namespace finewatt
