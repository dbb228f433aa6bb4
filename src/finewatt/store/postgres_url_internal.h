// URLs of PostgreSQL ledgers, read with care for their passwords.
#pragma once

#include "finewatt/base/result.h"

#include <string>
#include <string_view>

namespace finewatt {

/// Whether the text is meant as a PostgreSQL URL.
bool is_postgres_url(std::string_view url);

/// Error: invalid argument when libpq may take a part of the password for something else, which it
/// would print: then a character of the password is not written as %XX. The message holds nothing
/// of the URL but its scheme.
Status check_postgres_url(std::string_view url);

/// Return a text in one line: runs of blanks and control characters become one space.
std::string one_line(std::string_view text);

}  // namespace finewatt
