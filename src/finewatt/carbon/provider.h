// What the clients of live intensity providers share: their settings from the environment.
//
// Main type: ProviderSettings. The clients: electricity_maps.h, watttime.h, locate.h.
#pragma once

#include "finewatt/base/result.h"

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace finewatt {

/// Looks up an environment variable; tests give their own.
using ProviderEnvironment = std::function<std::optional<std::string>(const std::string& name)>;

/// Return the lookup in this process's environment. A variable that is empty counts as not set.
ProviderEnvironment provider_environment();

/// Where a provider is and who asks. Secrets go to the endpoint only; no message or log holds them.
struct ProviderSettings {
    std::string endpoint;  ///< base URL, without '/' at the end
    std::string user{};
    std::string secret{};  ///< token or password
    std::chrono::milliseconds timeout{20'000};
    bool use_proxy = true;  ///< honour http_proxy, https_proxy and no_proxy
};

}  // namespace finewatt
