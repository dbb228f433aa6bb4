// Says where a text stops being JSON, for messages.
#pragma once

#include <string>
#include <string_view>

namespace finewatt {

/// Parse a text that simdjson has refused again, by a slower library that tells the place; return
/// its message, or `otherwise` if it finds no fault.
std::string explain_broken_json(std::string_view text, std::string_view otherwise);

}  // namespace finewatt
