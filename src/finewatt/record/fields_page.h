// The reference page docs/reference/fields.md, made from the field tables. Its test keeps the
// committed page fresh (FINEWATT_UPDATE_GOLDEN=1 rewrites it).
#pragma once

#include <string>

namespace finewatt {

/// Return the whole page as Markdown.
std::string fields_page();

}  // namespace finewatt
