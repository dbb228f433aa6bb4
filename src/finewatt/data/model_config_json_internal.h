// How config.json becomes a JSON object, for the reader and for the writer, which keeps its keys.
#pragma once

#include "finewatt/base/result.h"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace finewatt {

/// Parse the text of a config.json. Error: corrupt when it is not a JSON object.
Result<nlohmann::json> parse_config_object(const std::string& text);

}  // namespace finewatt
