// UTF-8: validation and decoding, with the byte position of the first fault.
#pragma once

#include "finewatt/base/result.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace finewatt {

/// One step of decoding: the code point at the front of `text` and its length in bytes (1..4);
/// length 0 when the bytes are not valid UTF-8 (overlong forms, surrogates, above U+10FFFF, cut
/// off) or `text` is empty.
struct DecodedCodePoint {
    char32_t code_point = 0;
    std::size_t length = 0;
};

DecodedCodePoint decode_utf8_front(std::string_view text);

/// Return the offset of the first byte that is not valid UTF-8, or nothing.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

/// Decode the whole text. Error: corrupt, naming the byte position.
Result<std::u32string> decode_utf8(std::string_view text);

/// Append a code point (any value up to U+10FFFF that is not a surrogate).
void append_utf8(std::string& out, char32_t code_point);

}  // namespace finewatt
