// The little that a client of a hub needs to know about URLs.
#pragma once

#include "finewatt/base/result.h"

#include <string>
#include <string_view>

namespace finewatt::hub {

/// Return "scheme://host:port" in lower case: who is spoken to.
std::string origin_of(std::string_view url);

/// Return the address that a Location header means, seen from `base`. Error: unsupported, for one
/// that is neither absolute nor begins with '/'.
Result<std::string> join_url(std::string_view base, std::string_view location);

/// Replace every byte but letters, digits and "-._~" and those of `kept` by "%XX" (RFC 3986, 2.1).
std::string percent_encode(std::string_view text, std::string_view kept);

}  // namespace finewatt::hub
