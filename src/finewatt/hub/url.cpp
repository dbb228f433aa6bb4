#include "finewatt/base/http_client.h"
#include "finewatt/hub/url_internal.h"

#include <algorithm>

namespace finewatt::hub {

std::string origin_of(std::string_view url) {
    const std::size_t scheme = url.find("://");
    const std::size_t host = scheme == std::string_view::npos ? 0 : scheme + 3;
    std::string origin(url.substr(0, std::min(url.find_first_of("/?#", host), url.size())));
    std::transform(origin.begin(), origin.end(), origin.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return origin;
}

Result<std::string> join_url(std::string_view base, std::string_view location) {
    if (location.starts_with("http://") || location.starts_with("https://")) {
        return std::string(location);
    }
    if (location.starts_with("//")) {
        return std::string(base.substr(0, base.find(':') + 1)) + std::string(location);
    }
    if (location.starts_with("/")) {
        return origin_of(base) + std::string(location);
    }
    return FINEWATT_ERROR(kUnsupported, "{}: it redirects to '{}', which is no whole address",
                          printable_url(base), printable_url(location));
}

std::string percent_encode(std::string_view text, std::string_view kept) {
    std::string out;
    for (const char c : text) {
        const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') ||
                              std::string_view("-._~").find(c) != std::string_view::npos ||
                              kept.find(c) != std::string_view::npos;
        out += is_plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

}  // namespace finewatt::hub
