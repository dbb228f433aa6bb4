// The header of a safetensors file: the checks that make its views safe to read.
//
// Main function: parse_tensor_file. Source of the rules: huggingface/safetensors 0.8, README.md
// ("Format") and safetensors/src/tensor.rs.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/tensor_file.h"

#include <cstddef>
#include <map>
#include <span>
#include <string>

namespace finewatt {

/// Longest header that is read or written, in bytes (MAX_HEADER_SIZE in safetensors/src/tensor.rs).
inline constexpr std::size_t kMaxTensorHeaderBytes = 100'000'000;

/// The header's length stands in front of it, as 8 little-endian bytes.
inline constexpr std::size_t kTensorHeaderPrefixBytes = 8;

/// Check a whole file and return its tensors, as views into `file`. Error: corrupt, see
/// TensorFile::open.
Result<std::map<std::string, TensorView>> parse_tensor_file(std::span<const std::byte> file);

}  // namespace finewatt
