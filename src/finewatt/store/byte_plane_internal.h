// Words of 64 bits as eight planes of bytes, each compressed by itself where that pays. Neighbours
// in a power series are alike, so the upper planes are mostly zero; the lower ones are noise that
// no compressor makes smaller, and they are kept as they are. The layout is in
// docs/formats/store.md.
#pragma once

#include "finewatt/base/result.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// Append the words' planes, the one of the highest bytes first.
void append_planes(std::string& out, const std::vector<std::uint64_t>& words);

/// Take the planes of `count` words off the front of `bytes`. Error: corrupt. Memory is taken for
/// `count` words at once, so the caller bounds it.
Result<std::vector<std::uint64_t>> read_planes(std::string_view& bytes, std::size_t count);

/// Join eight plain planes of `count` bytes each.
std::vector<std::uint64_t> join_planes(std::string_view planes, std::size_t count);

}  // namespace finewatt
