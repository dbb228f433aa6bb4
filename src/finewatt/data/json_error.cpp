#include "finewatt/data/json_error_internal.h"

#include <nlohmann/json.hpp>

namespace finewatt {

std::string explain_broken_json(std::string_view text, std::string_view otherwise) {
    try {
        const auto unused = nlohmann::json::parse(text.begin(), text.end());
    } catch (const nlohmann::json::exception& error) {
        return error.what();
    }
    return std::string(otherwise);
}

}  // namespace finewatt
