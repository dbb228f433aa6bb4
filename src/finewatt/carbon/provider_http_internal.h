// How the clients of intensity providers ask and what they make of answers: one place for status
// codes, rubbish, and for keeping secrets out of messages.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/http_client.h"
#include "finewatt/base/result.h"
#include "finewatt/carbon/intensity_series.h"
#include "finewatt/carbon/provider.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// What is asked, for messages.
struct ProviderQuestion {
    std::string provider;     ///< "Electricity Maps"
    std::string what;         ///< "zone DE"
    std::string credentials;  ///< variables that hold them, "ELECTRICITYMAPS_TOKEN"; may be empty
};

/// Return a GET request to a path of the provider.
HttpRequest provider_request(const ProviderSettings& settings, const std::string& path_and_query);

/// Return an error unless the status is 200. `secrets` are cut out of what the server says. Errors:
/// permission (401, 403), not found (404), invalid argument (400, 422), busy (429, 503, with the
/// time to wait if it is given), io (others).
Status check_answer(const ProviderQuestion& question, const HttpRequest& request,
                    const HttpResponse& response, const std::vector<std::string>& secrets);

/// Parse an answer that must be a JSON object. Error: corrupt, showing its first bytes.
Result<nlohmann::json> parse_object(const ProviderQuestion& question, std::string_view body,
                                    const std::vector<std::string>& secrets);

/// Return a text member that is there and not empty, else nothing.
std::optional<std::string> text_at(const nlohmann::json& object, const char* key);

/// Return a finite number member, else nothing.
std::optional<double> number_at(const nlohmann::json& object, const char* key);

/// Return an UTC time as "2026-11-23T04:00:00Z" (whole seconds, rounded down).
std::string query_time(WallTime time);

/// Return an error unless the text is a name of 1 to 64 letters, digits, '-' or '_', which needs no
/// quoting in a URL. Error: invalid argument; `what` says what the name is of.
Status check_name(std::string_view name, std::string_view what);

/// Return settings with an endpoint from a variable or its default. Error: invalid argument unless
/// it is an http(s) URL without user, query and fragment.
Result<ProviderSettings> settings_with_endpoint(const ProviderEnvironment& environment,
                                                const std::string& variable,
                                                std::string_view default_url);

/// Return a secret from the environment without blanks around it, or nothing.
std::optional<std::string> secret_from(const ProviderEnvironment& environment,
                                       const std::string& variable);

/// A begin and an end of full steps, counted from 1970, that cover [begin, end). Error: invalid
/// argument for a window that is empty, reversed or longer than ten years.
struct CoveringWindow {
    std::int64_t begin_ns = 0;
    std::int64_t end_ns = 0;
};

Result<CoveringWindow> covering_window(WallTime begin, WallTime end, std::int64_t step_ns);

/// Put the intervals in order, keep one for each begin (pieces of a long question meet at their
/// ends) and none outside the window. Errors: not found when none is left; those of check_series.
Status finish_series(IntensitySeries& series, const CoveringWindow& window);

}  // namespace finewatt
