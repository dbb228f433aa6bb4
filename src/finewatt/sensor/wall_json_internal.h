// JSON answers of meters: parsing without exceptions, and numbers at JSON pointers (RFC 6901).
#pragma once

#include "finewatt/base/result.h"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace finewatt {

/// Parse an answer. `who` names the meter in messages. Error: corrupt, showing its first bytes.
Result<nlohmann::json> parse_answer(std::string_view body, std::string_view who);

/// Return the value at a pointer such as "/meters/0/power", or null when there is none.
const nlohmann::json* find_value(const nlohmann::json& document, const std::string& pointer);

/// Return the number at a pointer; nothing when there is no such value or it is null. Numbers in
/// strings ("12.5") count; an array of numbers counts as its sum (meters with several phases).
/// Error: corrupt, for anything else and for negative numbers.
Result<std::optional<double>> find_number(const nlohmann::json& document,
                                          const std::string& pointer, std::string_view who);

}  // namespace finewatt
