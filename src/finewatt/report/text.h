// Text from outside made fit for a terminal or a page, and measured in columns.
//
// Main functions: safe_text (no control characters), truncate_to_width, wrap_text, escape_html.
// Width is counted in code points, which is enough for Latin text; wide and combining characters
// are not told apart.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// Return the text on one line, with everything that could steer a terminal or reorder a line
/// replaced by U+FFFD: control characters (C0, DEL, C1), bidirectional and invisible formatting,
/// bytes that are not UTF-8. Tabs and line breaks become spaces.
std::string safe_text(std::string_view text);

/// Return safe_text(text) with & < > " ' as character references, for HTML text and attributes.
std::string escape_html(std::string_view text);

/// Return the number of columns of a text that went through safe_text.
std::size_t display_width(std::string_view text);

/// Return the text, or its beginning and "…" when it is wider than `width` columns.
std::string truncate_to_width(std::string_view text, std::size_t width);

/// Break a text at spaces into lines of at most `width` columns (at least 1); a longer word is cut.
std::vector<std::string> wrap_text(std::string_view text, std::size_t width);

}  // namespace finewatt
