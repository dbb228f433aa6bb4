// mask_value: whether dropout keeps one element, from its row's key and its column. Included by the
// kernels, which are compiled for several instruction sets, so it uses nothing but built-in types.
#pragma once

#include <cstdint>

namespace finewatt {

/// Return 0 where the element of this column is dropped, `kept` elsewhere. A 32-bit finaliser of
/// the MurmurHash3 family; plain integer arithmetic, so that compilers vectorise loops over it.
[[gnu::always_inline]] inline float mask_value(std::uint64_t key, std::uint32_t column,
                                               std::uint32_t threshold, float kept) {
    std::uint32_t x = column * 0x9E3779B1U + static_cast<std::uint32_t>(key);
    x = (x ^ (x >> 16)) * 0x85EBCA6BU + static_cast<std::uint32_t>(key >> 32);
    x = (x ^ (x >> 13)) * 0xC2B2AE35U;
    x ^= x >> 16;
    return x < threshold ? 0.0F : kept;
}

}  // namespace finewatt
