// Reads a data file into memory: plain, or gzip when its name ends in .gz.
#pragma once

#include "finewatt/base/result.h"

#include <filesystem>
#include <string>

namespace finewatt {

/// Return the text without a byte-order mark. Errors: not found, permission, io; corrupt when the
/// file is empty or not the gzip that its name says. They do not name the file.
Result<std::string> read_text_file(const std::filesystem::path& file);

}  // namespace finewatt
