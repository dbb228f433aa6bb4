#include "finewatt/store/postgres_url_internal.h"

#include <algorithm>

namespace finewatt {
namespace {

constexpr std::string_view kSchemes[] = {"postgresql://", "postgres://"};

}  // namespace

bool is_postgres_url(std::string_view url) {
    return url.starts_with("postgresql:") || url.starts_with("postgres:");
}

Status check_postgres_url(std::string_view url) {
    std::string_view rest;
    for (const std::string_view scheme : kSchemes) {
        if (url.starts_with(scheme)) {
            rest = url.substr(scheme.size());
        }
    }
    const bool has_scheme = rest.data() != nullptr;
    const bool has_nul = url.find('\0') != std::string_view::npos;
    // The part before the first of "/?#" names user, password and host (RFC 3986, section 3.2).
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
    const auto in_authority = std::count(authority.begin(), authority.end(), '@');
    const auto in_url = std::count(rest.begin(), rest.end(), '@');
    // Without an authority an '@' can only be in a name or in the parameters, which are read well.
    const bool is_ambiguous = in_authority > 1 || (!authority.empty() && in_url > in_authority);
    if (!has_scheme || has_nul || is_ambiguous) {
        return FINEWATT_ERROR(
            kInvalidArgument,
            "store: expected postgresql://USER@HOST:PORT/DATABASE, found another form; special "
            "characters of user and password are written as %XX, such as %40 for @ (the URL is "
            "not shown, since it may hold a password)");
    }
    return {};
}

std::string one_line(std::string_view text) {
    std::string line;
    for (const char c : text) {
        const bool is_blank = static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
        if (!is_blank) {
            line.push_back(c);
        } else if (!line.empty() && line.back() != ' ') {
            line.push_back(' ');
        }
    }
    if (line.ends_with(' ')) {
        line.pop_back();
    }
    return line;
}

}  // namespace finewatt
