// HttpClient: HTTP and HTTPS requests through libcurl, which is opened at run time by the first
// client, so that programs which make no request neither load nor pay for it.
//
// Main types: HttpClient, HttpRequest, HttpResponse. One client keeps its connections open between
// requests. Not a server, and it knows nothing of JSON. docs/decisions/http-client.md has the why.
#pragma once

#include "finewatt/base/result.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace finewatt {

/// User name and password; no message or log of ours ever holds them.
struct HttpCredentials {
    std::string user;
    std::string password;
};

/// How credentials are sent. `kAny` asks first and takes the safest way that the server offers,
/// which costs a second exchange.
enum class HttpAuth { kAny, kBasic, kDigest };

struct HttpResponse;

/// One request. Only http and https URLs; user and password never belong into the URL.
struct HttpRequest {
    std::string url;
    std::string method = "GET";
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string body{};  ///< sent unless the method is GET or HEAD
    std::optional<HttpCredentials> credentials{};
    HttpAuth auth = HttpAuth::kAny;
    bool verify_tls = true;         ///< false: take any certificate, e.g. a self-signed one
    std::string ca_file{};          ///< extra root certificates (PEM); empty = the system's
    bool follow_redirects = false;  ///< at most 5, and never from https to http
    bool use_proxy = true;          ///< honour http_proxy, https_proxy and no_proxy
    std::chrono::milliseconds timeout{30'000};  ///< for everything, from name to last byte
    /// For large downloads: the request may take as long as it likes, but no longer than this
    /// without a byte; `timeout` is then for the connection only. Zero: not used. Whole seconds.
    std::chrono::seconds stall_timeout{0};
    std::size_t max_body_bytes = std::size_t{16} << 20;  ///< a longer answer is refused
    /// Called once with status and headers, before the first byte of the body (of redirects only
    /// the last answer's). An error ends the request and is returned by send().
    std::function<Status(const HttpResponse& head)> on_head{};
    /// Takes the body piece by piece instead of HttpResponse::body, for large downloads; then
    /// max_body_bytes does not count. An error ends the request and is returned by send().
    std::function<Status(std::string_view bytes)> on_body{};
};

/// What the server answered, whatever its status.
struct HttpResponse {
    int status = 0;
    /// Names in lower case, in the order of the answer; of redirects only the last answer's.
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string body{};
    std::chrono::nanoseconds duration{};  ///< from the call to the last byte

    /// Return the first header of that lower-case name, or nothing.
    std::optional<std::string> header(std::string_view name) const;

    bool is_success() const { return status >= 200 && status < 300; }
};

/// Sends requests, one at a time. Used by one thread at a time; several clients may be used by
/// several threads.
class HttpClient {
  public:
    /// Open libcurl (once per process) and make a client. `library` replaces the usual names, for
    /// tests. Errors: not found (no libcurl 4; says which package has it), unsupported (too old).
    static Result<std::unique_ptr<HttpClient>> create(const std::string& library = "");

    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;
    virtual ~HttpClient() = default;

    /// Send a request and wait for its answer, at most `request.timeout`. A status such as 404 is
    /// an answer, not an error; require_success() makes one of it.
    ///
    /// Errors, which name the URL without its query: invalid argument (not http or https, a
    /// header with a line end); not
    /// found (no such host, or nobody listens); busy (time-out); corrupt (TLS certificate refused,
    /// broken or too long answer); io (anything else that cuts the connection); the error of
    /// on_head or on_body.
    virtual Result<HttpResponse> send(const HttpRequest& request) = 0;

  protected:
    HttpClient() = default;
};

/// Return the URL without user, password, query and fragment, for messages.
std::string printable_url(std::string_view url);

/// Return an error unless the status is 2xx. Errors: permission (401, 403), not found (404, 410),
/// busy (429, 503), io (other).
Status require_success(const HttpRequest& request, const HttpResponse& response);

}  // namespace finewatt
