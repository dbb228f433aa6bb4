// Reads a data file into memory: plain, or gzip when its name ends in .gz.
#pragma once

#include "finewatt/base/result.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace finewatt {

/// Return the text without a byte-order mark. Errors: not found, permission, io; corrupt when the
/// file is empty or not the gzip that its name says, and as check_text. They do not name the file.
Result<std::string> read_text_file(const std::filesystem::path& file);

/// Refuse what is no UTF-8 text. Error: corrupt, naming the line, for a byte that is not UTF-8 and
/// for a NUL byte (which UTF-16 text is full of).
Status check_text(std::string_view text);

}  // namespace finewatt
