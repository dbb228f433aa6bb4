// Capital and small ASCII letters of codes, keys and names, such as RFCW or "xeon". Other bytes
// stay as they are, whatever the locale; for words of a language there is token/.
//
// Main functions: ascii_lower, ascii_upper.
#pragma once

#include <string>
#include <string_view>

namespace finewatt {

/// Return the small letter of a capital one, any other byte as it is.
constexpr char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Return the capital letter of a small one, any other byte as it is.
constexpr char ascii_upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

/// Return `text` with small letters.
inline std::string ascii_lower(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        c = ascii_lower(c);
    }
    return result;
}

/// Return `text` with capital letters.
inline std::string ascii_upper(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        c = ascii_upper(c);
    }
    return result;
}

}  // namespace finewatt
