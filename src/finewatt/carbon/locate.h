// Where this machine is, asked of a web service by its public address. Done only when the user asks
// for it (--locate): nothing else in finewatt guesses a place or sends anything out.
//
// Main function: locate. The answer is as good as the service's knowledge of the address; behind a
// VPN it is the place of the VPN.
#pragma once

#include "finewatt/base/http_client.h"
#include "finewatt/base/result.h"
#include "finewatt/carbon/place.h"
#include "finewatt/carbon/provider.h"

namespace finewatt {

/// Return FINEWATT_LOCATE_ENDPOINT (default https://ipinfo.io/json), the whole URL of a service
/// that answers with JSON. Error: invalid argument for one that is no http(s) URL.
Result<ProviderSettings> locate_settings(
    const ProviderEnvironment& environment = provider_environment());

/// Ask the service and return the place: in the US the ZIP code ("postal" or "zip"), else the
/// country ("country_code", "countryCode", "country_code_iso3" or "country"). A US answer without a
/// ZIP code is an error, since the country's mean would hide up to a factor of six between
/// subregions. Errors: as ElectricityMaps'.
Result<Place> locate(HttpClient& http, const ProviderSettings& settings);

}  // namespace finewatt
