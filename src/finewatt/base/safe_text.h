// Text from outside made fit for a terminal or a page.
#pragma once

#include <string>
#include <string_view>

namespace finewatt {

/// Whether a code point may not reach a terminal or page as it is: control characters (general
/// category Cc), the bidirectional controls of UAX #9, section 2, line and paragraph separators,
/// and characters that show nothing (zero-width, tags, byte order mark).
bool is_unsafe(char32_t code_point);

/// Return the text on one line, with everything that could steer a terminal or reorder a line
/// replaced by U+FFFD: what is_unsafe(), and bytes that are not UTF-8. Tabs and line breaks become
/// spaces.
std::string safe_text(std::string_view text);

/// The same for a text of several lines: line feeds stay.
std::string safe_lines(std::string_view text);

}  // namespace finewatt
