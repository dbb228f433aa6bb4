// gzip: from compressed bytes in memory to plain bytes. Not for archives of many files.
#pragma once

#include "finewatt/base/result.h"

#include <string>
#include <string_view>

namespace finewatt {

/// Decompress a gzip file, of one or several members (RFC 1952, section 2.2). Error: corrupt when
/// it is not gzip, is cut off, fails its checksum, or has other bytes behind it.
Result<std::string> decompress_gzip(std::string_view compressed);

}  // namespace finewatt
