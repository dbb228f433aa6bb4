// Text measured in columns, cut, wrapped, and escaped for HTML.
//
// Text from outside goes through safe_text (finewatt/base/safe_text.h) first.
// Width is counted in code points, which is enough for Latin text; wide and combining characters
// are not told apart.
#pragma once

#include "finewatt/base/safe_text.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// Return safe_text(text) with & < > " ' as character references, for HTML text and attributes.
std::string escape_html(std::string_view text);

/// Return the number of columns of a text that went through safe_text.
std::size_t display_width(std::string_view text);

/// Return the text, or its beginning and "…" when it is wider than `width` columns.
std::string truncate_to_width(std::string_view text, std::size_t width);

/// Break a text at spaces into lines of at most `width` columns (at least 1); a longer word is cut.
std::vector<std::string> wrap_text(std::string_view text, std::size_t width);

}  // namespace finewatt
