// Hashes of content, to tell whether files or texts are the same. Main functions: content_hash,
// file_hash. Not for secrets: XXH3 (Yann Collet, xxHash 0.8) is fast and easy to forge.
#pragma once

#include "finewatt/base/result.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace finewatt {

/// Return 32 hexadecimal digits: XXH3 (128 bits) of the bytes.
std::string content_hash(std::string_view bytes);

/// Return the same of a file's bytes. Errors: not found, permission, io.
Result<std::string> file_hash(const std::filesystem::path& file);

}  // namespace finewatt
