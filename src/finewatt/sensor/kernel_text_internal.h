// Small text files of the kernel: one value per file, ended by a line end.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/base/sys_root.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

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

/// Read a kernel file that holds one number with a fraction or exponent above 0, or nothing.
std::optional<double> read_kernel_positive(const std::filesystem::path& path);

/// What one read of an open file of one number gave: the number, or the errno, or neither when the
/// text is no number.
struct NumberRead {
    std::optional<std::uint64_t> value;
    int errno_value = 0;
};

/// Read an open kernel file of one unsigned number from its start. Longer texts are no number.
NumberRead read_number(int fd);

/// Return the version that /proc/sys/kernel/osrelease starts with as {major, minor}.
std::optional<std::pair<unsigned, unsigned>> read_kernel_version(const SysRoot& root);

}  // namespace finewatt
