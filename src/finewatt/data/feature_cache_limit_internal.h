// How large the cache of features may grow, and the deletion of what was not used for longest.
//
// Main functions: parse_cache_limit, keep_below_limit. Not for what is in the files
// (feature_cache_file_internal.h).
#pragma once

#include "finewatt/base/result.h"

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace finewatt {

/// Parse a size: bytes, or with K, M, G or T (also KiB, MiB, ...) the next powers of 1,024; "0"
/// keeps nothing. Error: invalid argument.
Result<std::int64_t> parse_cache_limit(std::string_view text);

/// Note that a cached file is used now: its time of modification says so. A file that cannot be
/// changed keeps its time.
void mark_as_used(const std::filesystem::path& file);

/// Go through the cached features from the last used on, keep each that fits into `limit_bytes`
/// together with those before it, and delete the others; also files that a writer left half-done
/// more than a day ago. Other files stay. Several processes may do this at once: each file is there
/// or not, and whoever has mapped one keeps it. What cannot be deleted is left.
void keep_below_limit(const std::filesystem::path& folder, std::int64_t limit_bytes);

}  // namespace finewatt
