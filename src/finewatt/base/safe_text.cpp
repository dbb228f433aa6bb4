#include "finewatt/base/safe_text.h"

#include "finewatt/base/utf8.h"

#include <algorithm>

namespace finewatt {
namespace {

constexpr char32_t kReplacement = U'\uFFFD';

}  // namespace

bool is_unsafe(char32_t c) {
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0xAD || c == 0x61C ||
           (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
           (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) ||
           (c >= 0xFFFE && c <= 0xFFFF) || (c >= 0xE0000 && c <= 0xE007F);
}

std::string safe_text(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const DecodedCodePoint decoded = decode_utf8_front(text);
        const char32_t c = decoded.code_point;
        if (decoded.length == 0) {
            append_utf8(out, kReplacement);
        } else if (c == U'\t' || c == U'\n' || c == U'\r') {
            out += ' ';
        } else {
            append_utf8(out, is_unsafe(c) ? kReplacement : c);
        }
        text.remove_prefix(std::max<std::size_t>(1, decoded.length));
    }
    return out;
}

std::string safe_lines(std::string_view text) {
    std::string out;
    while (true) {
        const std::size_t end = text.find('\n');
        out += safe_text(text.substr(0, end));
        if (end == std::string_view::npos) {
            return out;
        }
        out += '\n';
        text.remove_prefix(end + 1);
    }
}

}  // namespace finewatt
