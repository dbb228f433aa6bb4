// Credentials of wall meters: from the environment, or from a file like .netrc that only its owner
// may read. Never from the command line, and never in a message.
#pragma once

#include "finewatt/base/http_client.h"
#include "finewatt/sensor/probe.h"

#include <optional>
#include <string>

namespace finewatt {

/// Return user and password for a host. FINEWATT_WALL_USER with FINEWATT_WALL_PASSWORD wins; then
/// the entry "machine HOST login USER password PASSWORD" of the file that FINEWATT_WALL_CREDENTIALS
/// names, or its entry "default". Nothing when neither knows the host.
///
/// Errors: invalid argument (only one of the two variables; a file with an unknown word);
/// permission (others may read the file, or this user may not); not found (no such file).
Result<std::optional<HttpCredentials>> wall_credentials(const EnvLookup& env,
                                                        const std::string& host);

}  // namespace finewatt
