// Small text files of the kernel: one value per file, ended by a line end.
#pragma once

#include "finewatt/base/result.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace finewatt {

/// Return `text` without white space at both ends.
std::string_view trimmed(std::string_view text);

/// Return the number when `text`, but for white space around it, is nothing but decimal digits and
/// fits 64 bits.
std::optional<std::uint64_t> parse_unsigned(std::string_view text);

/// Read a kernel file and trim it. Errors: not found, permission, io.
Result<std::string> read_kernel_text(const std::filesystem::path& path);

/// Read a kernel file that holds one unsigned number, or nothing.
std::optional<std::uint64_t> read_kernel_unsigned(const std::filesystem::path& path);

}  // namespace finewatt
