// SHA-256 through libcrypto, opened at run time, so that programs which check nothing do not load
// it. docs/decisions/sha256.md has the why.
#pragma once

#include "finewatt/base/result.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace finewatt::hub {

/// Return the SHA-256 of a text as 64 lower-case hexadecimal digits. Error: unsupported (no
/// libcrypto; says which package has it).
Result<std::string> sha256_of(std::string_view text);

/// The same for a file. Errors also: not found, permission, io.
Result<std::string> sha256_of_file(const std::filesystem::path& path);

}  // namespace finewatt::hub
